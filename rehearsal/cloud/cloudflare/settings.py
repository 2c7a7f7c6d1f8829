"""Zone settings: what a free zone has from the start, and what its settings may be."""

from __future__ import annotations

from typing import Any

from rehearsal.cloud.cloud import Cloud
from rehearsal.cloud.cloudflare.envelope import body_of, wrap
from rehearsal.cloud.cloudflare.zones import zone_of
from rehearsal.cloud.errors import CloudflareError, cloudflare_invalid
from rehearsal.cloud.messages import Request, Response
from rehearsal.cloud.records import Record, now_micro
from rehearsal.cloud.router import Routes

KIND = "zone_setting"
routes = Routes()

SWITCH = ("on", "off")
# Name, default, allowed values (None: anything of the default's type), editable on the free plan.
_SETTINGS: tuple[tuple[str, Any, tuple[Any, ...] | None, bool], ...] = (
    ("0rtt", "off", SWITCH, True),
    ("advanced_ddos", "on", SWITCH, False),
    ("always_online", "off", SWITCH, True),
    ("always_use_https", "off", SWITCH, True),
    ("automatic_https_rewrites", "on", SWITCH, True),
    ("brotli", "on", SWITCH, True),
    ("browser_cache_ttl", 14400, None, True),
    ("browser_check", "on", SWITCH, True),
    ("cache_level", "aggressive", ("aggressive", "basic", "simplified"), True),
    ("challenge_ttl", 1800, None, True),
    ("ciphers", [], None, False),
    ("cname_flattening", "flatten_at_root", ("flatten_at_root", "flatten_all"), False),
    ("development_mode", "off", SWITCH, True),
    ("early_hints", "off", SWITCH, True),
    ("edge_cache_ttl", 7200, None, True),
    ("email_obfuscation", "on", SWITCH, True),
    ("hotlink_protection", "off", SWITCH, True),
    ("http2", "on", SWITCH, False),
    ("http3", "on", SWITCH, True),
    ("ip_geolocation", "on", SWITCH, True),
    ("ipv6", "on", SWITCH, True),
    ("long_lived_grpc", "off", SWITCH, False),
    ("max_upload", 100, None, True),
    ("min_tls_version", "1.0", ("1.0", "1.1", "1.2", "1.3"), True),
    ("mirage", "off", SWITCH, False),
    ("opportunistic_encryption", "on", SWITCH, True),
    ("opportunistic_onion", "on", SWITCH, True),
    ("orange_to_orange", "off", SWITCH, False),
    ("origin_error_page_pass_thru", "off", SWITCH, False),
    ("origin_max_http_version", "2", ("1", "2"), True),
    ("polish", "off", ("off", "lossless", "lossy"), False),
    ("prefetch_preload", "off", SWITCH, False),
    ("privacy_pass", "on", SWITCH, True),
    ("pseudo_ipv4", "off", ("off", "add_header", "overwrite_header"), True),
    ("replace_insecure_js", "on", SWITCH, True),
    ("response_buffering", "off", SWITCH, False),
    ("rocket_loader", "off", SWITCH, True),
    (
        "security_header",
        {
            "strict_transport_security": {
                "enabled": False,
                "max_age": 0,
                "include_subdomains": False,
                "preload": False,
                "nosniff": False,
            }
        },
        None,
        True,
    ),
    (
        "security_level",
        "medium",
        ("off", "essentially_off", "low", "medium", "high", "under_attack"),
        True,
    ),
    ("server_side_exclude", "on", SWITCH, True),
    ("sort_query_string_for_cache", "off", SWITCH, False),
    ("ssl", "full", ("off", "flexible", "full", "strict", "origin_pull"), True),
    ("tls_1_2_only", "off", SWITCH, True),
    ("tls_1_3", "on", ("on", "off", "zrt"), True),
    ("tls_client_auth", "off", SWITCH, True),
    ("true_client_ip_header", "off", SWITCH, False),
    ("waf", "off", SWITCH, False),
    ("webp", "off", SWITCH, False),
    ("websockets", "on", SWITCH, True),
)
SETTINGS = {name: (default, allowed, editable) for name, default, allowed, editable in _SETTINGS}
# `ssl_recommender` is the one setting with `enabled` in place of a value.
ENABLED_SETTINGS = {"ssl_recommender": True}


def _show(cloud: Cloud, zone: Record, name: str) -> Record:
    stored = cloud.store.get(KIND, f"{zone['id']}/{name}")
    if name in ENABLED_SETTINGS:
        enabled = stored["enabled"] if stored else ENABLED_SETTINGS[name]
        shown: Record = {"id": name, "enabled": enabled, "editable": True}
    else:
        default, _, editable = SETTINGS[name]
        shown = {"id": name, "value": stored["value"] if stored else default, "editable": editable}
    shown["modified_on"] = stored["modified_on"] if stored else None
    if name == "ssl":
        shown["certificate_status"] = "active"
    if name == "development_mode":
        shown["time_remaining"] = 0
    return shown


def _known(request: Request) -> str:
    name = request.params["setting"]
    if name not in SETTINGS and name not in ENABLED_SETTINGS:
        raise cloudflare_invalid(1006, f"Unrecognized zone setting name: {name}")
    return name


def _acceptable(name: str, value: Any) -> bool:
    default, allowed, _ = SETTINGS[name]
    if allowed is not None:
        return value in allowed
    if isinstance(default, dict):
        return isinstance(value, dict) and set(value) <= set(default)
    if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
        return False
    return isinstance(value, (int, float) if isinstance(default, int) else type(default))


@routes.add("GET", "/zones/{zone}/settings")
def list_settings(cloud: Cloud, request: Request) -> Response:
    """All settings."""
    zone = zone_of(cloud, request)
    return wrap([_show(cloud, zone, name) for name in (*SETTINGS, *ENABLED_SETTINGS)])


@routes.add("GET", "/zones/{zone}/settings/{setting}")
def get_setting(cloud: Cloud, request: Request) -> Response:
    """One setting."""
    zone = zone_of(cloud, request)
    return wrap(_show(cloud, zone, _known(request)))


@routes.add("PATCH", "/zones/{zone}/settings/{setting}")
def edit_setting(cloud: Cloud, request: Request) -> Response:
    """Changes one setting."""
    zone, name, body = zone_of(cloud, request), _known(request), body_of(request)
    record: Record = {"id": f"{zone['id']}/{name}", "modified_on": now_micro()}
    if name in ENABLED_SETTINGS:
        if not isinstance(body.get("enabled"), bool):
            raise cloudflare_invalid(1007, f"Invalid value for zone setting {name}")
        record["enabled"] = body["enabled"]
    else:
        if not _acceptable(name, body.get("value")):
            raise cloudflare_invalid(1007, f"Invalid value for zone setting {name}")
        if not SETTINGS[name][2]:
            raise CloudflareError(403, 1015, f"Not allowed to edit setting for {name}")
        record["value"] = body["value"]
    cloud.store.put(KIND, record)
    return wrap(_show(cloud, zone, name))
