"""The Pulumi engine: one of a fitting version on PATH, else the pinned one, built from `tools/engine`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from pulumi.automation import PulumiCommand

from operations import durations, golang
from operations.cache import cache_folder
from operations.engines import NotedCommand

ROOT = Path(__file__).resolve().parent.parent
MODULE = ROOT / "tools" / "engine"
PACKAGE = "github.com/pulumi/pulumi/pkg/v3"

Say = Callable[[str], None]
Version = tuple[int, int, int]


class EngineMissing(Exception):
    """No engine on PATH and none can be built; the message says what to install."""


def pinned_version() -> str:
    """The engine's version as `tools/engine/go.mod` pins it, such as `3.274.1`."""
    match = re.search(rf"{re.escape(PACKAGE)} v(\S+)", (MODULE / "go.mod").read_text())
    if match is None:
        raise EngineMissing(f"tools/engine/go.mod: requires no {PACKAGE}; restore that line")
    return match.group(1)


def engine(say: Say = print) -> Path:
    """The engine's binary; builds it once, which takes minutes, when no fitting one is found.

    Raises:
        EngineMissing: nothing fits and there is no Go to build with, or the build failed.
    """
    return on_path(say) or built(say)


def command(binary: Path) -> PulumiCommand:
    """The Automation API's handle on `binary`."""
    return NotedCommand(None if shutil.which("pulumi") == str(binary) else str(binary.parent.parent))


def on_path(say: Say = print) -> Path | None:
    """`pulumi` on PATH, if its minor version is at least the pinned one."""
    found = shutil.which("pulumi")
    if found is None:
        return None
    version, wanted = _version_of(found), _parse(pinned_version())
    if version is not None and version[0] == wanted[0] and version[:2] >= wanted[:2]:
        return Path(found)
    shown = ".".join(map(str, version)) if version else "of unknown version"
    say(f"pulumi on PATH ({found}) is {shown}, older than {wanted[0]}.{wanted[1]}: using the pinned one")
    return None


def built(say: Say = print) -> Path:
    """The pinned engine from the cache folder, built first if it is not there."""
    version = pinned_version()
    binary = cache_folder() / "pulumi" / version / "bin" / "pulumi"
    if binary.exists():
        return binary
    flag = f"-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version={version}"
    say(durations.announcement(("engine",)))
    started = time.monotonic()
    try:
        # The first preview waits for it: before what Docker builds beside it, where root asks.
        golang.build("engine", MODULE, f"{PACKAGE}/cmd/pulumi", binary, flag, say, niceness=-5)
    except golang.GoMissing as error:
        minor = ".".join(version.split(".")[:2])
        raise EngineMissing(
            f"the Pulumi engine is neither on PATH nor in the cache: install Pulumi {minor} or newer "
            f"(https://www.pulumi.com/docs/install/), or what builds it: {error}"
        ) from None
    except golang.BuildFailed as error:
        raise EngineMissing(f"building the engine in tools/engine failed:\n{error}") from None
    say(f"built the engine in {time.monotonic() - started:.0f} s: {binary}")
    return binary


def _version_of(binary: str) -> Version | None:
    try:
        environment = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"}
        shown = subprocess.run(
            [binary, "version"], capture_output=True, text=True, timeout=30, env=environment, check=True
        ).stdout
        return _parse(shown)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None


def _parse(version: str) -> Version:
    match = re.match(r"v?(\d+)\.(\d+)\.(\d+)", version.strip())
    if match is None:
        raise ValueError(f"not a version: {version!r}")
    major, minor, patch = map(int, match.groups())
    return major, minor, patch
