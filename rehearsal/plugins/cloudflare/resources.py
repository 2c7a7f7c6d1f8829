"""The Cloudflare resources: each is a row of the table `SPECS`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rehearsal.plugins.bridged import Bridged
from rehearsal.plugins.cloudflare.api import Api, ApiError
from rehearsal.plugins.provider import CheckFailure, ProviderError, Values, log
from rehearsal.plugins.rest import NO_HEADERS
from rehearsal.plugins.shapes import Shape

# In the bridge's words around those of the provider (`formatDiagnostic` of pulumi-terraform-bridge).
_NOT_DESTROYED = (
    "[WARNING] This resource cannot be destroyed from Terraform. If you create this resource, it will be "
    "present in the API until manually deleted.: Resource Destruction Considerations"
)
_LEFT_BEHIND = (
    "[WARNING] Applying this resource destruction will remove the resource from the state but will not "
    "change it in the API.: Resource Destruction Considerations"
)
_GONE = (
    "[WARNING] The resource was not found on the server and will be removed from state.: Resource not found"
)


@dataclass(frozen=True)
class Spec:
    """Where a resource lives. `{…}` in a path is a property of it, and not part of a body.

    `create` and `update` are methods (`update` `""`: it cannot be changed, and a change is silently left
    out); `remove` says whether it can be deleted; `identity` is the property that is its id; `imported` the
    names in the id that `pulumi import` takes.
    """

    collection: str
    item: str
    create: str = "POST"
    update: str = "PUT"
    remove: bool = True
    identity: str = "id"
    imported: tuple[str, ...] = ("zoneId", "id")


SPECS: dict[str, Spec] = {
    "cloudflare:index/dnsRecord:DnsRecord": Spec(
        "/zones/{zoneId}/dns_records", "/zones/{zoneId}/dns_records/{id}"
    ),
    "cloudflare:index/zoneSetting:ZoneSetting": Spec(
        "/zones/{zoneId}/settings/{settingId}",
        "/zones/{zoneId}/settings/{settingId}",
        create="PATCH",
        update="PATCH",
        remove=False,
        identity="settingId",
        imported=("zoneId", "settingId"),
    ),
    "cloudflare:index/originCaCertificate:OriginCaCertificate": Spec(
        "/certificates", "/certificates/{id}", imported=("id",)
    ),
    "cloudflare:index/authenticatedOriginPullsCertificate:AuthenticatedOriginPullsCertificate": Spec(
        "/zones/{zoneId}/origin_tls_client_auth", "/zones/{zoneId}/origin_tls_client_auth/{id}", update=""
    ),
    "cloudflare:index/authenticatedOriginPullsSettings:AuthenticatedOriginPullsSettings": Spec(
        "/zones/{zoneId}/origin_tls_client_auth/settings",
        "/zones/{zoneId}/origin_tls_client_auth/settings",
        create="PUT",
        remove=False,
        identity="zoneId",
        imported=("zoneId",),
    ),
    "cloudflare:index/ruleset:Ruleset": Spec(
        "/zones/{zoneId}/rulesets", "/zones/{zoneId}/rulesets/{id}", imported=("", "zoneId", "id")
    ),
    "cloudflare:index/r2Bucket:R2Bucket": Spec(
        "/accounts/{accountId}/r2/buckets",
        "/accounts/{accountId}/r2/buckets/{name}",
        update="PATCH",
        identity="name",
        imported=("accountId", "name", "jurisdiction"),
    ),
    "cloudflare:index/accountToken:AccountToken": Spec(
        "/accounts/{accountId}/tokens", "/accounts/{accountId}/tokens/{id}", imported=("accountId", "id")
    ),
}


class CloudflareResource(Bridged):
    """A resource of one `Spec`."""

    def __init__(self, shape: Shape, spec: Spec, api: Callable[[], Api]) -> None:
        super().__init__(shape)
        self._spec = spec
        self._api = api

    def validate(self, inputs: Values) -> list[CheckFailure]:
        """A proxied record's time to live is Cloudflare's own."""
        if (
            "ttl" in self.shape.inputs
            and inputs.get("proxied") is True
            and inputs.get("ttl") not in (1, None)
        ) and isinstance(inputs["ttl"], int | float):
            return [CheckFailure("ttl", "ttl must be set to 1 when `proxied` is true")]
        return []

    def suppressed(self, name: str, old: Any, new: Any, news: Values) -> bool:
        """What the API adds inside a nested value is no difference."""
        return isinstance(new, dict | list) and _contains(old, new)

    def create(self, inputs: Values, preview: bool) -> tuple[str, Values]:
        """Warns, as the official plugin does, of what will not be deleted."""
        if not self._spec.remove:
            log(_NOT_DESTROYED, "warning")
        return super().create(inputs, preview)

    def make(self, plan: Values) -> tuple[str, Values]:
        path = self._path(self._spec.collection, plan)
        state = self._state(
            plan, self._api().request(self._spec.create, path, self._body(plan), self._headers(plan))
        )
        return state["id"], state

    def fetch(self, resource_id: str, state: Values) -> Values | None:
        known = state or self._from_import(resource_id)
        try:
            path = self._path(self._spec.item, {**known, "id": known.get("id", resource_id)})
            result = self._api().request("GET", path, headers=self._headers(known))
        except ApiError as error:
            if error.status == 404:
                log(_GONE, "warning")
                return None
            raise
        return self._state(known, result)

    def change(self, resource_id: str, state: Values, plan: Values, changed: set[str]) -> Values:
        if not self._spec.update:
            return state
        path = self._path(self._spec.item, {**plan, "id": resource_id})
        return self._state(
            plan, self._api().request(self._spec.update, path, self._body(plan), self._headers(plan))
        )

    def remove(self, resource_id: str, state: Values) -> None:
        if not self._spec.remove:
            log(_LEFT_BEHIND, "warning")
            return
        path = self._path(self._spec.item, {**state, "id": resource_id})
        self._api().request("DELETE", path, headers=self._headers(state))

    def _from_import(self, resource_id: str) -> Values:
        parts = resource_id.split("/")
        if len(parts) != len(self._spec.imported):
            wanted = "/".join(f"<{name or 'zones'}>" for name in self._spec.imported)
            raise ProviderError(f"invalid id {resource_id}: expected {wanted}")
        return {name: part for name, part in zip(self._spec.imported, parts, strict=True) if name}

    @staticmethod
    def _path(template: str, values: Mapping[str, Any]) -> str:
        def put(match: re.Match[str]) -> str:
            value = values.get(match[1])
            if not value:
                raise ProviderError(f"missing required {_snake(match[1])} parameter")
            return str(value)

        return re.sub(r"\{(\w+)\}", put, template)

    def _headers(self, values: Values) -> Mapping[str, str]:
        """What goes as headers with each request."""
        return NO_HEADERS

    def _body(self, plan: Values) -> Values:
        in_path = set(re.findall(r"\{(\w+)\}", self._spec.collection + self._spec.item))
        return {
            _snake(name): _renamed(plan[name], _snake)
            for name in self.shape.inputs
            if name not in in_path and plan.get(name) is not None and (name in plan)
        }

    def _state(self, before: Values, result: Any) -> Values:
        state = {name: value for name, value in before.items() if name in self.shape.inputs}
        for name in (*self.shape.inputs, *self.shape.outputs):
            value = (result or {}).get(_snake(name))
            if value is None or name in self.shape.secret_outputs:
                continue
            state[name] = (
                json.dumps(value)
                if name == "meta" and not isinstance(value, str)
                else _renamed(value, _camel)
            )
        identity = self._spec.identity
        state["id"] = str(result["id"] if identity == "id" else state[identity])
        return state


def _contains(old: Any, new: Any) -> bool:
    """Whether all of `new` stands in `old`, which may say more."""
    if isinstance(new, dict):
        return isinstance(old, dict) and all(_contains(old.get(name), value) for name, value in new.items())
    if isinstance(new, list):
        return (
            isinstance(old, list)
            and len(old) == len(new)
            and all(_contains(there, here) for there, here in zip(old, new, strict=True))
        )
    return bool(old == new)


def _renamed(value: Any, rename: Callable[[str], str]) -> Any:
    if isinstance(value, dict):
        return {rename(name): _renamed(item, rename) for name, item in value.items()}
    if isinstance(value, list):
        return [_renamed(item, rename) for item in value]
    return value


def _snake(name: str) -> str:
    """`zoneId` is `zone_id`; a name that is no property (`X-Header`) stays."""
    return (
        re.sub(r"(?<=[a-z0-9])([A-Z])", lambda match: f"_{match[1].lower()}", name)
        if name[:1].islower()
        else name
    )


def _camel(name: str) -> str:
    return re.sub(r"_([a-z0-9])", lambda match: match[1].upper(), name) if name[:1].islower() else name
