"""`hcloud.Volume` and `hcloud.VolumeAttachment`."""

from __future__ import annotations

from typing import Any

from rehearsal.plugins.hcloud.api import ApiError
from rehearsal.plugins.hcloud.common import HetznerResource, given, gone, is_locked
from rehearsal.plugins.provider import InitFailed, Values


class Volume(HetznerResource):
    """Block storage."""

    def make(self, plan: Values) -> tuple[str, Values]:
        body = {
            "name": plan["name"],
            "size": plan["size"],
            **given(
                server=plan.get("serverId"),
                location=plan.get("location"),
                labels=plan.get("labels"),
                automount=plan.get("automount"),
                format=plan.get("format"),
            ),
        }
        created = self.api.post("/volumes", body)
        number = created["volume"]["id"]
        return self.finish(str(number), plan, lambda: self._started(number, created, plan))

    def _started(self, number: int, created: dict[str, Any], plan: Values) -> Values:
        self.api.wait_for(created.get("action"))
        for action in created.get("next_actions") or []:
            self.api.wait_for(action)
        if plan["deleteProtection"]:
            self._protect(number, True)
        return self._read(str(number), plan)

    def _read(self, resource_id: str, state: Values) -> Values:
        found = self.fetch(resource_id, state)
        if found is None:
            raise gone("volume", resource_id)
        return found

    def fetch(self, resource_id: str, state: Values) -> Values | None:
        found = self.api.find(f"/volumes/{resource_id}")
        return None if found is None else {**state, **_state(found["volume"])}

    def change(self, resource_id: str, state: Values, plan: Values, changed: set[str]) -> Values:
        path = f"/volumes/{resource_id}"
        volume = self.present("volume", path, resource_id, plan)
        if "name" in changed:
            self.api.put(path, {"name": plan["name"]})
        if "serverId" in changed:
            self._move(resource_id, volume.get("server"), plan)
        if "size" in changed:
            self.api.wait_for(self.api.post(f"{path}/actions/resize", {"size": plan["size"]})["action"])
        if "labels" in changed:
            self.api.put(path, {"labels": plan.get("labels") or {}})
        if "deleteProtection" in changed:
            self._protect(resource_id, plan["deleteProtection"])
        return self._read(resource_id, plan)

    def _move(self, resource_id: str, attached: int | None, plan: Values) -> None:
        if attached is not None:
            self._detach(resource_id)
        if plan.get("serverId"):
            body = {"server": plan["serverId"], **given(automount=plan.get("automount"))}
            self.api.retry(
                lambda: self.api.wait_for(
                    self.api.post(f"/volumes/{resource_id}/actions/attach", body)["action"]
                ),
                when=lambda _: True,
            )

    def _detach(self, resource_id: str) -> None:
        self.api.retry(
            lambda: self.api.wait_for(self.api.post(f"/volumes/{resource_id}/actions/detach", {})["action"]),
            when=lambda _: True,
        )

    def remove(self, resource_id: str, state: Values) -> None:
        found = self.api.find(f"/volumes/{resource_id}")
        if found is None:
            return
        if found["volume"].get("server") is not None:
            self._detach(resource_id)
        try:
            self.api.retry(
                lambda: self.api.remove(f"/volumes/{resource_id}"),
                when=lambda error: error.code != "not_found",
            )
        except ApiError as error:
            if error.code != "not_found":
                raise

    def _protect(self, number: int | str, delete: bool) -> None:
        answer = self.api.post(f"/volumes/{number}/actions/change_protection", {"delete": delete})
        self.api.wait_for(answer["action"])


class VolumeAttachment(HetznerResource):
    """A volume on a server. Its id is the volume's."""

    def make(self, plan: Values) -> tuple[str, Values]:
        number = plan["volumeId"]
        body = {"server": plan["serverId"], **given(automount=plan.get("automount"))}
        answer = self.api.retry(
            lambda: self.api.post(f"/volumes/{number}/actions/attach", body), when=is_locked
        )
        return self.finish(str(number), plan, lambda: self._attached(str(number), answer["action"], plan))

    def _attached(self, resource_id: str, action: Any, plan: Values) -> Values:
        self.api.wait_for(action)
        found = self.fetch(resource_id, plan)
        if found is None:
            raise InitFailed(f"volume {resource_id} is not attached", resource_id, plan)
        return found

    def fetch(self, resource_id: str, state: Values) -> Values | None:
        found = self.api.find(f"/volumes/{resource_id}")
        if found is None or found["volume"].get("server") is None:
            return None
        server = found["volume"]["server"]
        if self.api.find(f"/servers/{state.get('serverId') or server}") is None:
            return None
        return {**state, "id": resource_id, "volumeId": found["volume"]["id"], "serverId": server}

    def remove(self, resource_id: str, state: Values) -> None:
        try:
            found = self.api.find(f"/volumes/{resource_id}")
        except ApiError:
            return
        if found is None or found["volume"].get("server") is None:
            return
        answer = self.api.retry(
            lambda: self.api.post(f"/volumes/{resource_id}/actions/detach", {}), when=is_locked
        )
        self.api.wait_for(answer["action"])


def _state(volume: dict[str, Any]) -> Values:
    state = {
        "id": str(volume["id"]),
        "name": volume["name"],
        "size": volume["size"],
        "location": volume["location"]["name"],
        "labels": volume.get("labels") or {},
        "linuxDevice": volume["linux_device"],
        "deleteProtection": volume["protection"]["delete"],
    }
    if volume.get("server") is not None:
        state["serverId"] = volume["server"]
    return state
