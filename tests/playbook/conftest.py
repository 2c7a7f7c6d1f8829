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
    """Begins what is found, where a stack is named."""
    if stack := config.getoption("--stack-name"):
        outputs = Path(config.getoption("--outputs"))
        given = json.loads(outputs.read_text()) if outputs.is_file() else {}
        config.stash[EVIDENCE] = Evidence(stack, given.get("last_good"))


UNASKED = {
    "--replace": (
        "replaces_the_server",
        "It takes minutes of downtime, so a real stack is asked for it: make playbook REPLACE_SERVER=1. "
        "A protected server, and one that the program did not order, is never replaced.",
    ),
    "--new-images": (
        "releases",
        "It takes the images of a next release, which a rehearsed stack builds: make playbook "
        "NEW_API=<repository>:<version>@<digest> NEW_WORKER=… NEW_WEB=…, for those that change. "
        "`make promote` goes without it, and says so.",
    ),
}
"""By the option without which they are not run: tests, by their marker, and what their lines say then."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What a real stack was not asked for is not run, and its lines of the checklist say why."""
    if EVIDENCE not in config.stash:
        return
    for option, (marker, reason) in UNASKED.items():
        left_out = [item for item in items if item.get_closest_marker(marker)]
        if config.getoption(option) or not left_out:
            continue
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)
        for line in dict.fromkeys(item.get_closest_marker("checklist").args for item in left_out):
            config.stash[EVIDENCE].entry(*line).say(reason)


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
