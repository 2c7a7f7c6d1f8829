"""The stack files as tests use them: read, changed, and loaded as the program loads them."""

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi
import yaml

from components.settings import Settings, load

ROOT = Path(__file__).parents[2]
PROJECT = "jira-plus-plus"
SECRETS = {
    "acme_dns_token": "canary-acme-dns-token".ljust(40, "0"),
    "masked_access_key": "canary-masked-access-key",
    "masked_passphrase": "canary-masked-passphrase",
    "masked_secret_key": "canary-masked-secret-key",
    "offsite_access_key": "canary-offsite-access-key",
    "offsite_secret_key": "canary-offsite-secret-key",
    "offsite_passphrase": "canary-offsite-passphrase",
    "archive_access_key": "canary-archive-access-key",
    "archive_secret_key": "canary-archive-secret-key",
    "archive_passphrase": "canary-archive-passphrase",
}
ENVIRONMENT = {
    "HCLOUD_TOKEN": "canary-hcloud-token".ljust(64, "0"),
    "CLOUDFLARE_API_TOKEN": "canary-cloudflare-token".ljust(40, "0"),
}
REMOVE = object()
"""A change with this value takes the key away."""


def stack_file(stack: str) -> dict[str, Any]:
    """The sections of `Pulumi.<stack>.yaml`, as they are committed."""
    config = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text())["config"]
    return {key.removeprefix(f"{PROJECT}:"): value for key, value in config.items()}


def released(sections: Mapping[str, Any]) -> dict[str, Any]:
    """`sections` with a digest on the application's images, which a release writes."""
    pinned = {
        name: image if "@" in image else f"{image}@sha256:{'0' * 64}"
        for name, image in sections["images"].items()
    }
    return {**sections, "images": pinned}


def changed(sections: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of `sections` in which each dotted path of `changes` has a new value, or is gone (`REMOVE`)."""
    result: dict[str, Any] = copy.deepcopy(dict(sections))
    for path, value in changes.items():
        *above, last = path.split(".")
        target = result
        for name in above:
            target = target.setdefault(name, {})
        if value is REMOVE:
            target.pop(last, None)
        else:
            target[last] = copy.deepcopy(value)
    return result


def configured(sections: Mapping[str, Any], secrets: Mapping[str, str] = SECRETS) -> pulumi.Config:
    """The configuration as the engine hands it over: every value as text, mappings and numbers as JSON."""
    values = {name: v if isinstance(v, str) else json.dumps(v) for name, v in sections.items()}
    everything = {f"{PROJECT}:{name}": value for name, value in {**values, **secrets}.items()}
    pulumi.runtime.set_all_config(everything, [f"{PROJECT}:{name}" for name in secrets])
    return pulumi.Config(PROJECT)


def stack_settings(stack: str, changes: Mapping[str, Any] | None = None) -> Settings:
    """The settings of a stack file, released, with `changes` by dotted path."""
    sections = changed(released(stack_file(stack)), changes or {})
    return load(configured(sections), ENVIRONMENT)
