"""Let's Encrypt, rehearsed: a real ACME server, proofs through the embedded Cloudflare, the real proxy."""

from __future__ import annotations

import json
import ssl
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from components.settings.tls import Tls
from operations.golang import BuildFailed, GoMissing
from rehearsal import acme
from rehearsal.cloud import nameserver
from tests.door.door import HOSTS, Door, opened, self_signed
from tests.playbook.waiting import seconds_until
from tests.ports import free_ports
from tests.rehearsal.cloud.harness import TOKEN, Embedded

DAYS = 20
"""For which certificates are signed: less than the 30 days before their end at which Traefik renews them."""


@dataclass(frozen=True)
class Stage:
    """Authority and Cloudflare, and a door that is opened before them, with one memory."""

    cloud: Embedded
    folder: Path
    open: Callable[[], AbstractContextManager[Door]]

    def kept(self) -> dict[str, str]:
        """The certificates in Traefik's file, by name."""
        kept = json.loads((self.folder / "acme.json").read_text())["acme"]["Certificates"]
        return {one["domain"]["main"]: one["certificate"] for one in kept}


@pytest.fixture(scope="module")
def pebble() -> Path:
    try:
        return acme.program()
    except (GoMissing, BuildFailed) as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def stage(traefik: Path, pebble: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder, server = tmp_path_factory.mktemp("door"), tmp_path_factory.mktemp("pebble")
    certificate, key = self_signed(server, "IP:127.0.0.1")
    (folder / "token").write_text(TOKEN)
    ports = free_ports(2)
    with ExitStack() as stack:
        cloud = stack.enter_context(closing(Embedded(tmp_path_factory.mktemp("cloud") / "cloud")))
        resolver = stack.enter_context(nameserver.serving(cloud.cloud))
        authority = stack.enter_context(
            acme.serving(pebble, server, (ports[0], ports[1]), certificate, key, resolver, DAYS)
        )
        trusting = ssl.create_default_context(cafile=str(certificate))

        def roots() -> str:
            with urllib.request.urlopen(authority.roots, context=trusting, timeout=5) as answer:
                return str(answer.read().decode())

        seconds_until("the authority serves", roots, 20, every=0.1)

        def here(config: dict[str, Any]) -> None:
            resolved = config["certificatesResolvers"]["acme"]["acme"]
            resolved["storage"] = str(folder / "acme.json")
            resolved["dnsChallenge"]["resolvers"] = [resolver]
            # It would ask the zone's own name servers, at their port 53.
            resolved["dnsChallenge"]["propagation"] = {"disableANSChecks": True}

        def open_door() -> AbstractContextManager[Door]:
            return opened(
                folder,
                traefik,
                tls=Tls(mode="dns-01", acme_email="ops@example.com", acme_server=authority.directory),
                trusted=roots(),
                environment={
                    "CF_DNS_API_TOKEN_FILE": str(folder / "token"),
                    "CLOUDFLARE_BASE_URL": f"{cloud.url}/client/v4",
                    "LEGO_CA_CERTIFICATES": str(certificate),
                },
                static=here,
            )

        yield Stage(cloud, folder, open_door)


def presented(door: Door, host: str) -> dict[str, Any]:
    """The certificate that the door presents for a host, which verifies."""
    with closing(door.connection(host)) as connection:
        assert isinstance(connection.sock, ssl.SSLSocket)
        return dict(connection.sock.getpeercert() or {})


@pytest.fixture(scope="module")
def first(stage: Stage) -> dict[str, str]:
    """The certificates, by name, of a door that was opened for the first time, and is shut again."""
    with stage.open() as door:
        for host in HOSTS.values():
            seconds_until(f"{host} has a certificate", lambda host=host: presented(door, host), 60)
            assert presented(door, host)["subjectAltName"] == (("DNS", host),)
        seconds_until("all are kept", lambda: set(stage.kept()) == set(HOSTS.values()), 20)
    proofs = [entry["body"]["name"] for entry in stage.cloud.requests() if entry["m"] == "POST"]
    assert sorted(proofs) == sorted(f"_acme-challenge.{host}" for host in HOSTS.values()), (
        "each is proved once"
    )
    return stage.kept()


def test_each_name_has_a_certificate_of_its_own_and_what_proved_it_is_gone(
    stage: Stage, first: dict[str, str]
) -> None:
    """Report: runtime 11 and 12. Both entrances ask for the same names."""
    assert len(set(first.values())) == len(HOSTS)
    assert stage.cloud.zone("GET", "/dns_records?type=TXT").body["result"] == []


def test_what_is_due_is_renewed_and_what_was_there_is_presented_until_then(
    stage: Stage, first: dict[str, str]
) -> None:
    """Report: runtime 11. Traefik looks when it starts, and each day."""
    with stage.open() as door:
        for host in HOSTS.values():
            assert presented(door, host), "the old one, or the new one"
        seconds_until("all are renewed", lambda: not set(first.values()) & set(stage.kept().values()), 60)
        for host in HOSTS.values():
            assert presented(door, host)["subjectAltName"] == (("DNS", host),)
    assert set(stage.kept()) == set(HOSTS.values())
