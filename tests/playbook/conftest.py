"""The playbook runs only where a stack is named: `make playbook STACK=uat`."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from .evidence import Entry, Evidence
from .graphql import Api
from .report import write
from .target import Target

EVIDENCE = pytest.StashKey[Evidence]()


def pytest_configure(config: pytest.Config) -> None:
    """Declares the marker that ties a test to a line of the checklist."""
    config.addinivalue_line(
        "markers", "checklist(phase, item): the line of the checklist that this test shows"
    )
    config.addinivalue_line("markers", "replaces_the_server: runs only with --replace")
    if stack := config.getoption("--stack-name"):
        outputs = Path(config.getoption("--outputs"))
        given = json.loads(outputs.read_text()) if outputs.is_file() else {}
        config.stash[EVIDENCE] = Evidence(stack, given.get("last_good"))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without a command that replaces the server that line of the checklist is not run, and says why."""
    if EVIDENCE not in config.stash or config.getoption("--replace"):
        return
    left_out = [item for item in items if item.get_closest_marker("replaces_the_server")]
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=left_out)
    config.stash[EVIDENCE].entry("Recovery", "A replaced server").say(
        "It takes minutes of downtime, so a real stack is asked for it: make playbook REPLACE_SERVER=1. "
        "A protected server, and one that the program did not order, is never replaced."
    )


@pytest.fixture(scope="session")
def target(request: pytest.FixtureRequest) -> Target:
    option = request.config.getoption
    return Target.load(option("--stack-name"), Path(option("--outputs")), option("--connect"))


@pytest.fixture(scope="session")
def api(target: Target) -> Iterator[Api]:
    with target.http() as client:
        yield Api(target, client).login()


@pytest.fixture
def evidence(request: pytest.FixtureRequest) -> Entry:
    marker = request.node.get_closest_marker("checklist")
    return request.config.stash[EVIDENCE].entry(*marker.args)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report = yield
    marker = item.get_closest_marker("checklist")
    if marker and EVIDENCE in item.config.stash:
        entry = item.config.stash[EVIDENCE].entry(*marker.args)
        entry.seconds += call.stop - call.start  # with what prepares it: the load runs in a fixture
        if report.failed:
            entry.outcome = "failed"
            entry.failure += f"{item.name}: {call.excinfo.exconly() if call.excinfo else ''}\n"
        elif report.passed and call.when == "call" and entry.outcome != "failed":
            entry.outcome = "passed"
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Writes the report, whatever the outcome."""
    if EVIDENCE not in session.config.stash:
        return
    folder = Path(session.config.getoption("--report"))
    folder.mkdir(parents=True, exist_ok=True)
    evidence = session.config.stash[EVIDENCE]
    evidence.save(folder / "playbook.json")
    write(evidence, folder / "playbook.html")
    print(f"\nreport: {folder / 'playbook.html'} ({time.time() - evidence.started:.0f} s)")
