"""A person's terminal: a checkout of the project, Pulumi's own command on PATH, and the embedded cloud."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from operations.engine import MODULE
from rehearsal import launchers
from tests.engine.lab import ROOT, Lab

HOST = "pulumi-language-python"
SDK = "github.com/pulumi/pulumi/sdk/v3"
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def host() -> str:
    """Whose language host there is: the `official` one where it is on PATH, as its installer leaves it, else
    the `stand-in`."""
    return "official" if shutil.which(HOST) else "stand-in"


class Terminal:
    """Runs commands as a person would type them, in `folder`/project; `lab` has the cloud."""

    def __init__(self, folder: Path, lab: Lab) -> None:
        self.lab = lab
        self.shown = ""
        """All that the commands have shown."""
        self.project = folder / "project"
        _check_out(self.project)
        path = folder / "bin"
        launchers.place(path, Path(lab.surroundings()["PULUMI_HOME"]), recorded=True)
        if host() == "stand-in":
            _place_host(path / HOST)
        self.environment = {
            **os.environ,
            **lab.surroundings(),
            "PATH": os.pathsep.join((str(path), str(lab.binary.parent), os.environ["PATH"])),
        }

    def run(self, command: str, *, stdin: str = "", fails: bool = False) -> str:
        """What bash shows of `command`, which must succeed, or fail."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=self.project,
            env=self.environment,
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        shown = _COLOUR.sub("", done.stdout)
        self.shown += shown
        print(f"$ {command}\n{shown}")  # pytest shows it if the test has failed
        assert (done.returncode != 0) is fails, f"`{command}` ended with {done.returncode}:\n{shown}"
        return shown


def _check_out(target: Path) -> None:
    """The files that git has or would have, and a virtual environment: Pulumi would make one, in a minute."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).exists():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    (target / ".venv").symlink_to(sys.prefix)


def _place_host(launcher: Path) -> None:
    found = subprocess.run(
        ["go", "mod", "download", "-json", SDK], cwd=MODULE, stdout=subprocess.PIPE, text=True, check=True
    )
    executor = Path(json.loads(found.stdout)["Dir"]) / "python" / "cmd" / f"{HOST}-exec"
    words = [sys.executable, str(Path(__file__).with_name("host.py")), str(executor)]
    launcher.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
    launcher.chmod(0o755)
