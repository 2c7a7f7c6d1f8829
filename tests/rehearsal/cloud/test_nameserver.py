"""What a resolver is told of the embedded Cloudflare's zones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from dnslib import QTYPE, RCODE, DNSRecord

from rehearsal.cloud import nameserver
from tests.rehearsal.cloud.harness import ZONE, Embedded

Ask = Callable[..., tuple[str, list[str], list[str]]]


@pytest.fixture
def ask(cloud: Embedded) -> Iterator[Ask]:
    """Asks for a name and a type; the code, the answers, and the types of what is said of the authority."""
    with nameserver.serving(cloud.cloud) as where:
        address, _, port = where.rpartition(":")

        def one(name: str, kind: str, **how: Any) -> tuple[str, list[str], list[str]]:
            sent = DNSRecord.question(name, kind).send(address, int(port), timeout=5, **how)
            reply = DNSRecord.parse(sent)
            said = [str(record.rdata).strip('"') for record in reply.rr]
            return RCODE[reply.header.rcode], said, [QTYPE[record.rtype] for record in reply.auth]

        yield one


@pytest.mark.parametrize("tcp", [False, True])
def test_a_record_is_answered_while_it_is_there(cloud: Embedded, ask: Ask, tcp: bool) -> None:
    name = f"_acme-challenge.api.{ZONE}"
    made = cloud.zone("POST", "/dns_records", {"type": "TXT", "name": name, "content": "proof", "ttl": 120})
    assert ask(name.upper(), "TXT", tcp=tcp) == ("NOERROR", ["proof"], [])
    assert ask(name, "A", tcp=tcp) == ("NOERROR", [], ["SOA"]), "the name has other records"
    cloud.zone("DELETE", f"/dns_records/{made.body['result']['id']}")
    assert ask(name, "TXT", tcp=tcp) == ("NXDOMAIN", [], ["SOA"])


def test_an_alias_is_told_whatever_was_asked(cloud: Embedded, ask: Ask) -> None:
    alias = {"type": "CNAME", "name": f"_acme-challenge.{ZONE}", "content": f"proofs.{ZONE}"}
    cloud.zone("POST", "/dns_records", alias)
    assert ask(alias["name"], "TXT") == ("NOERROR", [f"proofs.{ZONE}."], [])


def test_a_zone_ends_where_its_soa_is(ask: Ask) -> None:
    code, answers, _ = ask(ZONE, "SOA")
    assert (code, len(answers)) == ("NOERROR", 1)
    assert ask(f"api.{ZONE}", "SOA") == ("NXDOMAIN", [], ["SOA"])


def test_another_zone_is_refused(ask: Ask) -> None:
    assert ask("example.net", "SOA") == ("REFUSED", [], [])
    assert ask(f"not{ZONE}", "A") == ("REFUSED", [], [])
