"""`hcloud.SshKey`."""

from __future__ import annotations

from typing import Any

from rehearsal.plugins.hcloud.api import ApiError
from rehearsal.plugins.hcloud.common import HetznerResource
from rehearsal.plugins.provider import Values


class SshKey(HetznerResource):
    """A public key that servers get at creation."""

    def make(self, plan: Values) -> tuple[str, Values]:
        body = {name: plan[key] for name, key in _BODY.items()}
        state = _state(self.api.post("/ssh_keys", body)["ssh_key"])
        return state["id"], state

    def fetch(self, resource_id: str, state: Values) -> Values | None:
        found = self.api.find(f"/ssh_keys/{resource_id}")
        return None if found is None else _state(found["ssh_key"])

    def change(self, resource_id: str, state: Values, plan: Values, changed: set[str]) -> Values:
        body: Values = {name: plan[name] for name in ("name", "labels") if name in changed}
        return _state(self.api.put(f"/ssh_keys/{resource_id}", body)["ssh_key"])

    def remove(self, resource_id: str, state: Values) -> None:
        try:
            self.api.remove(f"/ssh_keys/{resource_id}")
        except ApiError as error:
            if error.code != "not_found":
                raise


_BODY = {"name": "name", "public_key": "publicKey", "labels": "labels"}


def _state(key: dict[str, Any]) -> Values:
    return {
        "id": str(key["id"]),
        "name": key["name"],
        "publicKey": key["public_key"],
        "fingerprint": key["fingerprint"],
        "labels": key.get("labels") or {},
    }
