"""Where the containers of a stack run, as the stack's outputs say."""

from __future__ import annotations

import os
import shlex
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

SECONDS = 30.0
"""For an answer."""
_OPTIONS = ("-o", "BatchMode=yes", "-o", "ConnectTimeout=10")


@dataclass(frozen=True)
class Place:
    """A server, reached by the words of its `ssh` command; without, this machine; its Docker is `docker`."""

    ssh: tuple[str, ...]
    docker: str

    @classmethod
    def of(cls, outputs: Mapping[str, Any]) -> Place:
        """The place that the outputs name."""
        *words, target = shlex.split(outputs.get("ssh") or "") or [""]
        return cls((*words, *_OPTIONS, target) if target else (), str(outputs.get("docker_host") or ""))

    @property
    def name(self) -> str:
        """Who is asked."""
        return self.ssh[-1] if self.ssh else "Docker of this machine"

    def run(self, command: str) -> str:
        """What a shell command there prints, whatever its exit code.

        Raises:
            OSError, subprocess.SubprocessError: it could not be run.
        """
        argv = [*self.ssh, command] if self.ssh else ["sh", "-c", command]
        environment = dict(os.environ) if self.ssh else {**os.environ, "DOCKER_HOST": self.docker}
        done = subprocess.run(
            argv, capture_output=True, text=True, timeout=SECONDS, env=environment, check=False
        )
        if self.ssh and done.returncode == 255:  # ssh's own
            raise subprocess.CalledProcessError(255, argv[0], done.stdout, done.stderr)
        return done.stdout

    @contextmanager
    def connected(self, port: int) -> Iterator[socket.socket]:
        """A connection to a port of the place's own loopback address: no firewall stands between.

        Raises:
            OSError: nobody answers there.
        """
        if not self.ssh:
            with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as connection:
                yield connection
            return
        ours, theirs = socket.socketpair()
        ours.settimeout(SECONDS)
        argv = [*self.ssh[:-1], "-W", f"127.0.0.1:{port}", self.ssh[-1]]
        tunnel = subprocess.Popen(
            argv, stdin=theirs.fileno(), stdout=theirs.fileno(), stderr=subprocess.DEVNULL
        )
        theirs.close()
        try:
            yield ours
        finally:
            ours.close()
            tunnel.terminate()
            tunnel.wait()
