"""The entrypoint shim, run for real by the shells that images have."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

SHIM = Path(__file__).parents[3] / "components" / "containers" / "entrypoint.sh"
SHELLS = [["dash"], ["bash", "--posix"]]
if shutil.which("busybox"):
    SHELLS.append(["busybox", "sh"])  # the one of Alpine images


@pytest.fixture(params=SHELLS, ids=lambda shell: shell[0])
def shell(request: pytest.FixtureRequest) -> list[str]:
    return list(request.param)


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    folder = tmp_path / "secrets"
    folder.mkdir()
    return folder


def start(shell: list[str], secrets: Path, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [*shell, str(SHIM), *arguments],
        env={"PATH": os.environ["PATH"], "SECRETS_FOLDER": str(secrets)},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def run(shell: list[str], secrets: Path, *arguments: str) -> tuple[int, str, str]:
    process = start(shell, secrets, *arguments)
    out, err = process.communicate(timeout=30)
    return process.returncode, out, err


def test_each_secret_is_a_variable_of_the_command(shell: list[str], secrets: Path) -> None:
    (secrets / "DATABASE_URL").write_text("postgresql://jira:p$w'\"\\ x@postgres/jira?a=1&b=2")
    (secrets / "MANY_LINES").write_text("one\ntwo\n")
    code, out, _ = run(shell, secrets, "--", "sh", "-c", 'printf "%s|%s" "$DATABASE_URL" "$MANY_LINES"')
    assert (code, out) == (0, "postgresql://jira:p$w'\"\\ x@postgres/jira?a=1&b=2|one\ntwo")


def test_without_secrets_the_command_runs_all_the_same(shell: list[str], tmp_path: Path) -> None:
    assert run(shell, tmp_path / "none", "--", "echo", "served")[:2] == (0, "served\n")


def test_a_secret_is_in_no_argument_vector(shell: list[str], secrets: Path) -> None:
    (secrets / "SESSION_SECRET").write_text("canary-secret")
    code, out, _ = run(
        shell, secrets, "--", "sh", "-c", "cat /proc/$PPID/cmdline /proc/$$/cmdline | tr '\\0' ' '"
    )
    assert code == 0
    assert "canary" not in out


def test_arguments_arrive_word_by_word(shell: list[str], secrets: Path) -> None:
    code, out, _ = run(shell, secrets, "--", "printf", "<%s>", "a b", "", "--drain", "$HOME")
    assert (code, out) == (0, "<a b><><--drain><$HOME>")


def test_without_a_drain_it_is_replaced_by_the_command(shell: list[str], secrets: Path) -> None:
    process = start(shell, secrets, "--", "sh", "-c", "echo $$; exec sleep 30")
    assert process.stdout is not None
    assert int(process.stdout.readline()) == process.pid, (
        "no shell stands between Docker's signal and the process"
    )
    process.terminate()
    process.communicate(timeout=5)
    assert process.returncode == -signal.SIGTERM


@pytest.mark.parametrize(
    "options", [(), ("--drain", "1"), ("--timeout", "20")], ids=["plain", "drain", "timeout"]
)
def test_the_exit_code_is_the_commands(shell: list[str], secrets: Path, options: tuple[str, ...]) -> None:
    assert run(shell, secrets, *options, "--", "sh", "-c", "exit 7")[0] == 7
    assert run(shell, secrets, *options, "--", "true")[0] == 0


def test_with_a_drain_the_command_serves_on_and_gets_the_signal_only_then(
    shell: list[str], secrets: Path
) -> None:
    command = 'trap "echo term; exit 3" TERM; echo up; while :; do sleep 0.05; done'
    process = start(shell, secrets, "--drain", "1", "--", "sh", "-c", command)
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    began = time.monotonic()
    process.terminate()
    time.sleep(0.5)
    assert process.poll() is None, "it must serve on while the proxy turns to others"
    out, _ = process.communicate(timeout=10)
    took = time.monotonic() - began
    assert (process.returncode, out) == (3, "term\n")
    assert 1.0 <= took < 5, f"drained for {took:.1f} s in place of 1"


def test_a_command_that_does_not_end_in_its_grace_can_still_be_killed(
    shell: list[str], secrets: Path
) -> None:
    process = start(shell, secrets, "--drain", "1", "--", "sh", "-c", 'trap "" TERM; echo up; sleep 3')
    assert process.stdout is not None
    process.stdout.readline()
    process.terminate()
    time.sleep(1.5)
    assert process.poll() is None, "it waits for the command, and Docker's grace decides"
    process.kill()
    process.communicate(timeout=5)
    assert process.returncode == -signal.SIGKILL


def test_a_timeout_ends_the_command(shell: list[str], secrets: Path) -> None:
    began = time.monotonic()
    code, _, _ = run(shell, secrets, "--timeout", "1", "--", "sleep", "30")
    assert code != 0, "a job that hung has failed"
    assert time.monotonic() - began < 5


def test_an_unknown_option_is_refused_by_its_name(shell: list[str], secrets: Path) -> None:
    code, _, err = run(shell, secrets, "--drian", "5", "--", "true")
    assert code == 64
    assert "entrypoint.sh: unknown option --drian" in err
