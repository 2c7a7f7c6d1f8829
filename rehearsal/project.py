"""The copy of the project that a rehearsal runs in: the user's own stack file is never written."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from components.settings.host import Host
from rehearsal.storage import KEYS

ROOT = Path(__file__).resolve().parent.parent
COPIED = ("__main__.py", "Pulumi.yaml", "Pulumi.{stack}.yaml", "requirements.txt", "components")
SALT = "encryptionsalt"
ENV_FILE = ".env.local"
"""A developer's variables, where `development.env_file` does not say otherwise."""


class ProjectError(Exception):
    """The project's files cannot be rehearsed; the message names the file and the remedy."""


def prepare(
    root: Path,
    stack: str,
    state: Path,
    images: Mapping[str, Any] | None = None,
    own: Path | None = None,
) -> Path:
    """A fresh copy of the project below `state`, its stack file merged with the override and with `images`.

    What the engine wrote into the last copy and needs again, the salt of its encryption, is kept.
    A developer's own files are not copied, but used where they are: relative to `own`, else to `root`.
    """
    copy = state / "project"
    stack_file = f"Pulumi.{stack}.yaml"
    salt = _read(copy / stack_file).get(SALT) if (copy / stack_file).exists() else None
    if copy.exists():
        shutil.rmtree(copy)
    copy.mkdir(parents=True)
    for pattern in COPIED:
        source = root / pattern.format(stack=stack)
        if source.is_dir():
            shutil.copytree(source, copy / source.name, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():
            shutil.copy2(source, copy / source.name)
        else:
            raise ProjectError(f"{source.name}: missing in {root}; a rehearsal copies it")
    merged = merge(_rehearsed(root, stack), images or {})
    if salt:
        merged[SALT] = salt
    _point_to(merged, own or root)
    (copy / stack_file).write_text(yaml.safe_dump(merged, sort_keys=False, allow_unicode=True))
    return copy


def server_image(root: Path, stack: str) -> str | None:
    """What Hetzner is asked for a server of, by the name that it has there; None: the stack orders none."""
    host = _section(_rehearsed(root, stack), "host")
    return host.get("image", Host.model_fields["image"].default) if host.get("kind") == "hetzner" else None


def buckets(root: Path, stack: str) -> dict[str, str]:
    """What goes off the machine, by its key under `backup`, and the name of the bucket that it goes to."""
    backup = _section(_rehearsed(root, stack), "backup")
    given = {name: backup.get(name) for name in KEYS}
    return {
        name: str(one["bucket"]) for name, one in given.items() if isinstance(one, dict) and one.get("bucket")
    }


def monitored(root: Path, stack: str) -> bool:
    """Whether the stack has metrics, as `components/settings/monitoring.py` tells it of a sound file."""
    stack_file = _rehearsed(root, stack)
    enabled = _section(stack_file, "monitoring").get("enabled")
    return _section(stack_file, "host").get("kind") != "local" if enabled is None else bool(enabled)


def logged(root: Path, stack: str) -> bool:
    """Whether the stack keeps its logs, as the same file tells it."""
    stack_file = _rehearsed(root, stack)
    wanted = _section(stack_file, "monitoring").get("logs")
    kind = _section(stack_file, "host").get("kind")
    return monitored(root, stack) and (kind != "local" if wanted is None else bool(wanted))


def shown(root: Path, stack: str) -> bool:
    """Whether Grafana shows them."""
    return monitored(root, stack) and bool(_section(_rehearsed(root, stack), "monitoring").get("grafana"))


def exports_elsewhere(root: Path, stack: str) -> bool:
    """Whether the stack hands masked rows on, to a bucket that is at no address of a rehearsal's."""
    exports = _section(_rehearsed(root, stack), "backup").get("masked") or {}
    return bool(exports) and not re.match(r"https://\d", str(exports.get("endpoint")))


def takes_or_exports(root: Path, stack: str) -> bool:
    """Whether masked rows come or go, for which there must be restic."""
    backup = _section(_rehearsed(root, stack), "backup")
    takes = bool((backup.get("reset") or {}).get("masked"))
    return takes or (bool(backup.get("masked")) and not exports_elsewhere(root, stack))


def merge(base: Mapping[str, Any], override: Mapping[str, Any]) -> dict[str, Any]:
    """`override` laid over `base`: mappings key by key, anything else replaced; null removes a key."""
    merged = dict(base)
    for key, value in override.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(merged.get(key), Mapping):
            merged[key] = merge(merged[key], value)
        else:
            merged[key] = value
    return merged


def zones(copy: Path, stack: str) -> list[str]:
    """`name=id` of the Cloudflare zone that the stack file names."""
    domain = _section(_read(copy / f"Pulumi.{stack}.yaml"), "domain")
    if not domain.get("zone_id"):
        return []
    return [f"{domain.get('zone')}={domain['zone_id']}"]


def account(copy: Path, stack: str) -> str | None:
    """The id of the Cloudflare account that the stack file names for its buckets."""
    r2 = _section(_read(copy / f"Pulumi.{stack}.yaml"), "backup").get("r2")
    return r2.get("account_id") if isinstance(r2, dict) else None


def in_r2(root: Path, stack: str) -> set[str]:
    """Which of `buckets` are R2's, whose endpoint and keys are nobody's to give."""
    backup = _section(_rehearsed(root, stack), "backup")
    return {name for name in buckets(root, stack) if backup.get("r2") and not backup[name].get("endpoint")}


def _point_to(stack_file: dict[str, Any], own: Path) -> None:
    """Makes the paths of the section `development` absolute: they are relative to the user's own project."""
    config = stack_file.get("config") or {}
    host, development = (config.get(f"jira-plus-plus:{name}") or {} for name in ("host", "development"))
    if not isinstance(host, dict) or host.get("kind") != "local" or not isinstance(development, dict):
        return
    if (own / ENV_FILE).exists():
        development.setdefault("env_file", ENV_FILE)
    sources = development.get("sources")
    for section, key in (
        (development, "env_file"),
        *((source, "path") for source in (sources.values() if isinstance(sources, dict) else ())),
    ):
        if isinstance(section, dict) and isinstance(section.get(key), str):
            section[key] = str(own / Path(section[key]).expanduser())
    if development:
        config["jira-plus-plus:development"] = development


def _rehearsed(root: Path, stack: str) -> dict[str, Any]:
    """The stack file with the override of its rehearsal laid over it."""
    override = root / "rehearsal" / "overrides" / f"{stack}.yaml"
    return merge(_read(root / f"Pulumi.{stack}.yaml"), _read(override))


def _section(stack_file: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A section of the settings; what is no mapping, the program itself will complain about."""
    config = stack_file.get("config")
    section = config.get(f"jira-plus-plus:{name}") if isinstance(config, dict) else None
    return section if isinstance(section, dict) else {}


def _read(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        loaded = yaml.safe_load(path.read_text()) or {}
    except yaml.YAMLError as error:
        raise ProjectError(f"{path.name}: no valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(loaded, dict):
        raise ProjectError(f"{path.name}: must be a mapping, is a {type(loaded).__name__}")
    return loaded
