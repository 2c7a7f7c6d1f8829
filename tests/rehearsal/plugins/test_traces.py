"""The stand-ins for hcloud and cloudflare ask exactly what the official plugins asked when they were
recorded.

`traces/` holds those recordings. Their steps are taken again here, against a server that answers as the
recording one did, and the requests of each kind of object must be the same, in the same order. (Resources of
different kinds were handled at the same time then, and one after another here.)
"""

from __future__ import annotations

import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.rehearsal.plugins.driver import Driver, Ref, started
from tests.rehearsal.plugins.recording import Fault, Recording, recording

TRACES = Path(__file__).with_name("traces")
ZONE = "0" * 32
KEY = ("hcloud:index/sshKey:SshKey", {"publicKey": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEpG"})
Program = dict[str, tuple[str, dict[str, Any]]]


class Replay:
    """Both plugins, and the server that they ask."""

    def __init__(self, record: Recording, hcloud: Driver, cloudflare: Driver) -> None:
        self.record, self.hcloud, self.cloudflare = record, hcloud, cloudflare

    def up(self, hetzner: Program, cloudflare: Program | None = None) -> list[dict[str, Any]]:
        """An update of both; what was done."""
        self.record.step("up")
        return self.hcloud.apply(hetzner) + self.cloudflare.apply(cloudflare or {})

    def steps(self) -> list[list[dict[str, Any]]]:
        """The requests of each step."""
        return list(split(self.record.requests))


@pytest.fixture
def replay() -> Iterator[Replay]:
    with ExitStack() as stack:
        record = stack.enter_context(recording())
        surroundings = {
            "HCLOUD_TOKEN": "t" * 64,
            "HCLOUD_ENDPOINT": f"{record.endpoint}/v1",
            "CLOUDFLARE_API_TOKEN": "c" * 40,
        }
        drivers = [
            stack.enter_context(started([sys.executable, "-m", "rehearsal.plugins", name], surroundings))
            for name in ("hcloud", "cloudflare")
        ]
        assert drivers[0].configure("hcloud", pollInterval="10ms") == []
        assert drivers[1].configure("cloudflare", baseUrl=f"{record.endpoint}/cf") == []
        yield Replay(record, *drivers)


def split(lines: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """The requests of each step that an operation opens; what only prepares one belongs to none."""
    step: list[dict[str, Any]] | None = None
    for line in lines:
        if line.get("step") in ("preview", "up", "refresh", "destroy"):
            if step is not None:
                yield step
            step = []
        elif "step" not in line:
            assert step is not None
            step.append(line)
    if step is not None:
        yield step


def trace(name: str) -> list[list[dict[str, Any]]]:
    return list(split([json.loads(line) for line in (TRACES / name).read_text().splitlines()]))


def by_kind(requests: list[dict[str, Any]]) -> dict[str, list[str]]:
    """The requests by kind of object, in order, without what is different at each run: numbers and random
    names."""
    kinds: dict[str, list[str]] = defaultdict(list)
    for request in requests:
        path = re.sub(r"(/|id=)r?1\d\d\b", r"\1#", request["p"])
        kind = re.split(r"[/?]", path)[2 if path.startswith("/v1") else 4]
        body = json.dumps(request["body"], sort_keys=True)
        body = re.sub(r"\b1\d\d\b", "#", re.sub(r"-[0-9a-f]{7}\"", '-#"', body))
        kinds[kind].append(f"{request['m']} {path} {body} {request['status']}")
    return dict(kinds)


def test_create_update_destroy(replay: Replay) -> None:
    wall = {"direction": "in", "protocol": "tcp", "sourceIps": ["0.0.0.0/0"]}
    server = {
        "serverType": "cx23",
        "image": "debian-12",
        "location": "fsn1",
        "userData": "#cloud-config\n",
        "sshKeys": [Ref("k")],
        "firewallIds": [Ref("fw", int)],
        "publicNets": [{"ipv4": Ref("ip", int), "ipv4Enabled": True, "ipv6Enabled": True}],
    }

    def hetzner(port: str, protected: bool) -> Program:
        address = {"type": "ipv4", "location": "fsn1", "autoDelete": False, "deleteProtection": protected}
        return {
            "k": KEY,
            "ip": ("hcloud:index/primaryIp:PrimaryIp", address),
            "v": ("hcloud:index/volume:Volume", {"size": 10, "location": "fsn1", "format": "ext4"}),
            "fw": ("hcloud:index/firewall:Firewall", {"rules": [{**wall, "port": port}]}),
            "s": ("hcloud:index/server:Server", server),
            "a": (
                "hcloud:index/volumeAttachment:VolumeAttachment",
                {"volumeId": Ref("v", int), "serverId": Ref("s", int)},
            ),
        }

    def cloudflare(comment: str) -> Program:
        record = {
            "zoneId": ZONE,
            "name": "api-uat.example.com",
            "type": "A",
            "content": "203.0.113.9",
            "ttl": 1,
            "proxied": True,
            "comment": comment,
        }
        return {
            "ssl": (
                "cloudflare:index/zoneSetting:ZoneSetting",
                {"zoneId": ZONE, "settingId": "ssl", "value": "strict"},
            ),
            "dns": ("cloudflare:index/dnsRecord:DnsRecord", record),
        }

    replay.record.step("preview")
    replay.hcloud.apply(hetzner("443", False), preview=True)
    replay.cloudflare.apply(cloudflare("v1"), preview=True)
    replay.up(hetzner("443", False), cloudflare("v1"))
    assert {entry["op"] for entry in replay.up(hetzner("443", False), cloudflare("v1"))} == {"same"}
    replay.record.step("refresh")
    replay.hcloud.refresh()
    replay.cloudflare.refresh()
    done = replay.up(hetzner("80", True), cloudflare("v2"))
    assert {entry["name"] for entry in done if entry["op"] == "update"} == {"ip", "fw", "dns"}
    replay.up({}, {})
    recorded = trace("create-update-destroy.jsonl")
    assert [by_kind(step) for step in replay.steps()] == [by_kind(step) for step in recorded]


def test_slow_actions_replacement_and_faults(replay: Replay) -> None:
    def program(version: int) -> Program:
        protection = {"deleteProtection": True, "rebuildProtection": True} if version >= 5 else {}
        server = {
            "serverType": "cx23",
            "image": "debian-12",
            "location": "fsn1",
            "userData": "#cloud-config\n" + ("# new" if version >= 4 else ""),
            "sshKeys": [Ref("k")],
            "labels": {"v": str(min(version, 3))},
            **protection,
        }
        size = 20 if version >= 3 else 10
        return {
            "k": KEY,
            "v": ("hcloud:index/volume:Volume", {"size": size, "location": "fsn1", "format": "ext4"}),
            "s": ("hcloud:index/server:Server", server),
            "a": (
                "hcloud:index/volumeAttachment:VolumeAttachment",
                {"volumeId": Ref("v", int), "serverId": Ref("s", int)},
            ),
        }

    record = replay.record
    record.polls, record.resizes = 2, False
    for version in (1, 2, 3):
        replay.up(program(version))
    record.step("up")  # the server is replaced with delete_before_replace, and so what depends on it
    for name in ("a", "s"):
        replay.hcloud.delete(name)
    replay.hcloud.apply(program(4))
    replay.up(program(5))
    replay.up({})

    record.polls = 0
    record.faults[:] = [Fault(503, 2, "unavailable", "POST /v1/servers$")]
    assert "made to fail with unavailable (unavailable)" in replay.up(program(1))[-1]["error"]
    record.faults[:] = [Fault(429, 2, "rate_limit_exceeded", "GET /v1/servers/")]
    record.step("refresh")
    replay.hcloud.refresh()
    record.faults[:] = [Fault(409, 3, "conflict", "PUT /v1/servers")]
    replay.up(program(2))
    replay.up({})
    record.faults[:] = [Fault(412, 9, "resource_unavailable", "POST /v1/servers$")]
    assert (
        "made to fail with resource_unavailable (resource_unavailable)" in replay.up(program(1))[-1]["error"]
    )
    replay.up({})

    expected = [by_kind(step) for step in trace("slow-actions-replacement-faults.jsonl")]
    found = [by_kind(step) for step in replay.steps()]
    for step in (3, 4):  # recorded with the polls of its action, but without itself
        found[step]["volumes"].remove('POST /v1/volumes/#/actions/resize {"size": 20} 201')
    for steps in (found, expected):  # the volume was changed while it was detached
        steps[3]["volumes"].sort()
    assert found == expected
