"""An authority in Let's Encrypt's place: pebble, its own ACME server for tests, pinned in `tools/acme`."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from operations import golang
from operations.cache import cache_folder

MODULE = Path(__file__).resolve().parent.parent / "tools" / "acme"
PACKAGE = "github.com/letsencrypt/pebble/v2/cmd/pebble"


@dataclass(frozen=True)
class Authority:
    """One that runs. `directory` is its ACME directory; `roots` tells which roots it signs under, in PEM."""

    directory: str
    roots: str


def program(say: golang.Say = print) -> Path:
    """pebble, from the cache or compiled now, in half a minute.

    Raises:
        GoMissing, BuildFailed: see `operations.golang.build`.
    """
    key = hashlib.sha256((MODULE / "go.sum").read_bytes()).hexdigest()[:16]
    binary = cache_folder() / "pebble" / key / "pebble"
    if not binary.exists():
        golang.build("pebble", MODULE, PACKAGE, binary, "", say, niceness=golang.NICENESS)
    return binary


@contextmanager
def serving(
    binary: Path,
    folder: Path,
    ports: tuple[int, int],
    certificate: Path,
    key: Path,
    resolver: str,
    days: float,
) -> Iterator[Authority]:
    """Runs it on 127.0.0.1, with files in `folder`. It asks `resolver` for its proofs and signs for `days`.

    `certificate` and `key` are those of the server itself; whoever asks it must trust them. Its roots are new
    each time.
    """
    listen, management = (f"127.0.0.1:{port}" for port in ports)
    config = {
        "listenAddress": listen,
        "managementListenAddress": management,
        "certificate": str(certificate),
        "privateKey": str(key),
        "retryAfter": {"authz": 1, "order": 1},
        "keyAlgorithm": "ecdsa",
        "profiles": {"default": {"description": "the only one", "validityPeriod": int(days * 86400)}},
    }
    (folder / "pebble.json").write_text(json.dumps({"pebble": config}))
    environment = {**os.environ, "PEBBLE_VA_NOSLEEP": "1"}  # else it waits up to 15 s before each look
    command = [str(binary), "-config", str(folder / "pebble.json"), "-dnsserver", resolver, "-strict"]
    with (folder / "pebble.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        try:
            yield Authority(f"https://{listen}/dir", f"https://{management}/roots/0")
        finally:
            process.terminate()
            process.wait(10)
