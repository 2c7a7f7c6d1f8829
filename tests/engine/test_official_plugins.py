"""The real engine goes the same way with each stand-in as with the official plugin.

One small program (`official_programs.py`) is previewed, made, left alone, refreshed, changed, replaced and
destroyed. What the engine tells of each step, and for hcloud what the cloud was asked, must be what is kept
in `official_events/`. That was taken with official plugins: hcloud 1.43, command 1.2, docker 5.2, random
4.21, tls 5.6 (`python -m tests.engine.test_official_plugins docker IMAGE` takes docker's anew, from what
Docker's daemon makes of IMAGE). Where an official plugin is to be had (in the folder JIRA_OFFICIAL_PLUGINS,
or on PATH), it is held against the same.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pulumi import automation

from operations.engine import engine
from rehearsal.cloud.cloud import Cloud
from rehearsal.cloud.cloudflare import zones
from rehearsal.cloud.server import CloudServer
from rehearsal.cloud.store import Store
from rehearsal.images import builder
from rehearsal.machines.recorded import RecordedMachines
from tests.engine.official_programs import IMAGE, PROGRAMS
from tests.rehearsal.plugins.official import plugins

ROOT = Path(__file__).resolve().parents[2]
EVENTS = Path(__file__).with_name("official_events")
TOKEN = "t" * 64
Told = dict[str, Any]


@dataclass
class Surroundings:
    """What a plugin finds: variables, and a count of what it asked for."""

    environment: dict[str, str]
    requests: Callable[[], list[dict[str, Any]]] = list


@contextmanager
def _surrounded(name: str, folder: Path) -> Iterator[Surroundings]:
    if (
        name != "hcloud"
    ):  # the stand-in for docker records, as without a daemon; the official one has none of it
        mode = "record" if name == "docker" else "run"
        yield Surroundings({"REHEARSAL_DOCKER": mode, "REHEARSAL_STATE": str(folder)})
        return
    inside = Cloud(Store(folder), RecordedMachines(folder), 0.0)
    zones.make(inside, "example.com", "0" * 32)
    server = CloudServer(inside, TOKEN, 0, rate_limit=0, cloudflare_limit=0)
    inside.start()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        found = {"HCLOUD_ENDPOINT": f"{server.url}/v1", "HCLOUD_TOKEN": TOKEN}
        yield Surroundings(found, inside.audit.read)
    finally:
        server.shutdown()
        server.server_close()
        inside.stop()


def told(name: str, command: list[str], folder: Path) -> list[Told]:
    """What the engine tells of each step, with the plugin `name` that `command` starts."""
    path = folder / "bin"
    path.mkdir()
    launcher = path / f"pulumi-resource-{name}"
    launcher.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {" ".join(command)} "$@"\n')
    launcher.chmod(0o755)
    (folder / "backend").mkdir()
    (folder / "state").mkdir()
    with _surrounded(name, folder / "state") as surroundings:
        environment = {
            **surroundings.environment,
            "PATH": f"{path}{os.pathsep}{os.environ['PATH']}",
            "PULUMI_BACKEND_URL": f"file://{folder / 'backend'}",
            "PULUMI_CONFIG_PASSPHRASE": "comparison",
            "PULUMI_HOME": str(folder / "home"),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }
        return list(_steps(name, surroundings, environment))


def _steps(name: str, surroundings: Surroundings, environment: dict[str, str]) -> Iterator[Told]:
    version = 1
    root = engine().parent.parent
    stack = automation.create_or_select_stack(
        "dev",
        "comparison",
        lambda: PROGRAMS[name](version),
        opts=automation.LocalWorkspaceOptions(
            env_vars=environment, pulumi_command=automation.PulumiCommand(root=str(root))
        ),
    )
    seen = len(surroundings.requests())

    def step(title: str, operation: Callable[..., Any]) -> Told:
        nonlocal seen
        events: list[list[Any]] = []
        operation(on_event=lambda event: events.extend(_told(name, event)))
        requests = surroundings.requests()
        asked = [_request(request) for request in requests[seen:]]
        seen = len(requests)
        return {"step": title, "events": sorted(events, key=json.dumps), "requests": sorted(asked)}

    try:
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
    finally:
        last = step("destroy", stack.destroy)
    yield last


def _told(name: str, event: automation.EngineEvent) -> Iterator[list[Any]]:
    """An event of a resource of ours: what is done, to what, and why."""
    for kind in ("resource_pre_event", "res_outputs_event", "res_op_failed_event"):
        found = getattr(event, kind, None)
        metadata = getattr(found, "metadata", None)
        if metadata is None or not metadata.type.startswith(f"{name}:"):
            continue
        yield [
            kind,
            _word(metadata.op),
            metadata.urn.rpartition("::")[2],
            sorted(metadata.keys or []),
            sorted(metadata.diffs or []),
            {path: _difference(diff) for path, diff in sorted((metadata.detailed_diff or {}).items())},
        ]


def _difference(diff: Any) -> str:
    """Its kind, and where its path is one into the old inputs, not into the old outputs."""
    return f"{_word(diff.diff_kind)}{' of inputs' if diff.input_diff else ''}"


def _word(value: Any) -> str:
    return str(getattr(value, "value", value))


def _request(request: dict[str, Any]) -> str:
    """A request without the numbers of things, and a poll without how often it was needed."""
    return re.sub(r"(/|id=)\d+", r"\1#", f"{request['m']} {request['p']} {request['status']}")


@pytest.mark.engine
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        # Docker's official plugin asks a daemon: it is held against this where it records.
        (name, kind)
        for name in PROGRAMS
        for kind in plugins(name)
        if (name, kind) != ("docker", "official")
    ],
)
def test_the_engine_tells_the_same(name: str, kind: str, tmp_path: Path) -> None:
    expected = json.loads((EVENTS / f"{name}.json").read_text())
    for found, wanted in zip(told(name, plugins(name)[kind], tmp_path), expected, strict=True):
        assert found == wanted, f"step «{wanted['step']}»"


if plugins("docker").get("official"):

    @pytest.mark.engine
    @pytest.mark.live
    def test_the_engine_tells_the_same_of_containers_that_run(
        built: Callable[..., dict[str, str]], tmp_path: Path
    ) -> None:
        expected = json.loads((EVENTS / "docker.json").read_text())
        with _tagged(built("base")["base"]):
            assert told("docker", plugins("docker")["official"], tmp_path) == expected


@contextmanager
def _tagged(image: str) -> Iterator[None]:
    """The daemon has `image` under the name that the program gives it."""
    docker = builder.connect()
    repository, _, version = IMAGE.rpartition(":")
    assert docker.images.get(image).tag(repository, version)
    try:
        yield
    finally:
        docker.images.remove(IMAGE)


if __name__ == "__main__":
    chosen, *images = sys.argv[1:]
    with tempfile.TemporaryDirectory() as place, _tagged(images[0]) if images else nullcontext():
        steps = told(chosen, plugins(chosen)["official"], Path(place))
    (EVENTS / f"{chosen}.json").write_text(json.dumps(steps, indent=1, sort_keys=True) + "\n")
