"""`docker.Container`: makes, starts, waits for and removes one container."""

from __future__ import annotations

import time
from typing import Any

from rehearsal.plugins.docker.common import DockerResource, deleting, existing, making, saying
from rehearsal.plugins.docker.container_body import create_body, endpoint_body, update_body, upload_archive
from rehearsal.plugins.docker.container_rules import mistakes
from rehearsal.plugins.docker.container_state import state_of
from rehearsal.plugins.docker.engine import Engine, EngineError
from rehearsal.plugins.docker.image import find_image
from rehearsal.plugins.provider import CheckFailure, Diff, Kind, ProviderError, Values, wait

_UPDATED_IN_PLACE = frozenset(
    {
        "restart",
        "maxRetryCount",
        "cpuShares",
        "memory",
        "memoryReservation",
        "cpuSet",
        "memorySwap",
        "deviceReadBps",
        "deviceReadIops",
        "deviceWriteBps",
        "deviceWriteIops",
    }
)
"""A change of any of these is one update call to Docker. What is not here and does not replace (`init`,
`healthcheck` …) only changes the state: the container runs on as it was."""

_SECONDS_BETWEEN_HEALTH_CHECKS = 1.0
_NO_HEALTHCHECK = (
    "you have supplied a 'wait' argument, but the container does not have a healthcheck defined. "
    "Please remove the 'wait' argument or add a 'healthcheck' attribute"
)


class Container(DockerResource):
    """A container. One that was made but does not come up stays, and is in the state as failed.

    What becomes of it at the next update is an accident of the official plugin: see `diff`.
    """

    def validate(self, inputs: Values) -> list[CheckFailure]:
        """See `Bridged`."""
        return mistakes(inputs)

    def diff(self, resource_id: str, old_inputs: Values, old_outputs: Values, news: Values) -> Diff:
        """A replaced container is deleted first, unless the program says `delete_before_replace=False`.

        One that did not come up was never read, so that what only Docker says of it counts as changed: where
        the program leaves out `command` or `entrypoints` it is replaced; where it gives both, it is updated,
        which does nothing and succeeds, unless the program says `replace_on_changes=["#initerror"]`.
        """
        found = super().diff(resource_id, old_inputs, old_outputs, news)
        if "networkDatas" not in old_outputs:
            unread = [name for name in ("command", "entrypoints") if name not in {**old_outputs, **news}]
            found.detailed |= dict.fromkeys([*unread, "networkDatas"], Kind.ADD)
            found.replaces = sorted({*found.replaces, *unread})
            found.changes = True
        found.delete_before_replace = bool(found.replaces)
        return found

    def suppressed(self, name: str, old: Any, new: Any, news: Values) -> bool:
        """What the official provider takes for no difference."""
        if name in ("user", "workingDir") and not news.get(name):
            return True
        if name == "ports" and isinstance(old, list) and isinstance(new, list):
            new = _with_chosen_ports(new, old)
            old, new = sorted(old, key=str), sorted(new, key=str)
        return super().suppressed(name, old, new, news)

    def applied(self, plan: Values, found: Values) -> Values:
        """See `DockerResource`. Capabilities are a set of one, beneath the object that Pulumi makes of it."""
        kept = {"capabilities": plan["capabilities"]} if "capabilities" in plan else {}
        return {**super().applied(plan, found), **kept}

    def make(self, plan: Values) -> tuple[str, Values]:
        """Make it, connect it, upload files, start it; with `wait`, until it is healthy."""
        engine = self.engine
        with making():
            container = self._made(engine, plan)
        with existing("creating", container, plan):
            _connect(engine, container, plan)
            for upload in plan.get("uploads") or []:
                archive = upload_archive(upload)
                with saying("Unable to upload volume content"):
                    engine.put_archive(container, "/", archive)
            _start(engine, container, plan)
            if plan.get("attach"):
                with saying("Unable to wait container end of execution"):
                    engine.wait_container(container, "not-running")
                if plan.get("logs"):
                    plan = {**plan, "containerLogs": engine.container_logs(container)}
            found = self.fetch(container, plan)
        if found is None:
            raise ProviderError("the container was gone once it had ended: take rm out")
        return container, self.applied(plan, found)

    def fetch(self, resource_id: str, state: Values) -> Values | None:
        """What the engine says. A stopped one that must run reads as `mustRun: false`: see `change`."""
        try:
            return state_of(self.engine.inspect_container(resource_id), state)
        except EngineError as error:
            if error.missing:
                return None
            raise

    def change(self, resource_id: str, state: Values, plan: Values, changed: set[str]) -> Values:
        """Apply limits and restart policy. The state takes the rest over too, although it is not applied."""
        engine = self.engine
        with existing("updating", resource_id, plan):
            if "mustRun" in changed and plan.get("mustRun") and plan.get("start"):
                with saying("Unable to start container"):
                    engine.start_container(resource_id)
            if changed & _UPDATED_IN_PLACE:
                with saying("Unable to update a container"):
                    engine.update_container(resource_id, update_body(plan))
        return plan

    def remove(self, resource_id: str, state: Values) -> None:
        """Stop it with the grace that the state says (without one: SIGKILL at once), then remove it."""
        engine = self.engine
        with deleting():
            if not state.get("attach"):
                with saying(f"Error stopping container {resource_id}", ("No such container",)):
                    engine.stop_container(resource_id, max(0, int(state.get("destroyGraceSeconds") or 0)))
            gone = ("No such container", "is already in progress")
            with saying(f"Error deleting container {resource_id}", gone):
                engine.remove_container(resource_id, bool(state.get("removeVolumes", True)))
            with saying(f"Error waiting for container removal '{resource_id}'", gone):
                engine.wait_container(resource_id, "removed" if state.get("rm") else "not-running")

    def _made(self, engine: Engine, plan: Values) -> str:
        image = str(plan["image"])
        try:
            find_image(engine, self.registries, image)
        except ProviderError as error:
            raise ProviderError(f"Unable to create container with image {image}: {error}") from None
        body = create_body(plan, engine.api_version)
        with saying("Unable to create container"):
            return engine.create_container(str(plan["name"]), body, str(plan.get("platform") or ""))


def _with_chosen_ports(new: list[Any], old: list[Any]) -> list[Any]:
    """Host ports that the program leaves to Docker are those that it chose."""
    chosen = {(port["internal"], port.get("protocol"), port.get("ip")): port.get("external") for port in old}
    return [
        {"external": chosen.get((port.get("internal"), port.get("protocol"), port.get("ip"))), **port}
        if isinstance(port, dict)
        else port
        for port in new
    ]


def _connect(engine: Engine, container: str, plan: Values) -> None:
    networks = plan.get("networksAdvanced") or []
    if networks:
        with saying("Unable to disconnect the default network", ("is not connected to the network bridge",)):
            engine.disconnect("bridge", container)
    for network in networks:
        with saying(f"Unable to connect to network '{network['name']}'"):
            engine.connect(str(network["name"]), container, endpoint_body(network))


def _start(engine: Engine, container: str, plan: Values) -> None:
    if not plan.get("start"):
        return
    with saying("Unable to start container"):
        engine.start_container(container)
    if plan.get("wait"):
        _wait_until_healthy(engine, container, int(plan.get("waitTimeout") or 0))


def _wait_until_healthy(engine: Engine, container: str, seconds: int) -> None:
    end = time.monotonic() + seconds
    while True:
        with saying("error inspecting container state"):
            health = engine.inspect_container(container)["State"].get("Health")
            if not health:
                raise ProviderError(_NO_HEALTHCHECK)
            if health["Status"] == "healthy":
                return
        wait(max(0.0, min(end - time.monotonic(), _SECONDS_BETWEEN_HEALTH_CHECKS)))
        if time.monotonic() >= end:
            raise ProviderError("container failed to be in healthy state")
