"""The project's virtual environment, in the cache folder and named after what is in it.

`venv.py path` prints its folder; `venv.py make` creates it if it is not there, and deletes those that no
checkout has asked for in a month. Standard library only.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
REQUIREMENTS = ("requirements.txt", "requirements-dev.txt")
OLDEST = (3, 11)
IMPORTED = (
    *("hcloud", "pulumi", "pulumi.automation", "pulumi_command", "pulumi_docker", "pulumi_hcloud"),
    *("pulumi_random", "pulumi_tls", "pydantic", "requests", "yaml"),
)
"""What each run of the program imports."""
UNUSED_SECONDS = 30 * 24 * 3600


def folder() -> Path:
    """`<cache>/venv/<digest of the requirements and of this Python>`."""
    digest = hashlib.sha256(f"{sys.version}\0{sys.base_prefix}".encode())
    for name in REQUIREMENTS:
        digest.update((ROOT / name).read_bytes())
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "jira-plus-plus" / "venv" / digest.hexdigest()[:12]


def make(target: Path) -> None:
    """Creates `target`; whole or not at all, and once even if two are asked for at the same time."""
    done = target / "complete"
    if done.exists():
        done.touch()
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if done.exists():
            return
        print(f"making the virtual environment {target}", flush=True)
        shutil.rmtree(target, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(target)], check=True)
        pip = [str(target / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check", "-q"]
        # Python compiles what is imported; pip would compile all, for a third of its time.
        subprocess.run([*pip, "--no-compile", "-r", str(ROOT / "requirements-dev.txt")], check=True)
        compile_imported(target)
        done.touch()


def compile_imported(target: Path) -> None:
    """Once, and kept: with PYTHONDONTWRITEBYTECODE, as in many containers, each run would compile it anew."""
    keeping = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    python = str(target / "bin" / "python")
    subprocess.run([python, "-c", f"import {', '.join(IMPORTED)}"], env=keeping, check=True)


def forget_unused(folder: Path) -> None:
    """Deletes the environments in `folder` that were last asked for long ago."""
    for done in folder.glob("*/complete"):
        if time.time() - done.stat().st_mtime > UNUSED_SECONDS:
            shutil.rmtree(done.parent)
            done.parent.with_suffix(".lock").unlink(missing_ok=True)


def main() -> int:
    """See the module's docstring."""
    if sys.version_info < OLDEST:
        print(f"Python {'.'.join(map(str, OLDEST))} or newer is needed, this is {sys.version.split()[0]}: "
              "install it and run `make PYTHON=python3.11 …`", file=sys.stderr)  # fmt: skip
        return 1
    if sys.argv[1:] == ["path"]:
        print(folder())
        return 0
    if sys.argv[1:] == ["make"]:
        try:
            make(folder())
            forget_unused(folder().parent)
        except subprocess.CalledProcessError as error:
            remedy = (
                "apt-get install python3-venv" if "venv" in error.cmd else "is a package registry reachable?"
            )
            print(f"making the virtual environment failed ({remedy})", file=sys.stderr)
            return 1
        return 0
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
