"""Environments for the tests on the real engine: each is brought up once for all workers, then copied."""

from __future__ import annotations

import fcntl
import pwd
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pulumi
import pytest
from pulumi.runtime import _grpc_settings

from tests.engine.lab import Lab

Bring = Callable[..., Lab]

# All tests' programs run in this process. Without it, the channel to an engine that was killed is shared
# with that to a later engine on the same port, which then fails as if that one were gone, too.
_grpc_settings._GRPC_CHANNEL_OPTIONS.append(("grpc.use_local_subchannel_pool", 1))
# Several to a resource, each a call to the engine that the program waits for, and shown to nobody.
pulumi.log.debug = lambda *_, **__: None


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder that all workers of this run share."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "engine"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def _lab(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    lab = Lab(tmp_path_factory.mktemp("lab"), shared / "files")
    yield lab
    lab.close()


@pytest.fixture
def lab(_lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """The worker's lab, with nothing in it; the program writes its ssh files below the test's own folder."""
    monkeypatch.setattr(pwd, "getpwuid", lambda _: SimpleNamespace(pw_dir=str(tmp_path / "home")))
    _lab.restore(None)
    yield _lab
    print("\n".join(_lab.output[-400:]))  # pytest shows it if the test has failed


@pytest.fixture
def bring(lab: Lab, shared: Path) -> Bring:
    """Puts a stack in place: up, or as it is when its secrets are set and nothing else has been done."""

    def place(stack: str, *, up: bool = True) -> Lab:
        snapshot = shared / (stack if up else f"{stack}-empty")
        with (shared / f"{snapshot.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not snapshot.exists():
                if up:
                    place(stack, up=False).deployment(stack).up()
                else:
                    lab.deployment(stack)
                lab.save(snapshot)
        lab.restore(snapshot)
        return lab

    return place
