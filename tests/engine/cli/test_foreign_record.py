"""docs/runbook.md, "A foreign DNS record" and "Other names in the zone", followed by their commands alone."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.engine.cli.terminal import Terminal, host
from tests.engine.lab import SECRETS, ZONE_ID

pytestmark = [pytest.mark.engine, pytest.mark.nightly, pytest.mark.parametrize("host", [host()])]
NAME = "app-uat.example.com"
RECORDS = f"/client/v4/zones/{ZONE_ID}/dns_records"


def at_the_name(terminal: Terminal, type_: str) -> list[dict[str, Any]]:
    return [r for r in terminal.lab.objects("dns_record") if (r["name"], r["type"]) == (NAME, type_)]


def test_a_record_that_was_there_before_is_taken_over_and_is_never_one_of_two(
    host: str, terminal: Terminal
) -> None:
    """infrastructure A9: the way that the refusal names, to its end."""
    run, lab = terminal.run, terminal.lab
    body = {"type": "A", "name": NAME, "content": "192.0.2.1", "proxied": True, "ttl": 1}
    id_ = lab.ask("POST", RECORDS, body)["result"]["id"]
    run("pulumi stack init uat")
    run("pulumi config set --secret acme_dns_token", stdin=SECRETS["acme_dns_token"])

    refused = run("pulumi up --yes --skip-preview", fails=True)
    assert f"{NAME} A 192.0.2.1 (record {id_}); is not this stack's" in refused
    assert set(lab.holdings()) == {"dns_record"}, "nothing was made"
    comment, import_ = re.findall(r"`([^`]+)`", refused)[:2]

    run(
        f'curl --silent --fail -X PATCH "$CLOUDFLARE_BASE_URL/zones/{ZONE_ID}/dns_records/{id_}" '
        f'-H "Authorization: Bearer $CLOUDFLARE_API_TOKEN" --json \'{{"comment": "{comment}"}}\''
    )
    run(f"{import_} --yes --skip-preview")
    run("pulumi up --yes --skip-preview")
    (record,) = at_the_name(terminal, "A")
    (address,) = (ip["ip"] for ip in lab.objects("primary_ip") if ip["type"] == "ipv4")
    assert (record["id"], record["content"]) == (id_, address)
    assert re.search(r"(\d+) unchanged", run("pulumi up --yes --skip-preview"))
    run("pulumi destroy --yes --skip-preview")
    assert lab.holdings() == {}


def test_a_record_that_was_deleted_is_made_anew(host: str, terminal: Terminal) -> None:
    """infrastructure A9: the other way."""
    run, lab = terminal.run, terminal.lab
    body = {"type": "CNAME", "name": NAME, "content": "old.example.org", "proxied": True, "ttl": 1}
    id_ = lab.ask("POST", RECORDS, body)["result"]["id"]
    run("pulumi stack init uat")
    run("pulumi config set --secret acme_dns_token", stdin=SECRETS["acme_dns_token"])
    assert f"(record {id_})" in run("pulumi preview", fails=True)
    run(
        f'curl --silent --fail -X DELETE "$CLOUDFLARE_BASE_URL/zones/{ZONE_ID}/dns_records/{id_}" '
        '-H "Authorization: Bearer $CLOUDFLARE_API_TOKEN"'
    )
    assert "to create" in run("pulumi preview")


def test_the_zone_is_changed_for_other_names_by_leave_alone(host: str, terminal: Terminal) -> None:
    """infrastructure B2: the way that the refusal names."""
    run, lab = terminal.run, terminal.lab
    body = {"type": "A", "name": "shop.example.com", "content": "192.0.2.1", "proxied": True, "ttl": 1}
    lab.ask("POST", RECORDS, body)
    run("pulumi stack init uat")
    run("pulumi config set --secret acme_dns_token", stdin=SECRETS["acme_dns_token"])
    assert "for the whole zone, and so for shop.example.com" in run("pulumi preview", fails=True)
    run("pulumi config set --path edge.zone_settings keep")
    assert "edge-ssl" not in run("pulumi preview")
    run("pulumi config set --path edge.zone_settings change")
    assert "edge-ssl" in run("pulumi preview")
