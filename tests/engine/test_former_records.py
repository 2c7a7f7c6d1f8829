"""Records of the stack that its state does not know: all but the names was lost, or another state has it."""

from __future__ import annotations

from typing import Any

import pytest

from components.edge.dns import comment
from operations.deployment import DeploymentFailed
from tests.engine.conftest import Bring
from tests.engine.lab import ZONE_ID, Lab
from tests.engine.wholeness import assert_whole

pytestmark = pytest.mark.engine
NAME = "app-uat.example.com"
OF_NOBODY = {"A": "192.0.2.1", "AAAA": "2001:db8:ffff::1"}


def add(lab: Lab, kind: str, content: str) -> str:
    body = {
        "type": kind,
        "name": NAME,
        "content": content,
        "proxied": True,
        "ttl": 1,
        "comment": comment("uat"),
    }
    return str(lab.ask("POST", f"/client/v4/zones/{ZONE_ID}/dns_records", body)["result"]["id"])


def there(lab: Lab, kind: str) -> list[dict[str, Any]]:
    return [
        record for record in lab.objects("dns_record") if (record["name"], record["type"]) == (NAME, kind)
    ]


def test_what_led_to_a_server_that_is_lost_is_replaced(bring: Bring) -> None:
    lab = bring("uat", up=False)
    former = [add(lab, kind, content) for kind, content in OF_NOBODY.items()]
    lab.deployment("uat").up()
    assert_whole(lab)
    assert not {record["id"] for record in lab.objects("dns_record")} & set(former)
    for kind in OF_NOBODY:
        (record,) = there(lab, kind)
        assert record["content"] != OF_NOBODY[kind]
        assert f"{NAME} {kind} {OF_NOBODY[kind]}: was this stack's" in "\n".join(lab.output)


def test_what_leads_to_another_server_of_the_account_may_serve_and_stays(bring: Bring) -> None:
    lab = bring("uat", up=False)
    body = {
        "name": "other",
        "type": "ipv4",
        "assignee_type": "server",
        "location": "fsn1",
        "auto_delete": False,
    }
    address = lab.ask("POST", "/v1/primary_ips", body)["primary_ip"]["ip"]
    served = add(lab, "A", address)
    with pytest.raises(DeploymentFailed, match=f"A record that the state does not know: {address}"):
        lab.deployment("uat").up()
    (record,) = there(lab, "A")
    assert (record["id"], record["content"]) == (served, address)
