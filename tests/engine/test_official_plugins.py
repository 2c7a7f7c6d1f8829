"""The real engine goes the same way with the stand-in for hcloud as with the official plugin.

One small program is previewed, made, left alone, refreshed, changed, replaced and destroyed against the
embedded cloud. What the engine tells of each step, and what the cloud was asked, must be what is kept in
`official_events.json`; that was taken with the official plugin 1.43
(`python -m tests.engine.test_official_plugins` takes it anew). Where an official plugin is to be had (in the
folder JIRA_OFFICIAL_PLUGINS, or on PATH), it is held against the same.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pulumi
import pulumi_hcloud as hcloud
import pytest
from pulumi import automation

from operations.engine import engine
from rehearsal.cloud.cloud import Cloud
from rehearsal.cloud.cloudflare import zones
from rehearsal.cloud.server import CloudServer
from rehearsal.cloud.store import Store
from rehearsal.machines.recorded import RecordedMachines
from tests.rehearsal.plugins.official import plugins

ROOT = Path(__file__).resolve().parents[2]
EVENTS = Path(__file__).with_name("official_events.json")
TOKEN = "t" * 64
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"
Told = dict[str, Any]


def declare(version: int) -> None:
    """Everything that one server needs; each version differs from the one before in one respect."""
    child = pulumi.ResourceOptions(delete_before_replace=True)
    key = hcloud.SshKey("key", public_key=KEY)
    address = hcloud.PrimaryIp("address", type="ipv4", location="fsn1", auto_delete=False)
    rule = {"direction": "in", "protocol": "tcp", "port": "443", "source_ips": ["0.0.0.0/0", "::/0"]}
    wall = hcloud.Firewall("wall", rules=[rule])
    disk = hcloud.Volume("disk", size=20 if version >= 2 else 10, location="fsn1", format="ext4")
    box = hcloud.Server(
        "box",
        server_type="cx23",
        image="debian-12",
        location="fsn1",
        user_data="#cloud-config\n" + ("# new" if version >= 3 else ""),
        labels={"version": str(min(version, 2))},
        ssh_keys=[key.id],
        firewall_ids=[wall.id.apply(int)],
        public_nets=[{"ipv4": address.id.apply(int), "ipv4_enabled": True, "ipv6_enabled": True}],
        opts=child,
    )
    hcloud.VolumeAttachment("mount", volume_id=disk.id.apply(int), server_id=box.id.apply(int), opts=child)
    pulumi.export("address", box.ipv4_address)


@contextmanager
def cloud(folder: Path) -> Iterator[CloudServer]:
    """An embedded cloud whose servers are recorded only."""
    inside = Cloud(Store(folder), RecordedMachines(folder), 0.0)
    zones.make(inside, "example.com", "0" * 32)
    server = CloudServer(inside, TOKEN, 0, rate_limit=0, cloudflare_limit=0)
    inside.start()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        inside.stop()


def told(command: list[str], folder: Path) -> list[Told]:
    """What the engine tells of each step, with the plugin that `command` starts."""
    path = folder / "bin"
    path.mkdir()
    launcher = path / "pulumi-resource-hcloud"
    launcher.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {" ".join(command)} "$@"\n')
    launcher.chmod(0o755)
    (folder / "backend").mkdir()
    with cloud(folder / "cloud") as server:
        environment = {
            "HCLOUD_ENDPOINT": f"{server.url}/v1",
            "HCLOUD_TOKEN": TOKEN,
            "PATH": f"{path}{os.pathsep}{os.environ['PATH']}",
            "PULUMI_BACKEND_URL": f"file://{folder / 'backend'}",
            "PULUMI_CONFIG_PASSPHRASE": "comparison",
            "PULUMI_HOME": str(folder / "home"),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }
        return list(_steps(server, environment))


def _steps(server: CloudServer, environment: dict[str, str]) -> Iterator[Told]:
    version = 1
    root = engine().parent.parent
    stack = automation.create_or_select_stack(
        "dev",
        "comparison",
        lambda: declare(version),
        opts=automation.LocalWorkspaceOptions(
            env_vars=environment, pulumi_command=automation.PulumiCommand(root=str(root))
        ),
    )
    seen = len(server.cloud.audit.read())

    def step(title: str, operation: Callable[..., Any]) -> Told:
        nonlocal seen
        events: list[list[Any]] = []
        operation(on_event=lambda event: events.extend(_told(event)))
        requests = server.cloud.audit.read()
        asked = [_request(request) for request in requests[seen:]]
        seen = len(requests)
        return {"step": title, "events": sorted(events, key=json.dumps), "requests": sorted(asked)}

    yield step("preview", stack.preview)
    yield step("create", stack.up)
    yield step("nothing", stack.up)
    yield step("refresh", stack.refresh)
    version = 2
    yield step("preview a change", stack.preview)
    yield step("change", stack.up)
    version = 3
    yield step("preview a replacement", stack.preview)
    yield step("replace", stack.up)
    yield step("destroy", stack.destroy)


def _told(event: automation.EngineEvent) -> Iterator[list[Any]]:
    """An event of a resource of ours: what is done, to what, and why."""
    for kind in ("resource_pre_event", "res_outputs_event", "res_op_failed_event"):
        found = getattr(event, kind, None)
        metadata = getattr(found, "metadata", None)
        if metadata is None or not metadata.type.startswith("hcloud:"):
            continue
        detailed = {path: diff.diff_kind for path, diff in (metadata.detailed_diff or {}).items()}
        yield [
            kind,
            str(metadata.op.value if hasattr(metadata.op, "value") else metadata.op),
            metadata.urn.rpartition("::")[2],
            sorted(metadata.keys or []),
            sorted(metadata.diffs or []),
            {path: getattr(kind, "value", kind) for path, kind in sorted(detailed.items())},
        ]


def _request(request: dict[str, Any]) -> str:
    """A request without the numbers of things, and a poll without how often it was needed."""
    return re.sub(r"(/|id=)\d+", r"\1#", f"{request['m']} {request['p']} {request['status']}")


@pytest.mark.engine
@pytest.mark.parametrize("kind", plugins("hcloud"))
def test_the_engine_tells_the_same(kind: str, tmp_path: Path) -> None:
    expected = json.loads(EVENTS.read_text())
    for found, wanted in zip(told(plugins("hcloud")[kind], tmp_path), expected, strict=True):
        assert found == wanted, f"step «{wanted['step']}»"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        steps = told(plugins("hcloud")[sys.argv[1] if sys.argv[1:] else "official"], Path(place))
    EVENTS.write_text(json.dumps(steps, indent=1, sort_keys=True) + "\n")
