"""What the working tree changes against an earlier revision, without touching the rehearsal that is up."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

from operations.deployment import DeploymentFailed
from rehearsal import background
from rehearsal.run import Rehearsal, RehearsalFailed


def diff(root: Path, stack: str, base: str, say: Callable[[str], None] = print) -> None:
    """Brings `base` up aside, recorded only, previews the working tree on it; writes `preview.md` of `stack`.

    A base that has no program yet, or one that fails, leaves a preview of everything, and is said.

    Raises:
        RehearsalFailed: `base` is no revision of this repository.
        DeploymentFailed: the preview of the working tree failed.
    """
    os.environ["REHEARSAL_DOCKER"] = "record"
    state = root / ".rehearsal" / f"{stack}.diff"
    background.stop(state)
    shutil.rmtree(state, ignore_errors=True)
    rehearsal = Rehearsal(root, stack, say=say, show=lambda _: None, state=state)
    try:
        try:
            rehearsal.source = _checkout(root, base, state / "base")
            rehearsal.run("up")
        except DeploymentFailed as failure:
            say(f"{base} does not come up, so everything shows as new: {failure}")
        finally:
            rehearsal.source = root
        rehearsal.timings.clear()
        rehearsal.show = say
        rehearsal.run("preview")
    finally:
        background.stop(state)
        preview = state / "preview.md"
        if preview.exists():
            target = root / ".rehearsal" / stack
            target.mkdir(parents=True, exist_ok=True)
            preview.replace(target / "preview.md")
            say(f"moved to {os.path.relpath(target / 'preview.md')}")
        shutil.rmtree(state, ignore_errors=True)


def _checkout(root: Path, revision: str, target: Path) -> Path:
    archive = subprocess.run(
        ["git", "-C", str(root), "archive", "--format=tar", f"{revision}^{{tree}}"],
        capture_output=True,
        check=False,
    )
    if archive.returncode != 0:
        raise RehearsalFailed(f"--base {revision}: {archive.stderr.decode().strip()}")
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
        tar.extractall(target, filter="data")
    return target
