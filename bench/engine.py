"""One run of the real engine from a fresh process, as an operator's is: prints seconds as JSON.

Usage: python -m bench.engine preview|up, with what the run needs as JSON on standard input.
"""

from __future__ import annotations

import json
import pwd
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from operations.deployment import Deployment


def main(step: str, needs: dict[str, Any]) -> None:
    """Runs `step` and prints how long it took, from the engine's start to its end, and what it changed."""
    pwd.getpwuid = lambda _uid: SimpleNamespace(pw_dir=needs["home"])  # type: ignore[assignment,misc]
    deployment = Deployment(
        project=Path(needs["project"]),
        stack=needs["stack"],
        binary=Path(needs["binary"]),
        environment=needs["environment"],
        say=lambda _: None,
        show=lambda _: None,
        finders=[],
        knock=lambda _: True,
    )
    deployment.open()
    started = time.perf_counter()
    journal = deployment.preview() if step == "preview" else deployment.up()
    print(json.dumps({"seconds": time.perf_counter() - started, "changes": journal.changes}))


if __name__ == "__main__":
    main(sys.argv[1], json.load(sys.stdin))
