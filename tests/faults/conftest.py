"""The fault matrix, `make faults`: each test is a row of it, and tells what it has counted."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.faults.row import Matrix, Row

MATRIX = pytest.StashKey[Matrix]()
ROW = pytest.StashKey[Row]()
PROPERTY = "row"
"""Of a report, which comes from another process where several are at work."""


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "fault(fault, where, **row): the row of the matrix that a test makes")
    config.stash[MATRIX] = Matrix()


@pytest.fixture
def row(request: pytest.FixtureRequest) -> Iterator[Row]:
    """The test's own; it must hold when the test is over."""
    row = _row(request.node)
    yield row
    if not row.failed:
        assert row.acknowledged is not None, "nothing was counted"
        assert row.holds, f"lost {row.lost}, {row.lost_seconds:.1f} s before; may lose {row.may_lose}"


def _row(item: pytest.Item) -> Row:
    if ROW not in item.stash:
        marker = item.get_closest_marker("fault")
        assert marker is not None, "a row of the matrix has the mark `fault`"
        item.stash[ROW] = Row(*marker.args, **marker.kwargs)
    return item.stash[ROW]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that fails leaves its row, too, which says so."""
    report = yield
    if item.get_closest_marker("fault") and not report.skipped:
        row = _row(item)
        # What comes after the last row of a file, and may fail there, is none's.
        if report.failed and call.excinfo is not None and not (report.when == "teardown" and row.holds):
            row.failed = row.failed or call.excinfo.exconly().partition("\n")[0][:200]
        if report.when == "teardown":
            report.user_properties.append((PROPERTY, asdict(row)))
    return report


class Told:
    """Rows as they are made, for all of them take their time; and the table at the end."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._matrix = config.stash[MATRIX]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for name, value in report.user_properties:
            if name == PROPERTY and report.when == "teardown":
                row = Row(**value)  # type: ignore[arg-type]
                self._matrix.add(report.nodeid, row)
                reporter = self._config.pluginmanager.get_plugin("terminalreporter")
                if reporter is not None:
                    reporter.write_line(f"\n{row.cells(len(self._matrix.rows))}")

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self._matrix.rows and self._matrix.wrong(self._config.getoption("--least")):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self._matrix.rows:
            return
        terminalreporter.section("the fault matrix")
        terminalreporter.write_line(self._matrix.markdown())
        if wrong := self._matrix.wrong(self._config.getoption("--least")):
            terminalreporter.write_line(wrong, red=True)
        if path := self._config.getoption("--table"):
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            Path(path).write_text(f"{self._matrix.markdown()}\n")


def pytest_sessionstart(session: pytest.Session) -> None:
    if not hasattr(session.config, "workerinput"):
        session.config.pluginmanager.register(Told(session.config))
