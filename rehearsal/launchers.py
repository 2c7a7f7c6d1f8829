"""Puts a stand-in on PATH for each provider plugin that is not to be had officially, or must not be used."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PLUGINS = {
    "cloudflare": "pulumi-cloudflare",
    "command": "pulumi-command",
    "docker": "pulumi-docker",
    "hcloud": "pulumi-hcloud",
    "random": "pulumi-random",
    "tls": "pulumi-tls",
}
"""Name of each plugin that the program uses, and the requirement whose version it has."""
DIALLING = ("command", "docker")
"""Those that reach a server itself, not a provider's API: where servers are only recorded, none answers."""


def place(folder: Path, home: Path, path: str | None = None, *, recorded: bool = False) -> list[str]:
    """Fills `folder` with launchers; the names of the plugins that got one.

    Args:
        folder: rewritten whole; to be put first on PATH.
        home: PULUMI_HOME of the rehearsal. Official plugins of the user's own are linked into it.
        path: where to look for official plugins; PATH, unless given.
        recorded: servers and containers are only recorded, so each of `DIALLING` gets a launcher in any case.
            The engine prefers what is on PATH to what is installed.
    """
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    placed = [name for name in PLUGINS if (recorded and name in DIALLING) or not _official(name, home, path)]
    for name in placed:
        launcher = folder / f"pulumi-resource-{name}"
        launcher.write_text(
            "#!/bin/sh\n"
            f"PYTHONPATH={shlex.quote(str(ROOT))} "
            f'exec {shlex.quote(sys.executable)} -m rehearsal.plugins {name} "$@"\n'
        )
        launcher.chmod(0o755)
    return placed


def environment(folder: Path, base: Mapping[str, str] | None = None) -> dict[str, str]:
    """PATH with the launchers in front."""
    current = (base or os.environ).get("PATH", os.defpath)
    return {"PATH": f"{folder}{os.pathsep}{current}"}


def _official(name: str, home: Path, path: str | None) -> bool:
    if shutil.which(f"pulumi-resource-{name}", path=path):
        return True
    folder = f"resource-{name}-v{version(PLUGINS[name])}"
    users = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi") / "plugins" / folder
    ours = home / "plugins" / folder
    if not ours.exists() and users.is_dir():
        ours.parent.mkdir(parents=True, exist_ok=True)
        ours.symlink_to(users)
    return ours.exists()


def version(requirement: str) -> str:
    """The version that `requirements.txt` pins, which is the plugin's too."""
    for line in (ROOT / "requirements.txt").read_text().splitlines():
        if line.startswith(f"{requirement}=="):
            return line.split("==")[1].strip()
    raise LookupError(f"requirements.txt: no pin of {requirement}")
