"""Rules for all tests: under CI=true nothing may be skipped; what boots machines runs one after the other."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Generator, Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from xdist import plugin as xdist
from xdist.scheduler import LoadScopeScheduling

if TYPE_CHECKING:
    from docker import DockerClient

CI = os.environ.get("CI") == "true"
LIVE = "tests/live/"
MACHINES = ("tests/live/machines/", "tests/live/stacks/")


class Scheduling(LoadScopeScheduling):
    """Gives tests/live, which mostly waits and shares machines, to two workers, and spreads the other tests.

    One has what boots whole machines, the other what runs containers. A file `test_…_live.py` elsewhere boots
    a machine for all its tests, and is not divided either; nor is one of the fault matrix.
    Not by xdist's groups: with pytest 9.2, xdist 3.8 takes no notice of them, and does not say so.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        if file.startswith(LIVE):
            return "machines" if file.startswith(MACHINES) else "containers"
        return file if file.endswith("_live.py") or file.startswith("tests/faults/") else nodeid


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long ones first: begun last, one alone would keep the others waiting."""
    items.sort(key=lambda item: (not item.nodeid.startswith(LIVE), item.get_closest_marker("engine") is None))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One more than cores: the engine and the machines are often waited for."""
    return int(xdist.pytest_xdist_auto_num_workers(config)) + 1


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling:
    return Scheduling(config, log)


def pytest_addoption(parser: pytest.Parser) -> None:
    """What `make playbook` and `make faults` pass on; without a stack's name the playbook does not run."""
    group = parser.getgroup("playbook")
    group.addoption("--stack-name", default="", help="the running stack to exercise")
    group.addoption("--outputs", default="", help="its outputs with secrets, as JSON")
    group.addoption(
        "--connect", default="", help="address to connect to instead of what the names resolve to"
    )
    group.addoption("--replace", default="", help="the command that replaces the stack's server; empty: none")
    group.addoption("--new-images", default="", help="of the next release, as JSON by name; empty: none")
    group.addoption("--new-migration", default="", help="the one that they add; empty: nobody knows")
    group.addoption("--workflows", default="", help="where the worker's image has its workflows")
    group.addoption("--report", default="reports", help="folder for the report")
    group = parser.getgroup("faults")
    group.addoption("--table", default="", help="file for the fault matrix")
    group.addoption("--least", type=int, default=0, help="fewer rows of it are a failure")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol() -> Generator[None, object, object]:
    """Puts the program's own modules back: a test that runs a copy of it leaves those of the copy."""
    before = _program()
    result = yield
    for name in _program():
        del sys.modules[name]
    sys.modules.update(before)
    return result


def _program() -> dict[str, ModuleType]:
    return {name: module for name, module in sys.modules.items() if name.partition(".")[0] == "components"}


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skips what needs the real engine or Docker where there is none."""
    if item.get_closest_marker("engine"):
        from operations.engine import EngineMissing, engine

        try:
            engine()
        except EngineMissing as error:
            pytest.skip(str(error))
    if item.get_closest_marker("live"):
        from rehearsal import dockerd

        if not dockerd.reachable():
            pytest.skip("no Docker answers: `python -m rehearsal.dockerd start`")


@pytest.fixture(scope="session", autouse=True)
def _swept() -> Iterator[None]:
    """Collects what killed engines left of coroutines while the filters of warnings still hold."""
    yield
    gc.collect()


@pytest.fixture(scope="session")
def client() -> DockerClient:
    """The Docker of this machine."""
    import docker

    return docker.from_env()


@pytest.fixture(scope="session")
def built() -> Callable[..., dict[str, str]]:
    """Builds the named images (all, if none is named) where they are not there; their tags by name."""
    from rehearsal.images import ImageError, builder

    def build(*names: str) -> dict[str, str]:
        try:
            return builder.build(names)
        except ImageError as error:
            pytest.skip(str(error))

    return build


def _fail_if_skipped(report: Any) -> None:
    """A skip becomes a failure with the skip's reason; an expected failure is no skip."""
    if not CI or not report.skipped or hasattr(report, "wasxfail"):
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    report.outcome = "failed"
    report.longrepr = f"skipped, which CI=true forbids: {reason.removeprefix('Skipped: ')}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _fail_if_skipped(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _fail_if_skipped(report)
    return report
