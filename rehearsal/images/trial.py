"""Starts what the program starts, as it starts it, with given images, until all of it is healthy.

The program is declared to a mock engine whose answers are real: images, networks and volumes of this
machine's Docker. What it declares is then done in its order: commands as they are, containers with all that
is said of them. Left out are what needs the application's images, and published ports.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import docker
from docker.errors import APIError
from docker.models.containers import Container

from rehearsal.declared.platform import COMMANDS, CONTAINER, computed, declare
from rehearsal.declared.processes import IMAGE, image_key
from rehearsal.declared.recording import Registration
from rehearsal.images import LABEL

COMMAND_SECONDS = 600
LOG_LINES = 15
LEFT_OUT = "left-out"
"""The id of an image that is not tried."""
STACK = "local"
"""The stack file whose settings are tried: the others want a server, a zone and a certificate."""
_DOCKER_SECONDS = {"s": 1, "m": 60, "h": 3600}

Say = Callable[[str], None]


class TrialError(RuntimeError):
    """A container did not become healthy, or a command failed; the text has what it said last."""


def run(client: docker.DockerClient, images: Mapping[str, str], say: Say) -> None:
    """Starts everything whose image is in `images`: name in the stack file to a reference that is there.

    Raises:
        TrialError: it is not as the program needs it.
    """
    with started(client, images, say):
        pass


@contextmanager
def started(
    client: docker.DockerClient,
    images: Mapping[str, str],
    say: Say,
    changes: Mapping[str, Any] | None = None,
) -> Iterator[str]:
    """The same, with `changes` in the stack file by dotted path; all is there, and gone at the end.

    The value is the name of the stack, which is in the containers' label `jira-plus-plus.stack`.

    Raises:
        TrialError: it is not as the program needs it.
    """
    name = f"trial-{uuid.uuid4().hex[:8]}"
    with (
        tempfile.TemporaryDirectory(prefix=f"{name}-") as folder,
        patch.dict(os.environ, XDG_STATE_HOME=folder),
    ):
        made = _Docker(client, name, images)
        try:
            on = {
                "services.watchtower.enabled": True,
                "services.autoheal.enabled": True,
                "monitoring.enabled": True,
                "monitoring.grafana": True,
                "domain.grafana": "grafana",
            }
            for registration in declare(
                STACK, on | dict(changes or {}), name=name, outputs=made.outputs
            ).resources:
                made.carry_out(registration, say)
            yield name
        finally:
            made.remove()


class _Docker:
    """What of the declared resources is in this machine's Docker, under the name of one trial."""

    def __init__(self, client: docker.DockerClient, name: str, images: Mapping[str, str]) -> None:
        self._client = client
        self._name = name
        self._images = images
        self._labels = {LABEL: "trial", f"{LABEL}.stack": name}
        self._networks: dict[str, dict[str, Any]] = {}
        """Those that nobody was plugged into yet."""
        self._left_out: list[str] = []
        """Names of containers whose image is not tried."""

    def outputs(self, type_: str, name: str, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        """What plugins would answer."""
        if type_ == IMAGE:
            reference = self._images.get(image_key(name))
            return {"imageId": self._client.images.get(reference).id if reference else LEFT_OUT}
        if type_.startswith("docker:"):
            return {"name": inputs.get("name", f"{self._name}-{name}")}
        return computed(type_, name, inputs)

    def carry_out(self, registration: Registration, say: Say) -> None:
        """Does what the registration of a resource asks for; one that is left out is said so."""
        inputs, name = registration.inputs, registration.name
        started = time.monotonic()
        match registration.type:
            case "docker:index/network:Network":
                self._networks[f"{self._name}-{name}"] = {
                    "driver": inputs["driver"],
                    "internal": inputs.get("internal", False),
                    "options": inputs.get("options"),
                }
            case "docker:index/volume:Volume":
                self._client.volumes.create(f"{self._name}-{name}", labels=self._labels)
            case type_ if type_ in COMMANDS:
                if any(word in inputs["create"] for word in (LEFT_OUT, *self._left_out)):
                    say(f"  {name:<26} left out: its image is not tried")
                    return
                _command(name, inputs)
                if "docker " in inputs["create"]:
                    say(f"  {name:<26} done in {time.monotonic() - started:.1f} s")
            case type_ if type_ == CONTAINER:
                if inputs["image"] == LEFT_OUT:
                    say(f"  {name:<26} left out: its image is not tried")
                    self._left_out.append(inputs.get("name", f"{self._name}-{name}"))
                    return
                _wait(name, self._start(name, inputs), inputs["waitTimeout"])
                say(f"  {name:<26} healthy after {time.monotonic() - started:.1f} s")

    def _start(self, name: str, inputs: Mapping[str, Any]) -> Container:
        api = self._client.api
        networks = {
            network["name"]: api.create_endpoint_config(aliases=network.get("aliases"))
            for network in inputs["networksAdvanced"]
        }
        for network in networks.keys() & self._networks.keys():
            self._client.networks.create(
                network, labels=self._labels, ipam=_addresses(), **self._networks.pop(network)
            )
        first = next(iter(networks))
        health = inputs["healthcheck"]
        container = self._client.containers.create(
            inputs["image"],
            inputs.get("command"),
            name=inputs.get("name", f"{self._name}-{name}"),
            entrypoint=inputs["entrypoints"],
            user=inputs["user"],
            environment=inputs.get("envs"),
            init=inputs["init"],
            read_only=inputs["readOnly"],
            cap_drop=inputs["capabilities"]["drops"],
            security_opt=inputs["securityOpts"],
            mem_limit=f"{inputs['memory']:.0f}m",
            memswap_limit=f"{inputs['memorySwap']:.0f}m",
            nano_cpus=int(float(inputs["cpus"]) * 1e9),
            shm_size=f"{inputs['shmSize']:.0f}m" if inputs.get("shmSize") else None,
            tmpfs=inputs.get("tmpfs"),
            mounts=[
                docker.types.Mount(
                    mount["target"], mount["source"], mount["type"], read_only=mount.get("readOnly", False)
                )
                for mount in inputs.get("mounts", ())
            ],
            network=first,
            networking_config={first: networks.pop(first)},
            dns_opt=inputs.get("dnsOpts"),
            stop_signal=inputs["stopSignal"],
            healthcheck={
                "test": health["tests"],
                "interval": _nanoseconds(health["interval"]),
                "timeout": _nanoseconds(health["timeout"]),
                "start_period": _nanoseconds(health["startPeriod"]),
                "retries": int(health["retries"]),
            },
            labels={label["label"]: label["value"] for label in inputs["labels"]} | self._labels,
        )
        for network, endpoint in networks.items():
            api.connect_container_to_network(container.id, network, aliases=(endpoint or {}).get("Aliases"))
        try:
            container.start()
        except APIError as error:
            raise TrialError(f"{name} does not start: {error.explanation}") from None
        return container

    def remove(self) -> None:
        """Takes away all that carries the trial's name."""
        mine = {"label": f"{LABEL}.stack={self._name}"}
        for container in self._client.containers.list(all=True, filters=mine):
            container.remove(force=True, v=True)
        for found in (self._client.networks.list(filters=mine), self._client.volumes.list(filters=mine)):
            for one in found:
                one.remove()


def _addresses() -> docker.types.IPAMConfig:
    """Some of a private range: Docker's own range has addresses for some thirty networks on a machine."""
    number = secrets.randbelow(2**12)
    return docker.types.IPAMConfig(
        pool_configs=[docker.types.IPAMPool(subnet=f"10.{208 + number // 256}.{number % 256}.0/24")]
    )


def _command(name: str, inputs: Mapping[str, Any]) -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", inputs["create"]],
        input=inputs.get("stdin", ""),
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
    )
    if done.returncode:
        said = (done.stdout + done.stderr).strip().splitlines()[-LOG_LINES:]
        raise TrialError(f"{name} ended with {done.returncode}:\n" + "\n".join(said))


def _wait(name: str, container: Container, seconds: int) -> None:
    deadline = time.monotonic() + seconds
    while True:
        container.reload()
        state = container.attrs["State"]
        if state["Health"]["Status"] == "healthy":
            return
        late = state["Health"]["Status"] == "unhealthy" or time.monotonic() > deadline
        if late or not state["Running"]:
            break
        time.sleep(0.2)
    checks = [line for check in state["Health"]["Log"][-1:] for line in check["Output"].splitlines()]
    said = container.logs(tail=LOG_LINES).decode(errors="replace").splitlines()
    is_so = "does not become healthy" if state["Running"] else f"ended with {state['ExitCode']}"
    raise TrialError("\n".join([f"{name} {is_so}", *(f"check: {line}" for line in checks), *said]))


def _nanoseconds(duration: str) -> int:
    """Of a duration in Go's notation: `1m30s`."""
    seconds, number = 0, ""
    for character in duration:
        if character.isdigit():
            number += character
        else:
            seconds += int(number) * _DOCKER_SECONDS[character]
            number = ""
    return seconds * 10**9
