"""`hcloud.Server`."""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import secrets
from typing import Any

from rehearsal.plugins.bridged import known
from rehearsal.plugins.hcloud.api import ApiError
from rehearsal.plugins.hcloud.common import HetznerResource, given, gone
from rehearsal.plugins.provider import ProviderError, Values, log

_FAMILIES = ("ipv4", "ipv6")


class Server(HetznerResource):
    """A virtual machine. Its delete protection is not lifted before a deletion: the API then refuses."""

    def stored(self, name: str, value: Any) -> Any:
        """The state keeps a hash of the user data, not the text."""
        return _hash(value) if name == "userData" and isinstance(value, str) else value

    def suppressed(self, name: str, old: Any, new: Any, news: Values) -> bool:
        if name in ("publicNets", "networks"):
            return not news.get(name)
        if name == "firewallIds":
            return bool(news.get("ignoreRemoteFirewallIds") and old and new)
        return False

    # -- create --------------------------------------------------------------------------------------------

    def make(self, plan: Values) -> tuple[str, Values]:
        raise NotImplementedError(
            "a server is made from its inputs, since the plan has only a hash of its user data"
        )

    def create(self, inputs: Values, preview: bool) -> tuple[str, Values]:
        if preview:
            return super().create(inputs, True)
        with self.telling("creating", outright=True):
            return self._create(inputs)

    def _create(self, inputs: Values) -> tuple[str, Values]:
        plan = known(self.plan(inputs, None))
        plan = {name: value for name, value in plan.items() if name in inputs or self._has_default(name)}
        server_type = self._server_type(inputs["serverType"])
        image = self._image(inputs.get("image", ""), server_type["architecture"])
        keys = self._ssh_keys(inputs)
        body = {
            "name": inputs["name"],
            "server_type": inputs["serverType"],
            "image": image["id"],
            **given(
                ssh_keys=keys,
                location=inputs.get("location"),
                user_data=inputs.get("userData"),
                labels=inputs.get("labels"),
                firewalls=[{"firewall": number} for number in plan.get("firewallIds") or []],
                placement_group=self._placement_group(inputs.get("placementGroupId")),
                public_net=_public_net(plan.get("publicNets") or []),
            ),
        }
        offline = inputs.get("networks") and not any(body.get("public_net", {"": True}).values())
        if offline:  # without any network it cannot start yet
            body["start_after_create"] = False
        created = self.api.post("/servers", body)
        resource_id = str(created["server"]["id"])
        return self.finish(
            resource_id, plan, lambda: self._started(resource_id, created, plan, keys, bool(offline))
        )

    def _has_default(self, name: str) -> bool:
        return self.shape.inputs[name].default is not None if name in self.shape.inputs else False

    def _started(
        self, resource_id: str, created: dict[str, Any], plan: Values, keys: list[int], offline: bool
    ) -> Values:
        path = f"/servers/{resource_id}"
        self.api.wait_for(created["action"])
        for action in created.get("next_actions") or []:
            self.api.wait_for(action)
        for network in plan.get("networks") or []:
            self._attach(path, network)
        if offline:
            self._power_on(path)
        if plan["backups"] and not created["server"].get("backup_window"):
            self._act(path, "enable_backup")
        if plan.get("iso"):
            self._set_iso(path, created["server"], plan["iso"])
        if plan.get("rescue"):
            self._set_rescue(path, created["server"], plan["rescue"], keys)
        if plan["deleteProtection"] or plan["rebuildProtection"]:
            self._protect(path, plan)
        return self._read(resource_id, plan)

    def _server_type(self, name: str) -> dict[str, Any]:
        """By id where the name is a number, else by name."""
        found = self._by_id_or_name("/server_types", "server_type", name)
        if found is None:
            raise ProviderError(f"server type {name} not found")
        return found

    def _image(self, name: str, architecture: str) -> dict[str, Any]:
        found = self._by_id_or_name(
            "/images", "image", name, architecture=architecture, include_deprecated="true"
        )
        if found is None:
            raise ProviderError(f"image {name} for architecture {architecture} not found")
        if found.get("deprecated"):
            log(f"image {name} is deprecated", "warning")
        return found

    def _by_id_or_name(self, path: str, key: str, name: str, **query: str) -> dict[str, Any] | None:
        if name.isdigit():
            found = self.api.find(f"{path}/{name}")
            if found is not None:
                return dict(found[key])
        listed = self.api.get(path, name=name, **query)[path.strip("/")]
        return dict(listed[0]) if listed else None

    def _ssh_keys(self, inputs: Values) -> list[int]:
        numbers = []
        for name in inputs.get("sshKeys") or []:
            found = self._by_id_or_name("/ssh_keys", "ssh_key", name)
            if found is None:
                raise ProviderError(f"SSH key not found: {name}")
            numbers.append(found["id"])
        return numbers

    def _placement_group(self, number: int | None) -> int | None:
        if number and self.api.find(f"/placement_groups/{number}") is None:
            raise ProviderError(f"placement group not found: {number}")
        return number

    # -- read ----------------------------------------------------------------------------------------------

    def _read(self, resource_id: str, state: Values) -> Values:
        found = self.fetch(resource_id, state)
        if found is None:
            raise gone("server", resource_id)
        return found

    def fetch(self, resource_id: str, state: Values) -> Values | None:
        server = self._by_id_or_name("/servers", "server", resource_id)
        if server is None:
            return None
        kept = {name: value for name, value in state.items() if name != "placementGroupId"}
        return {**kept, **self._state(server, state)}

    def _state(self, server: dict[str, Any], state: Values) -> Values:
        public = server["public_net"]
        firewalls = [entry["id"] for entry in public.get("firewalls") or []]
        result: Values = {
            "id": str(server["id"]),
            "name": server["name"],
            "location": server["location"]["name"],
            "status": server["status"],
            "serverType": server["server_type"]["name"],
            "ipv4Address": (public.get("ipv4") or {}).get("ip", ""),
            "ipv6Address": _first_address((public.get("ipv6") or {}).get("ip", "")),
            "ipv6Network": (public.get("ipv6") or {}).get("ip") or "<nil>",
            "backupWindow": server.get("backup_window") or "",
            "backups": bool(server.get("backup_window")),
            "labels": server.get("labels") or {},
            "deleteProtection": server["protection"]["delete"],
            "rebuildProtection": server["protection"]["rebuild"],
            "firewallIds": self.arranged(self.shape.inputs["firewallIds"], firewalls),
            "primaryDiskSize": server["primary_disk_size"],
        }
        image = server.get("image")
        if image is not None:
            named = image.get("name") and str(image["id"]) != state.get("image")
            result["image"] = image["name"] if named else str(image["id"])
        if server.get("placement_group"):
            result["placementGroupId"] = server["placement_group"]["id"]
        return result

    # -- update --------------------------------------------------------------------------------------------

    def change(self, resource_id: str, state: Values, plan: Values, changed: set[str]) -> Values:
        path = f"/servers/{resource_id}"
        server = self.present("server", path, resource_id, plan)
        if "name" in changed:
            self.api.put(path, {"name": plan["name"]})
        if "labels" in changed:
            self.api.put(path, {"labels": plan.get("labels") or {}})
        if "serverType" in changed:
            if server["status"] == "running":
                self._act(path, "poweroff")
            self._act(path, "change_type", server_type=plan["serverType"], upgrade_disk=not plan["keepDisk"])
        if "backups" in changed and plan["backups"] != bool(server.get("backup_window")):
            self._act(path, "enable_backup" if plan["backups"] else "disable_backup")
        if "iso" in changed:
            self._set_iso(path, server, plan.get("iso") or "")
        if "rescue" in changed:
            self._set_rescue(path, server, plan.get("rescue") or "", self._ssh_keys(plan))
        if "networks" in changed:
            self._change_networks(path, server, plan.get("networks") or [])
        if "firewallIds" in changed:
            self._change_firewalls(server, plan.get("firewallIds") or [])
        if "publicNets" in changed:
            self._change_public_net(path, server, state.get("publicNets") or [], plan.get("publicNets") or [])
        if "placementGroupId" in changed:
            self._change_placement_group(path, server, plan.get("placementGroupId"))
        if changed & {"deleteProtection", "rebuildProtection"}:
            self._protect(path, plan)
        return self._read(resource_id, plan)

    def _act(self, path: str, action: str, **body: Any) -> None:
        self.api.wait_for(self.api.post(f"{path}/actions/{action}", body or None)["action"])

    def _power_on(self, path: str) -> None:
        self.api.retry(lambda: self._act(path, "poweron"), when=lambda _: True)

    def _protect(self, path: str, plan: Values) -> None:
        self._act(
            path, "change_protection", rebuild=plan["rebuildProtection"], delete=plan["deleteProtection"]
        )

    def _set_iso(self, path: str, server: dict[str, Any], name: str) -> None:
        if server.get("iso"):
            self._act(path, "detach_iso")
        if name:
            found = self._by_id_or_name("/isos", "iso", name)
            if found is None:
                raise ProviderError(f"ISO not found: {name}")
            self._act(path, "attach_iso", iso=found["id"])
        if server.get("iso") or name:
            self._act(path, "reset")

    def _set_rescue(self, path: str, server: dict[str, Any], kind: str, keys: list[int]) -> None:
        if server.get("rescue_enabled"):
            self._act(path, "disable_rescue")
        if kind:
            self.api.retry(
                lambda: self._act(path, "enable_rescue", type=kind, **given(ssh_keys=keys)),
                when=lambda _: True,
            )
        if server.get("rescue_enabled") or kind:
            self.api.retry(lambda: self._act(path, "reset"), tries=10, when=lambda _: True)

    def _attach(self, path: str, network: Values) -> None:
        subnet, number = network.get("subnetId") or "", network.get("networkId")
        body: Values = {"network": int(subnet.partition("-")[0]) if subnet else number}
        body.update(
            given(ip=network.get("ip"), alias_ips=network.get("aliasIps"), ip_range=subnet.partition("-")[2])
        )
        try:
            self.api.retry(
                lambda: self._act(path, "attach_to_network", **body),
                when=lambda error: (
                    error.code in ("conflict", "locked", "service_error", "no_subnet_available")
                ),
            )
        except ApiError as error:
            if error.code != "server_already_attached":
                raise

    def _change_networks(self, path: str, server: dict[str, Any], wanted: list[Values]) -> None:
        by_number = {
            int(entry["subnetId"].partition("-")[0]) if entry.get("subnetId") else entry["networkId"]: entry
            for entry in wanted
        }
        for there in server.get("private_net") or []:
            entry = by_number.pop(there["network"], None)
            if entry is None or (entry.get("ip") or "") != there["ip"]:
                self._act(path, "detach_from_network", network=there["network"])
                if entry is not None:
                    self._attach(path, entry)
            elif sorted(entry.get("aliasIps") or []) != sorted(there.get("alias_ips") or []):
                self._act(
                    path, "change_alias_ips", network=there["network"], alias_ips=entry.get("aliasIps") or []
                )
        for entry in by_number.values():
            self._attach(path, entry)

    def _change_firewalls(self, server: dict[str, Any], wanted: list[int]) -> None:
        there = [entry["id"] for entry in server["public_net"].get("firewalls") or []]
        target = [{"type": "server", "server": {"id": server["id"]}}]
        for number in there:
            if number not in wanted:
                answer = self.api.post(
                    f"/firewalls/{number}/actions/remove_from_resources", {"remove_from": target}
                )
                self.api.wait_for(*answer["actions"])
        for number in wanted:
            if number not in there:
                answer = self.api.post(
                    f"/firewalls/{number}/actions/apply_to_resources", {"apply_to": target}
                )
                self.api.wait_for(*answer["actions"])

    def _change_placement_group(self, path: str, server: dict[str, Any], number: int | None) -> None:
        if server.get("placement_group"):
            if server["status"] != "off":
                raise ProviderError(
                    "removing a running server from a placement group is currently not supported in the "
                    "provider. You can shutdown the server yourself, apply the changes again and then start "
                    "the server manually as a workaround"
                )
            self._act(path, "remove_from_placement_group")
        if number:
            self._act(path, "add_to_placement_group", placement_group=self._placement_group(number))

    # -- public addresses ----------------------------------------------------------------------------------

    def _change_public_net(
        self, path: str, server: dict[str, Any], old: list[Values], new: list[Values]
    ) -> None:
        """Give and take addresses while the server is off (`updatePublicNet` of the provider)."""
        before = next((entry for entry in old if entry not in new), {})
        after = next((entry for entry in new if entry not in old), None)
        self._act(path, "poweroff")
        try:
            for family in _FAMILIES:
                there = (server["public_net"].get(family) or {}).get("id") or 0
                if after is None:
                    if there and before.get(family):
                        self._unassign(there)
                        self._random_address(server["id"], family)
                else:
                    self._change_address(server["id"], family, there, before, after)
        finally:
            self._power_on(path)

    def _change_address(self, server: int, family: str, there: int, before: Values, after: Values) -> None:
        enabled, number = after.get(f"{family}Enabled", True), after.get(family) or 0
        was_enabled, was_number = before.get(f"{family}Enabled", True), before.get(family) or 0
        if not enabled and number:
            raise ProviderError(
                f"this operation is not allowed: {family}_enabled = false | {family} = {number}"
            )
        if (enabled and number) or not enabled:
            if there:
                self._unassign(there)
                if not was_number:
                    self.api.remove(f"/primary_ips/{there}")
            if number:
                body = {"assignee_id": server, "assignee_type": "server"}
                self.api.wait_for(self.api.post(f"/primary_ips/{number}/actions/assign", body)["action"])
            return
        if was_enabled and was_number:
            self._unassign(was_number)
        if was_enabled == bool(was_number):
            self._random_address(server, family)

    def _unassign(self, number: int) -> None:
        self.api.wait_for(self.api.post(f"/primary_ips/{number}/actions/unassign")["action"])

    def _random_address(self, server: int, family: str) -> None:
        body = {
            "name": f"primary_ip-{secrets.randbelow(9_000_000) + 1_000_000}",
            "type": family,
            "assignee_type": "server",
            "assignee_id": server,
            "auto_delete": True,
        }
        self.api.wait_for(self.api.post("/primary_ips", body).get("action"))

    # -- delete --------------------------------------------------------------------------------------------

    def remove(self, resource_id: str, state: Values) -> None:
        path = f"/servers/{resource_id}"
        if state.get("shutdownBeforeDeletion"):
            self._act(path, "shutdown")
            try:
                self.api.retry(lambda: self._is_off(path), when=lambda error: error.code == "not_off")
            except ApiError as error:
                if error.code != "not_off":
                    raise
                log(f"server {resource_id} did not shut down in time, deleting it anyway", "warning")
        self.api.wait_for(self.api.remove(path).get("action"))

    def _is_off(self, path: str) -> None:
        found = self.api.find(path)
        if found is not None and found["server"]["status"] != "off":
            raise ApiError("server has not shut down yet", "not_off", 0)


def _hash(user_data: str) -> str:
    return base64.b64encode(hashlib.sha1(user_data.encode()).digest()).decode()  # noqa: S324 - the provider's choice


def _public_net(entries: list[Values]) -> Values:
    """The last entry's choice of addresses; a named address switches its family on."""
    body: Values = {}
    for entry in entries:
        for family in _FAMILIES:
            number = entry.get(family)
            body[f"enable_{family}"] = entry.get(f"{family}Enabled", True) or bool(number)
            if number:
                body[family] = number
    return body


def _first_address(network: str) -> str:
    """The address that the provider tells for a network: its first one."""
    return f"{ipaddress.ip_network(network).network_address}1" if network else ""
