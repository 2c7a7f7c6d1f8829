"""`hcloud.Rdns`."""

from __future__ import annotations

import ipaddress
from typing import Any

from rehearsal.plugins.hcloud.api import ApiError
from rehearsal.plugins.hcloud.common import HetznerResource
from rehearsal.plugins.provider import CheckFailure, ProviderError, Values

_OWNERS = {
    "serverId": ("s", "servers", "server"),
    "primaryIpId": ("p", "primary_ips", "primary_ip"),
    "floatingIpId": ("f", "floating_ips", "floating_ip"),
    "loadBalancerId": ("l", "load_balancers", "load_balancer"),
}


class Rdns(HetznerResource):
    """The name to which an address resolves. Its id is `<letter of the owner's kind>-<owner>-<address>`."""

    def validate(self, inputs: Values) -> list[CheckFailure]:
        if sum(name in inputs for name in _OWNERS) != 1:
            return [
                CheckFailure("", f"Exactly one of these attributes must be configured: {sorted(_OWNERS)}")
            ]
        return []

    def make(self, plan: Values) -> tuple[str, Values]:
        name = next(name for name in _OWNERS if plan.get(name))
        letter, collection, kind = _OWNERS[name]
        path = f"/{collection}/{plan[name]}"
        if self.api.find(path) is None:
            raise ProviderError(f"Resource ({kind.replace('_', ' ')}) was not found: id={plan[name]}")
        address = str(ipaddress.ip_address(plan["ipAddress"]))
        self._point(path, address, plan["dnsPtr"])
        resource_id = f"{letter}-{plan[name]}-{address}"
        return resource_id, {**plan, "id": resource_id, "ipAddress": address}

    def fetch(self, resource_id: str, state: Values) -> Values | None:
        name, path, kind, address = _parse(resource_id)
        found = self.api.find(path)
        pointer = None if found is None else _pointer(found[kind], address)
        if pointer is None:
            return None
        return {
            "id": resource_id,
            name: int(path.rpartition("/")[2]),
            "ipAddress": address,
            "dnsPtr": pointer,
        }

    def change(self, resource_id: str, state: Values, plan: Values, changed: set[str]) -> Values:
        _, path, _, address = _parse(resource_id)
        self._point(path, address, plan["dnsPtr"])
        return {**plan, "id": resource_id}

    def remove(self, resource_id: str, state: Values) -> None:
        _, path, _, address = _parse(resource_id)
        try:
            self._point(path, address, None)
        except ApiError as error:
            if error.code != "not_found":
                raise

    def _point(self, path: str, address: str, name: str | None) -> None:
        body = {"ip": address, "dns_ptr": name}
        self.api.wait_for(self.api.post(f"{path}/actions/change_dns_ptr", body)["action"])


def _parse(resource_id: str) -> tuple[str, str, str, str]:
    letter, _, rest = resource_id.partition("-")
    number, _, address = rest.partition("-")
    for name, (known, collection, kind) in _OWNERS.items():
        if letter == known and number.isdigit() and address:
            return name, f"/{collection}/{number}", kind, address
    raise ProviderError(f"invalid id {resource_id}: expected $RESOURCE_PREFIX-$RESOURCE_ID-$IP_ADDRESS")


def _pointer(owner: dict[str, Any], address: str) -> str | None:
    """The pointer of an address: servers and load balancers keep theirs inside `public_net`."""
    public = owner.get("public_net") or {}
    entries = owner.get("dns_ptr")
    if entries is None:
        entries = [*_listed(public.get("ipv4") or {}), *_listed(public.get("ipv6") or {})]
    return next((entry["dns_ptr"] for entry in entries if entry["ip"] == address and entry["dns_ptr"]), None)


def _listed(family: dict[str, Any]) -> list[dict[str, Any]]:
    pointer = family.get("dns_ptr")
    if isinstance(pointer, list):
        return pointer
    return [{"ip": family.get("ip"), "dns_ptr": pointer}] if pointer else []
