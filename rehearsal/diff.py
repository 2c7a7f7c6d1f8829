"""What the working tree changes against an earlier revision, without touching the rehearsal that is up."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

from components.services.postgres_major import MOVED
from operations.deployment import DeploymentFailed
from rehearsal import background
from rehearsal.leftovers import forget_ssh_files
from rehearsal.project import ProjectError
from rehearsal.run import Rehearsal, RehearsalFailed

REFUSED = re.compile(r"images\.postgres: it is Postgres (\d+), which cannot read")
"""By `components.services.postgres_major`."""


def diff(root: Path, stack: str, base: str, say: Callable[[str], None] = print) -> None:
    """Brings `base` up aside, recorded only, previews the working tree on it; writes `preview.md` of `stack`.

    On a base that has no such stack yet everything is new.

    Raises:
        RehearsalFailed: `base` is no revision of this repository, or does not come up; in the second case
            the preview is written all the same, with why it shows more than the change.
        DeploymentFailed: the preview of the working tree failed.
    """
    os.environ["REHEARSAL_DOCKER"] = "record"
    state = root / ".rehearsal" / f"{stack}.diff"
    background.stop(state)
    shutil.rmtree(state, ignore_errors=True)
    rehearsal = Rehearsal(root, stack, say=say, show=lambda _: None, state=state)
    try:
        rehearsal.source = _checkout(root, base, state / "base")
        if all((rehearsal.source / name).exists() for name in ("__main__.py", f"Pulumi.{stack}.yaml")):
            try:
                rehearsal.run("up")
            except (DeploymentFailed, ProjectError) as failure:
                rehearsal.note = f"{base} does not come up, so what it lacks shows as new: {failure}"
        else:
            say(f"{base} has no program for {stack}, so everything is new")
        rehearsal.source = root
        rehearsal.timings.clear()
        rehearsal.show = say
        if note := rehearsal.note:
            rehearsal.run("preview")
            raise RehearsalFailed(note)
        _preview(rehearsal)
    finally:
        background.stop(state)
        preview = state / "preview.md"
        if preview.exists():
            target = root / ".rehearsal" / stack
            target.mkdir(parents=True, exist_ok=True)
            preview.replace(target / "preview.md")
            say(f"moved to {os.path.relpath(target / 'preview.md')}")
        forget_ssh_files(state)
        shutil.rmtree(state, ignore_errors=True)


def _preview(rehearsal: Rehearsal) -> None:
    """The preview; one that wants the data moved first is made as if they were, and says so above it.

    Whether they are, this stack knows nothing of: the preview of the real one does.
    """
    try:
        rehearsal.run("preview")
    except DeploymentFailed as failure:
        refused = next((line for line in str(failure).splitlines() if REFUSED.search(line)), "")
        if not (wanted := REFUSED.search(refused)):
            raise
        rehearsal.note = f"As if the data were moved already; if they are not: {refused[wanted.start() :]}"
        with patch.dict(os.environ, {MOVED: wanted[1]}):
            rehearsal.run("preview")


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
