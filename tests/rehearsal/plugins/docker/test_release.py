"""What happens to containers when a program changes, on the real engine with recorded containers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pulumi_docker as docker
import pytest

from tests.rehearsal.plugins.docker_stack import Stack

pytestmark = pytest.mark.engine

CHECK = docker.ContainerHealthcheckArgs(tests=["CMD", "true"], interval="2s", retries=3)
HOST = "ssh://deploy@203.0.113.9"


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    return Stack(tmp_path, {"REHEARSAL_DOCKER": "record"})


def service(
    image: str, opts: pulumi.ResourceOptions | None = None, host: str = HOST, **arguments: Any
) -> Callable[[], None]:
    """A program with one container, by default waited for and with ten seconds of grace."""

    def program() -> None:
        docker_host = docker.Provider("host", host=host)
        on_host = pulumi.ResourceOptions(provider=docker_host)
        pulled = docker.RemoteImage("image", name=image, keep_locally=True, opts=on_host)
        given = {
            "wait": True,
            "wait_timeout": 2,
            "destroy_grace_seconds": 10,
            "healthcheck": CHECK,
            **arguments,
        }
        docker.Container(
            "api", image=pulled.image_id, opts=pulumi.ResourceOptions.merge(on_host, opts), **given
        )

    return program


NEW_FIRST = pulumi.ResourceOptions(delete_before_replace=False)


def events(stack: Stack, since: int = 0) -> list[str]:
    """The container events as `event image`, numbered by the image's tag."""
    lines = [json.loads(line) for line in (stack.state / "docker" / "events.jsonl").read_text().splitlines()]
    tags = {line["id"]: line["name"].rsplit(":", 1)[-1] for line in lines if line["event"] == "pull"}
    containers = [line for line in lines if line["kind"] == "containers"]
    return [f"{line['event']} {tags[line['image'].removeprefix('sha256:')[:12]]}" for line in containers][
        since:
    ]


def fault(stack: Stack, **faults: Any) -> None:
    folder = stack.state / "docker"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "faults.json").write_text(json.dumps(faults))


def test_a_second_update_changes_nothing(stack: Stack) -> None:
    stack.up(service("shop/api:1", memory=64, memory_swap=64))
    assert stack.up(service("shop/api:1", memory=64, memory_swap=64)) == []


def test_by_default_the_old_container_is_deleted_before_the_new_one_is_made(stack: Stack) -> None:
    stack.up(service("shop/api:1"))
    before = len(events(stack))
    stack.up(service("shop/api:2"))
    assert events(stack, before) == ["sigterm 1", "exit 1", "remove 1", "create 2", "start 2", "healthy 2"]


def test_new_before_old_stops_the_old_one_only_when_the_new_one_is_healthy(stack: Stack) -> None:
    stack.up(service("shop/api:1", NEW_FIRST))
    before = len(events(stack))
    fault(stack, healthy_after_seconds=0.5)
    stack.up(service("shop/api:2", NEW_FIRST))
    assert events(stack, before) == ["create 2", "start 2", "healthy 2", "sigterm 1", "exit 1", "remove 1"]


def test_without_grace_the_old_container_is_killed(stack: Stack) -> None:
    stack.up(service("shop/api:1", destroy_grace_seconds=None))
    before = len(events(stack))
    stack.up(service("shop/api:2", destroy_grace_seconds=10))
    assert events(stack, before)[:2] == ["kill 1", "remove 1"], (
        "the grace is read from the state, not the program"
    )


def test_an_unhealthy_release_fails_with_the_old_container_untouched(stack: Stack) -> None:
    stack.up(service("shop/api:1", NEW_FIRST))
    before = len(events(stack))
    fault(stack, unhealthy=["*api:2"])
    stack.failing_up(service("shop/api:2", NEW_FIRST))
    assert "container failed to be in healthy state" in stack.said
    assert events(stack, before) == ["create 2", "start 2", "unhealthy 2"]


def test_the_next_good_release_removes_the_failed_one_and_the_old_one(stack: Stack) -> None:
    stack.up(service("shop/api:1", NEW_FIRST))
    fault(stack, unhealthy=["*api:2"])
    stack.failing_up(service("shop/api:2", NEW_FIRST))
    before = len(events(stack))
    stack.up(service("shop/api:3", NEW_FIRST))
    happened = events(stack, before)
    assert happened[:3] == ["create 3", "start 3", "healthy 3"]
    assert sorted(happened[3:]) == sorted(
        ["sigterm 1", "exit 1", "remove 1", "sigterm 2", "exit 2", "remove 2"]
    )
    assert stack.up(service("shop/api:3", NEW_FIRST)) == []


ENTRY = {"command": ["node"], "entrypoints": ["/run/entrypoint.sh"]}


def test_a_repeated_bad_release_with_command_and_entry_point_is_taken_over_unhealthy(
    stack: Stack,
) -> None:
    """The official plugin does so: it is an update, which waits for nothing, and the old one goes."""
    stack.up(service("shop/api:1", NEW_FIRST, **ENTRY))
    fault(stack, unhealthy=["*api:2"])
    stack.failing_up(service("shop/api:2", NEW_FIRST, **ENTRY))
    before = len(events(stack))
    assert ("update", "api") in stack.up(service("shop/api:2", NEW_FIRST, **ENTRY))
    assert events(stack, before) == ["sigterm 1", "exit 1", "remove 1"]


@pytest.mark.parametrize("guarded", [True, False], ids=["by replace_on_changes", "by a missing entry point"])
def test_a_repeated_bad_release_fails_again_with_the_old_one_untouched(stack: Stack, guarded: bool) -> None:
    careful = pulumi.ResourceOptions(delete_before_replace=False, replace_on_changes=["#initerror"])
    opts, arguments = (careful, ENTRY) if guarded else (NEW_FIRST, {})
    stack.up(service("shop/api:1", opts, **arguments))
    fault(stack, unhealthy=["*api:2"])
    stack.failing_up(service("shop/api:2", opts, **arguments))
    before = len(events(stack))
    stack.failing_up(service("shop/api:2", opts, **arguments))
    assert events(stack, before)[:2] == ["create 2", "start 2"]
    assert not [event for event in events(stack, before) if event.endswith(" 1")], "the old one still serves"


def test_memory_and_restart_are_updated_in_place(stack: Stack) -> None:
    stack.up(service("shop/api:1", memory=64, memory_swap=64))
    before = len(events(stack))
    assert stack.up(service("shop/api:1", memory=96, memory_swap=96, restart="always")) == [("update", "api")]
    assert events(stack, before) == ["update 1"]
    assert stack.resources()["api"]["outputs"]["memory"] == 96


def test_what_the_official_plugin_ignores_only_changes_the_state(stack: Stack) -> None:
    changed: dict[str, Any] = {
        "tmpfs": {"/tmp": "size=1m"},
        "init": True,
        "healthcheck": {"tests": ["CMD", "false"]},
    }
    stack.up(service("shop/api:1"))
    before = len(events(stack))
    assert stack.up(service("shop/api:1", **changed)) == [("update", "api")]
    assert stack.diffs["update api"][0] == sorted(changed)
    assert events(stack, before) == [], "the container runs on as it was"
    assert stack.up(service("shop/api:1", **changed)) == [], "and the state takes the change for applied"
    stack.refresh(service("shop/api:1", **changed))
    assert stack.preview(service("shop/api:1", **changed)) == [("update", "api")], "a refresh shows it"
    assert stack.diffs["update api"][0] == sorted(changed)


def test_replace_on_changes_applies_what_would_be_ignored(stack: Stack) -> None:
    opts = pulumi.ResourceOptions(delete_before_replace=False, replace_on_changes=["tmpfs"])
    stack.up(service("shop/api:1", opts))
    before = len(events(stack))
    stack.up(service("shop/api:1", opts, tmpfs={"/tmp": "size=1m"}))
    assert events(stack, before)[:3] == ["create 1", "start 1", "healthy 1"]


def test_a_fixed_name_collides_when_the_new_container_is_made_first(stack: Stack) -> None:
    stack.up(service("shop/api:1", NEW_FIRST, name="api"))
    stack.failing_up(service("shop/api:2", NEW_FIRST, name="api"))
    assert 'The container name "/api" is already in use by container' in stack.said


def test_a_host_port_collides_when_the_new_container_is_made_first(stack: Stack) -> None:
    ports = [docker.ContainerPortArgs(internal=80, external=8080)]
    stack.up(service("shop/api:1", NEW_FIRST, ports=ports))
    stack.failing_up(service("shop/api:2", NEW_FIRST, ports=ports))
    assert "port is already allocated" in stack.said


def test_destroy_leaves_nothing_on_the_host(stack: Stack) -> None:
    stack.up(service("shop/api:1", labels=[docker.ContainerLabelArgs(label="a", value="b")]))
    stack.destroy()
    host = stack.state / "docker" / "203.0.113.9"
    assert [path.name for path in host.glob("*/*.json") if path.parent.name != "images"] == []


def test_an_unknown_host_is_not_dialled_at_preview(stack: Stack) -> None:
    def program() -> None:
        import pulumi_command as command

        ready = command.local.Command("ready", create="true")
        host = docker.Provider("host", host=ready.stdout.apply(lambda _: HOST))
        on_host = pulumi.ResourceOptions(provider=host)
        image = docker.RemoteImage("image", name="shop/api:1", opts=on_host)
        docker.Container("api", image=image.image_id, opts=on_host)

    assert ("create", "api") in stack.preview(program)
    assert not (stack.state / "docker").exists()


def test_an_unreachable_engine_is_named_in_the_error(tmp_path: Path) -> None:
    stack = Stack(tmp_path, {"REHEARSAL_DOCKER": "run"})
    stack.failing_up(service("shop/api:1", host=f"unix://{tmp_path}/none.sock"))
    assert f"please make sure that unix://{tmp_path}/none.sock is reachable" in stack.said
