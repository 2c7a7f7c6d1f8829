"""`docker.Network`: every change makes a new one."""

from __future__ import annotations

from typing import Any

from rehearsal.plugins.docker.common import DockerResource, deleting, existing, making, saying
from rehearsal.plugins.docker.engine import Body, EngineError
from rehearsal.plugins.docker.removal import remove_when_free
from rehearsal.plugins.provider import Values

_FLAGS = (
    ("driver", "Driver"),
    ("options", "Options"),
    ("internal", "Internal"),
    ("attachable", "Attachable"),
    ("ingress", "Ingress"),
    ("ipv6", "EnableIPv6"),
)
_IPAM = (
    ("subnet", "Subnet"),
    ("ipRange", "IPRange"),
    ("gateway", "Gateway"),
    ("auxAddress", "AuxiliaryAddresses"),
)


class Network(DockerResource):
    """Without a given name it can be replaced without a gap; with one, the old network has to go first."""

    def make(self, plan: Values) -> tuple[str, Values]:
        """Make it; a name that is in use is refused."""
        engine = self.engine
        with making(), saying("Unable to create network"):
            network_id = engine.create_network(_body(plan))
        with existing("creating", network_id, plan):
            return network_id, self.applied(plan, _state(engine.inspect_network(network_id)))

    def fetch(self, resource_id: str, state: Values) -> Values | None:
        """What the engine says of it; whatever it cannot say is taken as gone."""
        engine = self.engine
        try:
            return {**state, **_state(engine.inspect_network(resource_id))}
        except EngineError:
            return None

    def remove(self, resource_id: str, state: Values) -> None:
        """Remove it, once no container is on it."""
        engine = self.engine
        with deleting():
            remove_when_free(lambda: engine.remove_network(resource_id), "has active endpoints", "pending")


def _body(plan: Values) -> Body:
    ipam: Body = {"Driver": plan.get("ipamDriver") or "default"}
    if plan.get("ipamConfigs"):
        ipam["Config"] = [
            {key: config[name] for name, key in _IPAM if config.get(name)} for config in plan["ipamConfigs"]
        ]
    if plan.get("ipamOptions"):
        ipam["Options"] = plan["ipamOptions"]
    body: Body = {"Name": plan["name"], "IPAM": ipam}
    body |= {key: plan[name] for name, key in _FLAGS if plan.get(name)}
    if plan.get("labels"):
        body["Labels"] = {item["label"]: item["value"] for item in plan["labels"]}
    return body


def _state(network: Body) -> Values:
    ipam = network.get("IPAM") or {}
    return {
        "name": network["Name"],
        "labels": [{"label": k, "value": v} for k, v in sorted((network.get("Labels") or {}).items())],
        "driver": network.get("Driver", ""),
        "internal": bool(network.get("Internal")),
        "attachable": bool(network.get("Attachable")),
        "ingress": bool(network.get("Ingress")),
        "ipv6": bool(network.get("EnableIPv6")),
        "ipamDriver": ipam.get("Driver", ""),
        "ipamOptions": ipam.get("Options") or {},
        "ipamConfigs": [_ipam_state(config) for config in ipam.get("Config") or []],
        "options": network.get("Options") or {},
        "scope": network.get("Scope", ""),
    }


def _ipam_state(config: Body) -> dict[str, Any]:
    return {name: config[key] for name, key in _IPAM if config.get(key)}
