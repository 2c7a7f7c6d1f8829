"""Rulesets of a zone: rules by phase, versioned."""

from __future__ import annotations

import secrets
from typing import Any

from rehearsal.cloud.cloud import Cloud
from rehearsal.cloud.cloudflare.envelope import body_of, page, wrap
from rehearsal.cloud.cloudflare.zones import zone_of
from rehearsal.cloud.errors import CloudflareError, cloudflare_invalid
from rehearsal.cloud.messages import Request, Response
from rehearsal.cloud.records import Record, now_micro
from rehearsal.cloud.router import Routes

KIND = "ruleset"
# https://developers.cloudflare.com/ruleset-engine/reference/phases-list/, those of a zone.
PHASES = (
    "http_request_sanitize",
    "http_request_dynamic_redirect",
    "http_request_transform",
    "http_config_settings",
    "http_request_origin",
    "http_request_firewall_custom",
    "http_ratelimit",
    "http_request_firewall_managed",
    "http_request_sbfm",
    "http_request_redirect",
    "http_request_late_transform",
    "http_request_cache_settings",
    "http_custom_errors",
    "http_response_compression",
    "http_response_headers_transform",
    "http_response_firewall_managed",
    "http_log_custom_fields",
)
routes = Routes()


def _rules(values: Any, old: list[Record]) -> list[Record]:
    if not isinstance(values, list):
        raise cloudflare_invalid(20127, "rules must be a list")
    kept = {rule["id"]: rule for rule in old}
    rules = []
    for value in values:
        if not isinstance(value, dict) or not value.get("expression") or not value.get("action"):
            raise cloudflare_invalid(20127, "a rule needs an expression and an action")
        key = value.get("id") or secrets.token_hex(16)
        wanted = {"enabled": True, **value, "id": key, "ref": value.get("ref") or key}
        before = kept.get(key, {})
        same = all(before.get(name) == item for name, item in wanted.items())
        rules.append(
            {
                **wanted,
                "version": before["version"] if same else str(int(before.get("version", 0)) + 1),
                "last_updated": before["last_updated"] if same else now_micro(),
            }
        )
    return rules


def _of_zone(cloud: Cloud, zone: Record) -> list[Record]:
    return [one for one in cloud.store.all(KIND) if one["zone_id"] == zone["id"]]


def _show(record: Record, *, rules: bool = True) -> Record:
    hidden = {"zone_id"} if rules else {"zone_id", "rules"}
    return {key: value for key, value in record.items() if key not in hidden}


def _wanted(cloud: Cloud, request: Request) -> Record:
    zone = zone_of(cloud, request)
    record = cloud.store.get(KIND, request.params["id"])
    if record is None or record["zone_id"] != zone["id"]:
        raise CloudflareError(404, 10000, "could not find ruleset")
    return record


def _save(cloud: Cloud, zone: Record, body: Record, old: Record | None, phase: str, kind: str) -> Response:
    version = str(int(old["version"]) + 1) if old else "1"
    record = {
        "id": old["id"] if old else secrets.token_hex(16),
        "zone_id": zone["id"],
        "name": body.get("name", old["name"] if old else "default"),
        "description": body.get("description", old["description"] if old else ""),
        "kind": kind,
        "phase": phase,
        "version": version,
        "last_updated": now_micro(),
        "rules": _rules(body.get("rules", []), old["rules"] if old else []),
    }
    cloud.store.put(KIND, record)
    return wrap(_show(record))


@routes.add("GET", "/zones/{zone}/rulesets")
def list_rulesets(cloud: Cloud, request: Request) -> Response:
    """All rulesets, without their rules."""
    zone = zone_of(cloud, request)
    return page(request, [_show(one, rules=False) for one in _of_zone(cloud, zone)])


@routes.add("POST", "/zones/{zone}/rulesets")
def create(cloud: Cloud, request: Request) -> Response:
    """Makes the ruleset of a phase; a zone has one per phase."""
    zone, body = zone_of(cloud, request), body_of(request)
    phase, kind = body.get("phase"), body.get("kind")
    if phase not in PHASES:
        raise cloudflare_invalid(20119, f"unknown phase {phase!r}")
    if kind != "zone":
        raise cloudflare_invalid(20118, f"kind must be zone, not {kind!r}")
    if any(one["phase"] == phase for one in _of_zone(cloud, zone)):
        raise cloudflare_invalid(
            20217,
            f"A similar configuration with rules already exists and overwriting will have unintended "
            f"consequences: zone ruleset for phase {phase}",
        )
    return _save(cloud, zone, body, None, phase, kind)


@routes.add("GET", "/zones/{zone}/rulesets/{id}")
def get(cloud: Cloud, request: Request) -> Response:
    """One ruleset."""
    return wrap(_show(_wanted(cloud, request)))


@routes.add("PUT", "/zones/{zone}/rulesets/{id}")
def update(cloud: Cloud, request: Request) -> Response:
    """Replaces its rules; each change is a new version."""
    old = _wanted(cloud, request)
    return _save(cloud, zone_of(cloud, request), body_of(request), old, old["phase"], old["kind"])


@routes.add("DELETE", "/zones/{zone}/rulesets/{id}")
def delete(cloud: Cloud, request: Request) -> Response:
    """Removes it."""
    cloud.store.delete(KIND, _wanted(cloud, request)["id"])
    return Response(204)


@routes.add("GET", "/zones/{zone}/rulesets/phases/{phase}/entrypoint")
def get_entrypoint(cloud: Cloud, request: Request) -> Response:
    """The ruleset of a phase."""
    zone = zone_of(cloud, request)
    for one in _of_zone(cloud, zone):
        if one["phase"] == request.params["phase"]:
            return wrap(_show(one))
    raise CloudflareError(
        404, 10003, f"could not find entrypoint ruleset in the {request.params['phase']} phase"
    )


@routes.add("PUT", "/zones/{zone}/rulesets/phases/{phase}/entrypoint")
def put_entrypoint(cloud: Cloud, request: Request) -> Response:
    """Makes or replaces the ruleset of a phase."""
    zone, phase = zone_of(cloud, request), request.params["phase"]
    if phase not in PHASES:
        raise cloudflare_invalid(20119, f"unknown phase {phase!r}")
    old = next((one for one in _of_zone(cloud, zone) if one["phase"] == phase), None)
    return _save(cloud, zone, body_of(request), old, phase, "zone")
