"""A token of an account, as terraform-provider-cloudflare 5.22 has it (internal/services/account_token)."""

from __future__ import annotations

import json
from typing import Any

from rehearsal.plugins.cloudflare.resources import CloudflareResource
from rehearsal.plugins.provider import Values, log

_USELESS = ("expired", "revoked (exposed)")


class AccountToken(CloudflareResource):
    """Its value is told once, when it is made, and kept in the state."""

    def fetch(self, resource_id: str, state: Values) -> Values | None:
        """One that is of no use any more is taken to be gone, so that the next up makes another."""
        found = super().fetch(resource_id, state)
        if found is not None and found.get("status") in _USELESS:
            log(
                f'[WARNING] Token "{found["name"]}" is in "{found["status"]}" status and is no longer '
                "usable. It will be removed from state and recreated on the next apply.: "
                "Token expired or revoked",
                "warning",
            )
            return None
        return found

    def _body(self, plan: Values) -> Values:
        """What a policy is for is text in the program, and a mapping for the API."""
        policies = [
            {
                "effect": policy["effect"],
                "permission_groups": policy["permissionGroups"],
                "resources": json.loads(policy["resources"]),
            }
            for policy in plan["policies"]
        ]
        return {**super()._body({**plan, "policies": None}), "policies": policies}

    def _state(self, before: Values, result: Any) -> Values:
        """Of a policy, the API tells more than what was given: that is left out."""
        policies = [
            {
                "effect": policy["effect"],
                "permissionGroups": [{"id": group["id"]} for group in policy["permission_groups"]],
                "resources": json.dumps(policy["resources"], separators=(",", ":")),
            }
            for policy in result["policies"]
        ]
        state = {**super()._state(before, {**result, "policies": None}), "policies": policies}
        if value := result.get("value") or before.get("value"):
            state["value"] = value
        return state
