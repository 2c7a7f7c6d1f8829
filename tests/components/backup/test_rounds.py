"""The rounds of the archive: with-copies.sh itself, with scripts of the test's beside it."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

from tests.components.backup.test_offsite import PROGRAMS
from tests.components.services.conftest import Server, as_user, give


def test_after_a_failure_there_is_a_pause_and_a_server_that_was_started_ends_it(
    server: Server, backups: Path
) -> None:
    """Another cluster may be there by then, of which nothing leaves the machine until the next round."""
    folder = server.folder / "rounds"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    shutil.copy(server.folder / "with-copies.sh", folder)
    starts, tended = folder / "starts", folder / "tended"
    starts.write_text("then")
    tend = f"[[ $1 == wake ]] && exec cp {starts} $BACKUPS/archive-awake; date >>{tended}; exit 1"
    for name, script in {"scheduler.sh": "exec sleep 60", "archive.sh": tend}.items():
        (folder / name).write_text(f"#!/bin/bash\n{script}\n")
    give(folder)
    process = subprocess.Popen(
        [*as_user(), "bash", str(folder / "with-copies.sh")],
        env={"PATH": PROGRAMS, "BACKUPS": str(backups), "ARCHIVE": "uat", "TEND_SECONDS": "0.2"},
    )
    try:
        time.sleep(3)
        first = len(tended.read_text().splitlines())
        starts.write_text("now")
        time.sleep(3)
        second = len(tended.read_text().splitlines())
    finally:
        process.terminate()
        process.wait(timeout=10)
    assert (first, second) == (1, 2)
