"""What the embedded cloud holds, asked through its APIs."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

from hcloud import Client

from rehearsal.background import Cloud

HETZNER = (
    "servers",
    "volumes",
    "primary_ips",
    "floating_ips",
    "firewalls",
    "networks",
    "load_balancers",
    "placement_groups",
    "ssh_keys",
)


def inventory(cloud: Cloud) -> dict[str, list[str]]:
    """Names of everything there is, by kind; kinds of which there is nothing are left out."""
    client = Client(token=cloud.token, api_endpoint=cloud.environment["HCLOUD_ENDPOINT"])
    found: dict[str, list[str]] = {}
    for kind in HETZNER:
        if names := [str(item.name) for item in getattr(client, kind).get_all()]:
            found[kind] = names
    for zone in _cloudflare(cloud, "/zones?per_page=50"):
        records = _cloudflare(cloud, f"/zones/{zone['id']}/dns_records?per_page=100")
        if names := [f"{record['type']} {record['name']}" for record in records]:
            found[f"records of {zone['name']}"] = names
    return found


def _cloudflare(cloud: Cloud, path: str) -> Any:
    request = urllib.request.Request(
        cloud.environment["CLOUDFLARE_BASE_URL"] + path, headers={"Authorization": f"Bearer {cloud.token}"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)["result"]
