"""What a human exports, or writes into `.env.<stack>`, to operate a stack."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import yaml

from operations import backend
from operations.deployment import PROJECT

_CLOUD = {
    "HCLOUD_TOKEN": "a Hetzner Cloud API token (Read & Write) of the stack's project",
    "CLOUDFLARE_API_TOKEN": (
        "a Cloudflare API token for the stack's zone "
        "(Zone / Zone / Read, Zone / Zone Settings / Edit, Zone / DNS / Edit; "
        "with tls.mode origin-ca also Zone / SSL and Certificates / Edit)"
    ),
}


class EnvironmentIncomplete(Exception):
    """Something that must be exported is not; the message lists all of it."""


def complete_environment(root: Path, stack: str, exported: Mapping[str, str]) -> dict[str, str]:
    """`.env.<stack>` under what is exported.

    Raises:
        EnvironmentIncomplete: it lacks what the stack needs; all of it is named.
    """
    values = {**read_env_file(root / f".env.{stack}"), **exported}
    stack_file = root / f"Pulumi.{stack}.yaml"
    if not stack_file.exists():
        known = ", ".join(sorted(path.name[7:-5] for path in root.glob("Pulumi.*.yaml")))
        raise EnvironmentIncomplete(f"stack {stack}: there is no {stack_file.name}; there is {known}")
    written = yaml.safe_load(stack_file.read_text()) or {}
    config = written.get("config") or {}
    host = config.get(f"{PROJECT}:host") or {}
    needed = dict(_CLOUD) if host.get("kind") == "hetzner" else {}
    if host.get("kind") == "existing":
        needed = {"CLOUDFLARE_API_TOKEN": _CLOUD["CLOUDFLARE_API_TOKEN"]}
    missing = [f"  {name}: {what}" for name, what in needed.items() if not values.get(name)]
    missing += [f"  {line}" for line in backend.missing(root, written, values)]
    if missing:
        raise EnvironmentIncomplete(
            f"to operate {stack}, export these (or write them to .env.{stack}; see .env.template):\n"
            + "\n".join(missing)
        )
    return values


def read_env_file(path: Path) -> dict[str, str]:
    """`NAME=value` lines, with or without `export` and quotes; `#` begins a comment line."""
    values = {}
    if path.exists():
        for line in path.read_text().splitlines():
            name, equals, value = line.strip().removeprefix("export ").partition("=")
            if equals and not name.startswith("#"):
                values[name.strip()] = value.strip().strip("'\"")
    return values
