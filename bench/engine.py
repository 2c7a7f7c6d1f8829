"""One run of the real engine from a fresh process, as an operator's is: prints seconds as JSON.

Usage: python -m bench.engine preview|up, with what the run needs as JSON on standard input.
"""

from __future__ import annotations

import json
import pwd
import resource
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
    started, spent = time.perf_counter(), _processor()
    journal = deployment.preview() if step == "preview" else deployment.up()
    seconds, processor = time.perf_counter() - started, _processor() - spent
    print(json.dumps({"seconds": seconds, "processor": processor, "changes": journal.changes}))


def _processor() -> float:
    """Seconds of it that this process and the engines that it has waited for have had so far."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


if __name__ == "__main__":
    main(sys.argv[1], json.load(sys.stdin))
