"""What tests/conftest.py rules: under CI=true a skip fails; what boots machines runs in one worker."""

import subprocess
import sys
from pathlib import Path

CONFTEST = Path(__file__).resolve().parent.parent / "conftest.py"
TESTS = """
import pytest

def test_runs():
    pass

@pytest.mark.skip(reason="no Docker here")
def test_needs_docker():
    pass

@pytest.mark.xfail(reason="known")
def test_expected():
    assert False
"""


SLOW = """
import os, time
import pytest

@pytest.mark.parametrize("number", range(COUNT))
def test_some(number):
    time.sleep(0.05)
    with open(os.environ["LOG"], "a") as log:
        print(__file__, os.environ["PYTEST_XDIST_WORKER"], file=log)
"""


def run(folder: Path, ci: str, tests: str) -> subprocess.CompletedProcess[str]:
    (folder / "conftest.py").write_text(CONFTEST.read_text())
    (folder / "test_some.py").write_text(tests)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-ra", "-p", "no:cacheprovider", str(folder)],
        capture_output=True,
        text=True,
        cwd=folder,
        env={"CI": ci, "PATH": "/usr/bin:/bin"},
        check=False,
    )


def test_elsewhere_a_skip_is_listed_with_its_reason(tmp_path: Path) -> None:
    done = run(tmp_path, "", TESTS)
    assert done.returncode == 0, done.stdout
    assert "no Docker here" in done.stdout
    assert "1 passed, 1 skipped, 1 xfailed" in done.stdout


def test_under_ci_it_fails_with_its_reason_and_an_expected_failure_does_not(tmp_path: Path) -> None:
    done = run(tmp_path, "true", TESTS)
    assert done.returncode == 1
    assert "skipped, which CI=true forbids: no Docker here" in done.stdout
    assert "1 passed, 1 xfailed, 1 error" in done.stdout


def test_under_ci_a_module_that_skips_itself_whole_fails_too(tmp_path: Path) -> None:
    done = run(tmp_path, "true", 'import pytest\npytest.importorskip("no_such_module")\n')
    assert done.returncode != 0
    assert "skipped, which CI=true forbids: could not import 'no_such_module'" in done.stdout


def test_live_tests_share_a_worker_and_others_are_spread(tmp_path: Path) -> None:
    for folder, count in (("live", 3), ("other", 20)):  # so few live ones that their worker gets others too
        (tmp_path / "tests" / folder).mkdir(parents=True)
        for name in ("one", "two"):
            (tmp_path / "tests" / folder / f"test_{name}.py").write_text(SLOW.replace("COUNT", str(count)))
    machine = tmp_path / "tests" / "machine"
    machine.mkdir()
    (machine / "test_machine_live.py").write_text(SLOW.replace("COUNT", "20"))
    (tmp_path / "conftest.py").write_text(CONFTEST.read_text())
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    log = tmp_path / "log"
    subprocess.run(
        [sys.executable, "-m", "pytest", "-n2", "-p", "no:cacheprovider", "--import-mode=importlib", "tests"],
        cwd=tmp_path,
        env={"LOG": str(log), "PATH": "/usr/bin:/bin"},
        check=True,
    )
    workers: dict[str, set[str]] = {}
    for line in log.read_text().splitlines():
        file, worker = line.split()
        workers.setdefault(Path(file).parent.name, set()).add(worker)
    assert {folder: len(workers[folder]) for folder in workers} == {"live": 1, "machine": 1, "other": 2}
