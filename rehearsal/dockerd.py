"""Docker on this machine: the daemon that answers, or one started here and stopped again.

`python -m rehearsal.dockerd start|stop|stop-unused|status`; the pid and the log are in the cache folder.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from operations.cache import cache_folder
from rehearsal.images import LABEL

START_SECONDS = 60
STOP_SECONDS = 60

_started_here: list[subprocess.Popen[bytes]] = []
"""Referenced, as Python would warn of a process that nobody waits for."""


def reachable() -> bool:
    """Whether a Docker daemon answers (at DOCKER_HOST, or the usual socket)."""
    docker = shutil.which("docker")
    if docker is None:
        return False
    try:
        asked = subprocess.run(
            [docker, "info", "--format", "{{.ServerVersion}}"], capture_output=True, timeout=20, check=False
        )
    except subprocess.TimeoutExpired:
        return False
    return asked.returncode == 0 and bool(asked.stdout.strip())


def ensure(say: Callable[[str], None] = print) -> str | None:
    """Makes sure that a daemon answers; None if so, else why not and what would help."""
    if reachable():
        return None
    if shutil.which("docker") is None or shutil.which("dockerd") is None:
        remedy = "`make setup` installs it as root on Debian, else https://docs.docker.com/engine/install/"
        return f"Docker is not installed: {remedy}"
    if os.environ.get("DOCKER_HOST"):
        return f"no Docker daemon answers at DOCKER_HOST={os.environ['DOCKER_HOST']}"
    if os.geteuid() != 0:
        return "the Docker daemon does not run and only root may start it: sudo systemctl start docker"
    return _start(say)


def stop(say: Callable[[str], None] = print, *, unused: bool = False) -> None:
    """Stops the daemon that `ensure` started; one that runs by other means is left alone.

    `unused`: only where nothing runs on it but the rehearsals' registry, which is of no use alone. Another
    checkout's machines would lose their power.
    """
    pid = _started()
    if pid is None:
        return
    if unused and (running := _running()):
        say(f"the Docker daemon that was started here stays, for it runs {', '.join(running)}")
        return
    say("stopping the Docker daemon that was started here")
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while _is_dockerd(pid) and time.monotonic() < deadline:
        time.sleep(0.1)
    for process in _started_here:
        process.poll()  # reaps it, if this very run started it
    if not _is_dockerd(pid):
        _pid_file().unlink(missing_ok=True)


def _running() -> list[str]:
    listed = subprocess.run(
        ["docker", "ps", "--format", f'{{{{.Label "{LABEL}"}}}} {{{{.Names}}}}'],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    labelled = (line.partition(" ") for line in listed.stdout.splitlines())
    return [name for label, _, name in labelled if label != "registry"]


def _start(say: Callable[[str], None]) -> str | None:
    say("starting the Docker daemon of this machine")
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "dockerd.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            ["dockerd"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _started_here.append(process)
    _pid_file().write_text(str(process.pid))
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if reachable():
            return None
        time.sleep(0.25)
    stop(lambda _: None)
    tail = "\n".join(log.read_text().splitlines()[-5:])
    return f"the Docker daemon did not start; the end of {log}:\n{tail}"


def _pid_file() -> Path:
    return cache_folder() / "dockerd.pid"


def _started() -> int | None:
    try:
        pid = int(_pid_file().read_text())
    except (OSError, ValueError):
        return None
    return pid if _is_dockerd(pid) else None


def _is_dockerd(pid: int) -> bool:
    with suppress(OSError):
        stat = Path(f"/proc/{pid}/stat").read_text()
        return Path(f"/proc/{pid}/comm").read_text().strip() == "dockerd" and ") Z" not in stat
    return False


def main() -> int:
    """The command line; for `.ci/run` and the Makefile."""
    parser = argparse.ArgumentParser(prog="python -m rehearsal.dockerd", description=__doc__)
    parser.add_argument("action", choices=("start", "stop", "stop-unused", "status"))
    action = parser.parse_args().action
    if action.startswith("stop"):
        stop(unused=action == "stop-unused")
        return 0
    trouble = ensure() if action == "start" else (None if reachable() else "no Docker daemon answers")
    print(trouble or "a Docker daemon answers", file=sys.stderr if trouble else sys.stdout)
    return 1 if trouble else 0


if __name__ == "__main__":
    sys.exit(main())
