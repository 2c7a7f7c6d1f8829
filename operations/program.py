"""Our `__main__.py` as an inline program of the Automation API, which needs no language plugin."""

from __future__ import annotations

import importlib
import os
import runpy
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

PACKAGE = "components"


def program(project: Path, environment: Mapping[str, str] | None = None) -> Callable[[], None]:
    """Runs `project/__main__.py`, importing `components` from that folder and nowhere else.

    The program sees `environment` on top of this process's own, as it would if the engine had started it.
    """

    def run() -> None:
        _forget()
        before = dict(os.environ)
        os.environ.update(environment or {})
        sys.path.insert(0, str(project))
        try:
            runpy.run_path(str(project / "__main__.py"), run_name="__main__")
        finally:
            sys.path.remove(str(project))
            os.environ.clear()
            os.environ.update(before)

    return run


def _forget() -> None:
    """Drops the program's modules of an earlier run in this process: their files may have changed since."""
    for name in list(sys.modules):
        if name == PACKAGE or name.startswith(f"{PACKAGE}."):
            del sys.modules[name]
    importlib.invalidate_caches()
