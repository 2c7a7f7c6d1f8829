"""Programs with containers, version after version: to be played with either plugin."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pulumi
import pulumi_docker as docker

from tests.rehearsal.plugins.docker_stack import LABEL, Stack

Program = Callable[[], None]
Story = list[tuple[str, Program]]

_LABELS = [("jira-plus-plus", LABEL), ("b", "2"), ("a", "1")]
_LOOP = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"]
_VARIES = (
    (re.compile(r"sha256:[0-9a-f]{64}"), "<image>"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "<id>"),
    (re.compile(r"\b[0-9a-f]{12}\b"), "<short id>"),
    (re.compile(r"(?<=-)[0-9a-f]{7}\b"), "<suffix>"),
    # With its mask: once Docker's pool of /16 is used up by others, the next network is a /20.
    (re.compile(r"\b\d+\.\d+\.\d+\.\d+(?:/\d+)?\b"), "<address>"),
    (re.compile(r"\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b"), "<mac>"),
)
_LOG = "sdk.helper_schema"
"""In a line that the official plugin logs beside each error, with the same words."""

NEW_FIRST = pulumi.ResourceOptions(delete_before_replace=False)
CAREFUL = pulumi.ResourceOptions(delete_before_replace=False, replace_on_changes=["#initerror"])


def service(pulled: str, /, opts: pulumi.ResourceOptions | None = None, **changes: Any) -> Program:
    """A container on a network and a volume, with all that this project's containers have.

    A change to `None` leaves an argument out.
    """

    def program() -> None:
        labels = [docker.NetworkLabelArgs(label=label, value=value) for label, value in _LABELS]
        network = docker.Network("data", internal=True, labels=labels)
        volume = docker.Volume(
            "store", labels=[docker.VolumeLabelArgs(label=label, value=value) for label, value in _LABELS]
        )
        image = docker.RemoteImage("image", name=pulled, keep_locally=True)
        arguments: dict[str, Any] = {
            "image": image.image_id,
            "command": _LOOP,
            "envs": ["B=2", "A=1"],
            "labels": [docker.ContainerLabelArgs(label=label, value=value) for label, value in _LABELS],
            "networks_advanced": [
                docker.ContainerNetworksAdvancedArgs(name=network.name, aliases=["api", "web"])
            ],
            "mounts": [
                docker.ContainerMountArgs(type="volume", source=volume.name, target="/data"),
                docker.ContainerMountArgs(
                    type="bind", source="/etc/hostname", target="/run/h", read_only=True
                ),
            ],
            "tmpfs": {"/tmp": "size=1m,mode=1777"},
            "capabilities": docker.ContainerCapabilitiesArgs(drops=["ALL"], adds=["CHOWN"]),
            "security_opts": ["no-new-privileges:true"],
            "read_only": True,
            "init": False,
            "memory": 64,
            "memory_swap": 64,
            "cpus": "0.5",
            "restart": "unless-stopped",
            "log_driver": "local",
            "log_opts": {"max-size": "1m", "max-file": "2"},
            "healthcheck": docker.ContainerHealthcheckArgs(
                tests=["CMD", "true"], interval="1s", timeout="30s", start_period="1s", retries=3
            ),
            "wait": True,
            "wait_timeout": 120,
            "destroy_grace_seconds": 10,
            "hosts": [docker.ContainerHostArgs(host="there", ip="192.0.2.1")],
            "ulimits": [docker.ContainerUlimitArgs(name="nofile", soft=512, hard=1024)],
            "stop_timeout": 7,
            **changes,
        }
        given = {name: value for name, value in arguments.items() if value is not None}
        docker.Container("api", **given, opts=opts)

    return program


def parts(image: str, network: dict[str, Any], volume: dict[str, Any], pulled: dict[str, Any]) -> Program:
    """A network, a volume and an image, without a container."""

    def program() -> None:
        labels = [docker.NetworkLabelArgs(label=label, value=value) for label, value in _LABELS]
        docker.Network("data", **{"labels": labels, **network})
        docker.Volume(
            "store",
            labels=[docker.VolumeLabelArgs(label=label, value=value) for label, value in _LABELS],
            **volume,
        )
        docker.RemoteImage("image", **{"name": image, "keep_locally": True, **pulled})

    return program


def sick(image: str, version: str, opts: pulumi.ResourceOptions, **changes: Any) -> Program:
    """A version that never becomes healthy."""
    check = docker.ContainerHealthcheckArgs(tests=["CMD", "false"], interval="1s", retries=1)
    return service(image, opts, envs=[f"V={version}"], healthcheck=check, wait_timeout=3, **changes)


def stories(image: str) -> dict[str, Story]:
    """By name: how each version is played (`up`, `preview`, `refresh`, `fail`, `destroy`), and itself."""
    plain = service(image)
    return {
        "life": [
            ("preview", plain),
            ("up", plain),
            ("up", plain),
            ("refresh", plain),
            ("preview", plain),
            ("up", service(image, memory=96, memory_swap=96, restart="always")),
            ("refresh", plain),
            ("up", plain),
        ],
        "changes": [
            ("up", plain),
            *[("preview", service(image, **changes)) for changes in _CHANGES],
        ],
        "written back differently": [
            ("up", service(image, **_ODDLY)),
            ("preview", service(image, **_ODDLY)),
        ],
        "not applied": [
            ("up", plain),
            ("up", service(image, init=True, tmpfs={"/tmp": "size=2m"}, destroy_grace_seconds=3)),
            ("up", service(image, init=True, tmpfs={"/tmp": "size=2m"}, destroy_grace_seconds=3)),
            ("refresh", plain),
            ("preview", service(image, init=True, tmpfs={"/tmp": "size=2m"}, destroy_grace_seconds=3)),
        ],
        "networks, volumes and images": [
            ("up", parts(image, {"internal": True}, {}, {})),
            ("preview", parts(image, {}, {}, {})),
            (
                "preview",
                parts(image, {"internal": False}, {"driver_opts": {"type": "tmpfs"}}, {"platform": "linux"}),
            ),
            ("preview", parts(image, {"attachable": True}, {"driver": "local"}, {"force_remove": True})),
            ("preview", parts(image, {"options": {"a": "b"}}, {"name": _NAME}, {"triggers": {"a": "1"}})),
            (
                "up",
                parts(
                    image, {"name": _NAME, "ipam_configs": _SUBNET}, {"name": _NAME}, {"pull_triggers": ["1"]}
                ),
            ),
            ("refresh", parts(image, {}, {}, {})),
            ("up", parts(image, {"name": _NAME}, {"name": _NAME, "driver_opts": _TMPFS}, {})),
            (
                "fail",
                parts(image, {"name": _NAME, "driver": "nil"}, {"name": _NAME, "driver_opts": _TMPFS}, {}),
            ),
        ],
        "old first": [("up", plain), ("up", service(image, envs=["V=2"]))],
        "new first": [
            ("up", service(image, NEW_FIRST)),
            ("up", service(image, NEW_FIRST, envs=["V=2"])),
            ("fail", sick(image, "3", NEW_FIRST)),
            ("fail", sick(image, "3", NEW_FIRST)),
            ("up", service(image, NEW_FIRST, envs=["V=4"])),
        ],
        "new first, command and entry point given": [
            ("up", service(image, NEW_FIRST, entrypoints=["env"])),
            ("fail", sick(image, "2", NEW_FIRST, entrypoints=["env"])),
            ("up", sick(image, "2", NEW_FIRST, entrypoints=["env"])),
            ("up", sick(image, "2", NEW_FIRST, entrypoints=["env"])),
            ("up", service(image, NEW_FIRST, entrypoints=["env"], envs=["V=3"])),
        ],
        "new first, with care": [
            ("up", service(image, CAREFUL, entrypoints=["env"])),
            ("fail", sick(image, "2", CAREFUL, entrypoints=["env"])),
            ("fail", sick(image, "2", CAREFUL, entrypoints=["env"])),
            ("up", service(image, CAREFUL, entrypoints=["env"], envs=["V=3"])),
        ],
        "errors": [
            ("fail", service(image, wait_timeout=5, healthcheck=None)),
            ("destroy", plain),
            ("fail", service(image, image="sha256:" + "0" * 64)),
            ("fail", service(image, command=["/none/such"])),
            ("destroy", plain),
            (
                "fail",
                service(image, networks_advanced=[docker.ContainerNetworksAdvancedArgs(name="none-such")]),
            ),
            ("destroy", plain),
            (
                "fail",
                service(
                    image, mounts=[docker.ContainerMountArgs(type="bind", source="/none/such", target="/x")]
                ),
            ),
            ("fail", service(image, memory=1)),
            ("fail", service(image, restart="sometimes")),
        ],
    }


_NAME = f"jira-plus-plus-{LABEL}"
_TMPFS = {"type": "tmpfs", "device": "tmpfs", "o": "size=1m"}
_SUBNET = [docker.NetworkIpamConfigArgs(subnet="10.213.77.0/24", gateway="10.213.77.1")]

_CHANGES: list[dict[str, Any]] = [
    {"envs": ["A=1", "B=2"]},
    {"envs": ["A=1"]},
    {"envs": None},
    {"labels": [docker.ContainerLabelArgs(label="jira-plus-plus", value=LABEL)]},
    {"labels": None},
    {"command": ["sleep", "9"]},
    {"command": None},
    {"entrypoints": ["sh"]},
    {"mounts": None},
    {"tmpfs": None},
    {"capabilities": docker.ContainerCapabilitiesArgs(drops=["ALL"])},
    {"capabilities": None},
    {"security_opts": None},
    {"read_only": None},
    {"init": None},
    {"init": True},
    {"memory": 128, "memory_swap": 128},
    {"memory": None, "memory_swap": None},
    {"cpus": "1.0"},
    {"cpus": None},
    {"restart": "always"},
    {"restart": None},
    {"log_driver": None, "log_opts": None},
    {"log_opts": {"max-size": "2m", "max-file": "2"}},
    {"healthcheck": docker.ContainerHealthcheckArgs(tests=["CMD", "false"])},
    {"healthcheck": None},
    {"wait": None},
    {"wait_timeout": None},
    {"destroy_grace_seconds": None},
    {"hosts": None},
    {"ulimits": None},
    {"stop_timeout": None},
    {"stop_timeout": 9},
    {"networks_advanced": None},
    {"networks_advanced": [docker.ContainerNetworksAdvancedArgs(name="bridge")]},
    {"ports": [docker.ContainerPortArgs(internal=80)]},
    {"user": "1000"},
    {"user": ""},
    {"working_dir": "/tmp"},
    {"hostname": "other"},
    {"privileged": True},
    {"pid_mode": "host"},
    {"network_mode": "none"},
    {"must_run": False},
    {"start": False},
    {"shm_size": 32},
    {"stop_signal": "SIGINT"},
    {"sysctls": {"net.core.somaxconn": "256"}},
    {"group_adds": ["5"]},
    {"dns": ["192.0.2.53"]},
    {"cpu_shares": 512},
    {"runtime": "runc"},
    {"remove_volumes": False},
    {"name": f"jira-plus-plus-{LABEL}"},
]
"""Each is previewed against the plain program: most replace, some update, some do nothing."""

_ODDLY: dict[str, Any] = {
    "memory_swap": None,
    "cpus": "1",
    "healthcheck": docker.ContainerHealthcheckArgs(tests=["CMD", "true"], interval="60s", start_period="90s"),
    "ports": [docker.ContainerPortArgs(internal=81), docker.ContainerPortArgs(internal=80, ip="127.0.0.1")],
    "wait": None,
}
"""What Docker or the provider writes back in another form than the program's."""


def play(stack: Stack, story: Story) -> list[Any]:
    """What the engine did, kept and said at each version."""
    seen: list[Any] = []
    for how, program in story:
        if how == "preview":
            seen.append(["preview", _ordered(stack.preview(program)), stack.diffs])
        elif how == "refresh":
            stack.refresh(program)
            seen.append(["refresh", _state(stack)])
        elif how == "destroy":
            stack.destroy()
            seen.append(["destroy"])
        elif how == "fail":
            steps = _ordered(stack.failing_up(program))
            said = sorted(
                {
                    _settled(message)
                    for name, message in stack.errors
                    if _watched(name) and _LOG not in message
                }
            )
            seen.append(["fail", steps, said, _state(stack)])
        else:
            seen.append(["up", _ordered(stack.up(program)), stack.diffs, _state(stack)])
    return seen


def _ordered(steps: list[tuple[str, str]]) -> list[list[tuple[str, str]]]:
    """All steps, and those of the container in their order: between others, the engine's order is chance."""
    return [sorted(steps), [step for step in steps if step[1] == "api"]]


def _state(stack: Stack) -> dict[str, Any]:
    parts = ("inputs", "outputs", "initErrors")
    return {
        name: {part: _settled(resource.get(part)) for part in parts}
        for name, resource in stack.resources().items()
        if _watched(name)
    }


def _watched(name: str) -> bool:
    return name in ("api", "data", "store", "image")


def _settled(value: Any) -> Any:
    """A value without what differs from run to run, what is empty, and what a bridge notes for itself."""
    if isinstance(value, dict):
        kept = {
            key: _settled(item)
            for key, item in value.items()
            if not key.startswith("__") and key not in ("id", "ipPrefixLength")
        }
        return {key: item for key, item in kept.items() if item not in (None, "", 0, [], {})}
    if isinstance(value, list):
        return sorted((_settled(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True))
    if isinstance(value, str):
        for pattern, name in _VARIES:
            value = pattern.sub(name, value)
    return value
