"""The fault matrix, `make faults`: each test is a row of it, and tells what it has counted."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.faults.row import Matrix, Row

MATRIX = pytest.StashKey[Matrix]()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "fault(fault, where, **row): the row of the matrix that a test makes")
    config.stash[MATRIX] = Matrix()


@pytest.fixture(scope="session")
def matrix(request: pytest.FixtureRequest) -> Matrix:
    return request.config.stash[MATRIX]


@pytest.fixture
def row(request: pytest.FixtureRequest, matrix: Matrix) -> Iterator[Row]:
    """The test's own; it must hold when the test is over."""
    marker = request.node.get_closest_marker("fault")
    row = Row(*marker.args, **marker.kwargs)
    matrix.rows.append(row)
    yield row
    if not row.failed:
        assert row.acknowledged is not None, "nothing was counted"
        assert row.holds, (
            f"lost {row.lost}, the oldest {row.lost_seconds:.1f} s before; may lose {row.may_lose}"
        )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that fails leaves its row, which says so."""
    report = yield
    marker = item.get_closest_marker("fault")
    if marker and report.failed and call.excinfo is not None:
        row = getattr(item, "funcargs", {}).get("row")
        if row is None:
            row = Row(*marker.args, **marker.kwargs)
            item.config.stash[MATRIX].rows.append(row)
        row.failed = row.failed or call.excinfo.exconly().partition("\n")[0][:200]
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Each row is told as it is made, for all of them take their time."""
    rows = item.config.stash[MATRIX].rows
    before = len(rows)
    result = yield
    reporter = item.config.pluginmanager.get_plugin("terminalreporter")
    for number, row in enumerate(rows[before:], before + 1):
        if reporter is not None:
            reporter.write_line(f"\n{row.cells(number)}")
    return result


def pytest_sessionfinish(session: pytest.Session) -> None:
    matrix = session.config.stash[MATRIX]
    if matrix.rows and matrix.wrong(session.config.getoption("--least")):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    matrix = config.stash[MATRIX]
    if not matrix.rows:
        return
    terminalreporter.section("the fault matrix")
    terminalreporter.write_line(matrix.markdown())
    if wrong := matrix.wrong(config.getoption("--least")):
        terminalreporter.write_line(wrong, red=True)
    if path := config.getoption("--table"):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(f"{matrix.markdown()}\n")
