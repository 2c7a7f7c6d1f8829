"""`hcloud.PrimaryIp`."""

from __future__ import annotations

from typing import Any

from rehearsal.plugins.hcloud.api import TRIES, ApiError
from rehearsal.plugins.hcloud.common import HetznerResource
from rehearsal.plugins.provider import UNKNOWN, CheckFailure, Values

_COMBINATION = "Invalid Attribute Combination."


class PrimaryIp(HetznerResource):
    """An address that lives apart from the server that has it."""

    def validate(self, inputs: Values) -> list[CheckFailure]:
        failures = super().validate(inputs)
        if ("location" in inputs) == ("assigneeId" in inputs):
            one = "Exactly one of these attributes must be configured: [location,assignee_id]"
            failures.append(CheckFailure("location", f"{_COMBINATION} {one}"))
        if "assigneeId" in inputs and inputs.get("assigneeType") is None:
            both = "These attributes must be configured together: [assignee_id,assignee_type]"
            failures.append(CheckFailure("assigneeId", f"{_COMBINATION} {both}"))
        return failures

    def make(self, plan: Values) -> tuple[str, Values]:
        body = {name: plan[name] for name in ("name", "type", "labels")}
        body["auto_delete"] = plan["autoDelete"]
        if "location" in plan:
            body["location"] = plan["location"]
        else:
            body.update(assignee_id=plan["assigneeId"], assignee_type=plan["assigneeType"])
        created = self.api.post("/primary_ips", body)
        number = created["primary_ip"]["id"]
        return self.finish(str(number), plan, lambda: self._started(number, created.get("action"), plan))

    def _started(self, number: int, action: Any, plan: Values) -> Values:
        self.api.wait_for(action)
        if plan["deleteProtection"]:
            self._protect(number, True)
        return _state(self.api.get(f"/primary_ips/{number}")["primary_ip"])

    def fetch(self, resource_id: str, state: Values) -> Values | None:
        found = self.api.find(f"/primary_ips/{resource_id}")
        return None if found is None else _state(found["primary_ip"])

    def change(self, resource_id: str, state: Values, plan: Values, changed: set[str]) -> Values:
        if "deleteProtection" in changed:
            self._protect(resource_id, plan["deleteProtection"])
        if changed & {"assigneeId", "assigneeType"}:
            if state.get("assigneeId"):
                self.api.wait_for(self.api.post(f"/primary_ips/{resource_id}/actions/unassign")["action"])
            if plan.get("assigneeId"):
                body = {"assignee_id": plan["assigneeId"], "assignee_type": plan["assigneeType"]}
                self.api.wait_for(self.api.post(f"/primary_ips/{resource_id}/actions/assign", body)["action"])
        body = {name: plan[name] for name in ("name", "labels") if name in changed}
        if "autoDelete" in changed:
            body["auto_delete"] = plan["autoDelete"]
        return _state(self.api.put(f"/primary_ips/{resource_id}", body)["primary_ip"])

    def remove(self, resource_id: str, state: Values) -> None:
        self._unassign(resource_id, state)
        try:
            self.api.retry(
                lambda: self.api.remove(f"/primary_ips/{resource_id}"),
                tries=2 * TRIES,
                when=lambda error: error.code not in ("protected", "not_found"),
            )
        except ApiError as error:
            if error.code != "not_found":
                raise

    def _unassign(self, resource_id: str, state: Values) -> None:
        """Take it from its server, which is off meanwhile; what fails here, the deletion will show."""
        assignee = state.get("assigneeId")
        if not assignee or assignee is UNKNOWN:
            return
        if state.get("assigneeType") != "server":
            self._attempt(f"/primary_ips/{resource_id}/actions/unassign")
            return
        try:
            found = self.api.find(f"/servers/{assignee}")
        except ApiError:
            return
        public = (found or {}).get("server", {}).get("public_net") or {}
        if resource_id in {str((public.get(kind) or {}).get("id")) for kind in ("ipv4", "ipv6")}:
            self._attempt(f"/servers/{assignee}/actions/poweroff")
            self._attempt(f"/primary_ips/{resource_id}/actions/unassign")
            self._attempt(f"/servers/{assignee}/actions/poweron")

    def _attempt(self, path: str) -> None:
        try:
            action = self.api.post(path)["action"]
        except ApiError:
            return
        self.api.wait_for(action)

    def _protect(self, number: int | str, delete: bool) -> None:
        answer = self.api.post(f"/primary_ips/{number}/actions/change_protection", {"delete": delete})
        self.api.wait_for(answer["action"])


def _state(address: dict[str, Any]) -> Values:
    state = {
        "id": str(address["id"]),
        "name": address["name"],
        "type": address["type"],
        "ipAddress": address["ip"],
        "location": address["location"]["name"],
        "assigneeId": address.get("assignee_id") or 0,
        "assigneeType": address.get("assignee_type") or "",
        "labels": address.get("labels") or {},
        "deleteProtection": address["protection"]["delete"],
        "autoDelete": address["auto_delete"],
    }
    if address["type"] == "ipv6":
        network = address["ip"]
        state["ipAddress"], state["ipNetwork"] = network.partition("/")[0], network
    return state
