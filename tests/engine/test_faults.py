"""Every fault that the embedded clouds can inject ends in success, or in one clear error."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pytest

from operations.deployment import DeploymentFailed
from tests.engine.conftest import Bring
from tests.engine.wholeness import HOLDINGS, assert_whole

pytestmark = pytest.mark.engine

EVERY_CHANGE = (
    "^/v1/ssh_keys$",
    "^/v1/primary_ips$",
    "^/v1/firewalls$",
    "^/v1/volumes$",
    "^/v1/servers$",
    "^/v1/volumes/.*/actions/attach$",
    "^/client/v4/zones/.*/settings/",
    "^/client/v4/zones/.*/dns_records$",
    "^/client/v4/certificates$",
)
"""Every request of an up that makes or changes something."""
ACTIONS = ("create_server", "attach_volume")


def everywhere(*kinds: dict[str, Any], but: str = " ") -> list[dict[str, Any]]:
    """A fault, once, at every request of `EVERY_CHANGE` whose path does not have `but`; `kinds` in turn."""
    return [
        {"method": "POST|PATCH", "path": path, **kind}
        for path, kind in zip(EVERY_CHANGE, itertools.cycle(kinds), strict=False)
        if but not in path
    ]


PASSING = {
    "too many requests": everywhere({"kind": "status", "status": 429, "retry_after": 0}),
    "server errors, and connections dropped before": everywhere(
        {"kind": "status", "status": 500},
        {"kind": "status", "status": 502},
        {"kind": "dropped_connection", "when": "before"},
        {"kind": "status", "status": 503},
        {"kind": "status", "status": 504},
    ),
    # Cloudflare's client itself repeats a request whose answer is lost; of a certificate there are two then,
    # of which the first, whose id nobody knows, lasts until it expires.
    "connections dropped after": everywhere(
        {"kind": "dropped_connection", "when": "after"}, but="certificates"
    ),
    "slow actions, and a server type that is sold out": [
        {"kind": "status", "method": "POST", "path": "^/v1/servers$", "status": 412}
        | {"code": "resource_unavailable"},
        *({"kind": "slow_action", "command": f"^{name}$", "seconds": 1.5} for name in ACTIONS),
    ],
    "failed actions": [{"kind": "failed_action", "command": f"^{name}$"} for name in ACTIONS],
}


@pytest.mark.parametrize("name", PASSING)
def test_what_may_pass_is_tried_again_until_the_stack_is_up(name: str, bring: Bring) -> None:
    lab = bring("uat", up=False)
    lab.fault(*PASSING[name])
    # As many as if the faults came one after another: each try ends at the first ones that it meets.
    deployment = lab.deployment("uat", tries=len(EVERY_CHANGE) + 1)
    deployment.up()
    assert lab.cloud.faults.list() == [], "each has struck"
    assert lab.holdings() == HOLDINGS, "once each, in spite of repetitions"
    sold_out = "server type cx23 is sold out; trying cpx22" in lab.output
    assert sold_out is ("sold out" in name)
    assert [server["server_type"] for server in lab.objects("server")] == ["cpx22" if sold_out else "cx23"]
    assert_whole(lab)


SOLD_OUT = [{"kind": "sold_out", "server_type": name, "count": None} for name in ("cx23", "cpx22", "cx33")]


def always(path: str, **fault: Any) -> dict[str, Any]:
    """A fault that never passes."""
    return {"kind": "status", "method": "POST", "path": path, "count": None, **fault}


FINAL: dict[str, tuple[list[dict[str, Any]], str]] = {
    "sold out everywhere": (
        SOLD_OUT,
        r"up failed:\n  host-server: .*\(resource_unavailable, \w+\)",
    ),
    "hetzner stays down": (
        [always("^/v1/servers$", status=503)],
        r"gave up after 2 tries: host-server: .*\(unavailable, \w+\)\. What exists is in the state; "
        r"run the same again when the provider has recovered\.",
    ),
    "cloudflare stays down": (
        [always("/dns_records$", status=500)],
        r"gave up after 2 tries: edge-\w+-a+: .*500 Internal Server Error.*run the same again.*",
    ),
    "hetzner drops every connection": (
        [{"kind": "dropped_connection", "method": "POST", "path": "^/v1/volumes$", "count": None}],
        r"gave up after 2 tries: host-volume: .*/v1/volumes\": EOF.*run the same again.*",
    ),
    "a hetzner token that may only read": (
        [
            always(
                "^/v1/",
                method=method,
                status=403,
                code="token_readonly",
                message="token is only allowed to perform GET requests",
            )
            for method in ("POST", "PUT")
        ],
        r"up failed:.*HCLOUD_TOKEN: got \(not shown\); may only read, and this run orders.*",
    ),
    "a cloudflare token for another zone": (
        [always("/dns_records$", status=403, code=10000, message="Authentication error")],
        r"up failed:\n  edge-.*403 Forbidden.*Authentication error.*",
    ),
}


@pytest.mark.parametrize("name", FINAL)
def test_what_does_not_pass_is_one_clear_error(name: str, bring: Bring) -> None:
    lab = bring("uat", up=False)
    faults, message = FINAL[name]
    lab.fault(*faults)
    with pytest.raises(DeploymentFailed) as failed:
        lab.deployment("uat", tries=2).up()
    text = str(failed.value)
    assert "Traceback" not in "\n".join(lab.output)
    assert re.fullmatch(message, text, re.DOTALL), text
