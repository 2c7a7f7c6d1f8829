"""`docker.Volume`: a named volume on the host; every change makes a new, empty one."""

from __future__ import annotations

from rehearsal.plugins.docker.common import DockerResource, deleting, making, saying
from rehearsal.plugins.docker.engine import Body, EngineError
from rehearsal.plugins.docker.removal import remove_when_free
from rehearsal.plugins.provider import ProviderError, Values


class Volume(DockerResource):
    """Its id is its name. A volume of that name that is there already is taken over, as Docker does."""

    def make(self, plan: Values) -> tuple[str, Values]:
        """Make it."""
        engine = self.engine
        with making(), saying("Unable to create volume"):
            volume = engine.create_volume(_body(plan))
        return str(volume["Name"]), self.applied(plan, _state(volume))

    def fetch(self, resource_id: str, state: Values) -> Values | None:
        """What the engine says of it."""
        engine = self.engine
        try:
            return {**state, **_state(engine.inspect_volume(resource_id))}
        except EngineError as error:
            if error.missing:
                return None
            raise ProviderError(f"Unable to inspect volume: {error}") from None

    def remove(self, resource_id: str, state: Values) -> None:
        """Remove it and its data, once no container uses it."""
        engine = self.engine
        with deleting():
            remove_when_free(lambda: engine.remove_volume(resource_id), "volume is in use", "in_use")


def _body(plan: Values) -> Body:
    names = (("driver", "Driver"), ("driverOpts", "DriverOpts"))
    body: Body = {"Name": plan["name"], **{key: plan[name] for name, key in names if plan.get(name)}}
    if plan.get("labels"):
        body["Labels"] = {item["label"]: item["value"] for item in plan["labels"]}
    return body


def _state(volume: Body) -> Values:
    return {
        "name": volume["Name"],
        "labels": [{"label": k, "value": v} for k, v in sorted((volume.get("Labels") or {}).items())],
        "driver": volume.get("Driver", ""),
        "driverOpts": volume.get("Options") or {},
        "mountpoint": volume.get("Mountpoint", ""),
    }
