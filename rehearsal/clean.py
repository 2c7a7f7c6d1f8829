"""Takes down the rehearsals of a checkout, also those that a destroy refuses to."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from operations.deployment import DeploymentFailed
from rehearsal import background, dockerd
from rehearsal.background import Cloud, CloudError
from rehearsal.images import LABEL, builder, registry
from rehearsal.leftovers import forget_ssh_files
from rehearsal.purge import purge
from rehearsal.run import Rehearsal, RehearsalFailed

Say = Callable[[str], None]


def clean(root: Path, stack: str | None = None, say: Say = print) -> None:
    """Deletes all servers and volumes of the embedded cloud of `stack` (None: of each), stops it, forgets it.

    With the last one the registry goes that machines pull from.

    Raises:
        CloudError: a cloud cannot be asked to delete what it holds; its state stays.
    """
    folder = root / ".rehearsal"
    for state in sorted(path.parent for path in folder.glob(f"{stack or '*'}/project")):
        say(f"taking down the rehearsed {state.name}")
        if state.name == "local":
            _destroy(root, say)
        if (state / "cloud").is_dir():
            purge(_reach(state))
            background.stop(state)
        forget_ssh_files(state)
        shutil.rmtree(state)
    if stack is None:
        shutil.rmtree(folder, ignore_errors=True)
        _stop_registry()


def _stop_registry() -> None:
    """Unless a machine or a local stack of another checkout pulls from it. What was pushed stays."""
    if dockerd.reachable():
        docker = builder.connect()
        labels = (f"{LABEL}=machine", f"{LABEL}.stack")
        if not any(docker.containers.list(all=True, filters={"label": label}) for label in labels):
            registry.stop(docker)


def _destroy(root: Path, say: Say) -> None:
    """The containers of `local` are on this machine's Docker, so the engine removes them."""
    try:
        Rehearsal(root, "local", say=lambda _: None, show=lambda _: None).run("destroy")
    except (DeploymentFailed, RehearsalFailed) as error:
        say(f"destroy of local failed: {error}")


def _reach(state: Path) -> Cloud:
    running = background.find(state)
    if running is not None:
        return running
    environment = {"REHEARSAL_STATE": str(state)}
    try:  # it refuses a mode in which its servers were not made
        return background.start(state, {**environment, "REHEARSAL_DOCKER": "record"})
    except CloudError:
        if not dockerd.reachable():
            raise
        return background.start(state, {**environment, "REHEARSAL_DOCKER": "run"})
