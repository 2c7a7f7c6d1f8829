"""The embedded cloud as a process that outlives a rehearsal: it holds the machines that were booted."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 30
STOP_SECONDS = 60
"""Machines are given time to power off."""
_started: list[subprocess.Popen[bytes]] = []
"""Referenced, as Python would warn of a process that nobody waits for."""


class CloudError(Exception):
    """The embedded cloud did not start; the message holds the end of its log."""


@dataclass(frozen=True)
class Cloud:
    """A running embedded cloud."""

    pid: int
    url: str
    token: str
    source: str
    """Digest of the code it runs and of its mode: another one is restarted, its state is in its folder."""

    @property
    def environment(self) -> dict[str, str]:
        """What makes the providers and clients talk to it instead of the real clouds."""
        return {
            "HCLOUD_ENDPOINT": f"{self.url}/v1",
            "HCLOUD_TOKEN": self.token,
            "CLOUDFLARE_BASE_URL": f"{self.url}/client/v4",
            "CLOUDFLARE_API_TOKEN": self.token,
            "OWN_ADDRESS_URL": f"{self.url}/cdn-cgi/trace",
        }

    def ask(self, path: str) -> Any:
        """What it answers at `path`, as JSON.

        Raises:
            OSError: it does not answer, or refuses.
        """
        return self._exchange(urllib.request.Request(self.url + path))

    def keep(self, bucket: str) -> None:
        """Has a bucket at its storage, which starts with the first.

        Raises:
            CloudError: the storage did not start.
        """
        body = json.dumps({"bucket": bucket}).encode()
        headers = {"Content-Type": "application/json"}
        try:
            self._exchange(urllib.request.Request(f"{self.url}/_rehearsal/storage", body, headers))
        except urllib.error.HTTPError as error:
            raise CloudError(error.read().decode()) from None

    def _exchange(self, request: urllib.request.Request) -> Any:
        request.add_header("Authorization", f"Bearer {self.token}")
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def holdings(self) -> dict[str, int]:
        """How many of each kind of resource it holds; kinds of which there is none are left out."""
        counts: dict[str, int] = self.ask("/_rehearsal/state")["counts"]
        return {kind: count for kind, count in counts.items() if count}


def start(
    state: Path, environment: Mapping[str, str], zones: Sequence[str] = (), account: str | None = None
) -> Cloud:
    """The cloud whose state is `state`/cloud: the one that runs, or a new one.

    Args:
        state: the rehearsal's folder.
        environment: its mode, and where the rehearsal keeps what is recorded.
        zones: `name=id` of each Cloudflare zone that an account would have.
        account: the id of the account, if the stack names it.

    Raises:
        CloudError: it did not answer within half a minute.
    """
    source = _source(environment, [*zones, account or ""])
    running = find(state)
    if running is not None and running.source == source:
        return running
    if running is not None:
        stop(state)
    token = running.token if running else secrets.token_hex(32)  # Hetzner's tokens have 64 characters
    state.mkdir(parents=True, exist_ok=True)
    log = state / "cloud.log"
    argv = [sys.executable, "-m", "rehearsal.cloud", "--state", str(state / "cloud")]
    argv += [word for zone in zones for word in ("--zone", zone)]
    argv += ["--account", account] if account else []
    with log.open("w") as output:
        process = subprocess.Popen(
            argv,
            cwd=ROOT,
            env={**os.environ, **environment, "REHEARSAL_TOKEN": token},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _started.append(process)
    cloud = Cloud(process.pid, _await_url(process, log), token, source)
    record = _record(state)
    record.touch(mode=0o600)
    record.write_text(json.dumps(asdict(cloud)))
    return cloud


def find(state: Path) -> Cloud | None:
    """The cloud of `state`, if it runs and answers to its token."""
    try:
        cloud = Cloud(**json.loads(_record(state).read_text()))
    except (OSError, ValueError, TypeError):
        return None
    if not _is_ours(cloud.pid) or not _answers(cloud):
        return None
    return cloud


def stop(state: Path) -> None:
    """Ends the cloud of `state`, if it runs; what it holds is in its folder."""
    with suppress(OSError, ValueError, TypeError):
        pid = Cloud(**json.loads(_record(state).read_text())).pid
        if _is_ours(pid):
            _end(pid)
    _record(state).unlink(missing_ok=True)


def _end(pid: int) -> None:
    for number, seconds in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, 5)):
        with suppress(ProcessLookupError):
            os.kill(pid, number)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            ended = not _is_ours(pid)
            for process in _started:
                process.poll()  # reaps it, if this very run started it
            if ended:
                return
            time.sleep(0.05)


def _record(state: Path) -> Path:
    return state / "cloud.json"


def _await_url(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        for line in log.read_text().splitlines():
            with suppress(ValueError, TypeError, KeyError):
                return str(json.loads(line)["url"]).rstrip("/")
        time.sleep(0.05)
    ended = process.poll()
    if ended is None:
        process.kill()
        process.wait()
    tail = "\n".join(log.read_text().splitlines()[-15:])
    why = f"ended with {ended}" if ended is not None else f"did not answer in {START_SECONDS} s"
    raise CloudError(f"the embedded cloud {why}; the end of {log}:\n{tail}")


def _is_ours(pid: int) -> bool:
    """Whether `pid` is an embedded cloud: its number may have been given to another program since."""
    with suppress(OSError):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        return b"rehearsal.cloud" in words
    if not Path("/proc").is_dir():
        with suppress(OSError):
            os.kill(pid, 0)
            return True
    return False


def _answers(cloud: Cloud) -> bool:
    try:
        cloud.holdings()
    except (OSError, ValueError, KeyError):
        return False
    return True


def _source(environment: Mapping[str, str], zones: Sequence[str]) -> str:
    digest = hashlib.sha256(json.dumps([dict(environment), list(zones)], sort_keys=True).encode())
    for part in ("cloud", "machines", "s3.py", "storage.py"):
        there = ROOT / "rehearsal" / part
        for path in sorted(there.rglob("*")) if there.is_dir() else [there]:
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
