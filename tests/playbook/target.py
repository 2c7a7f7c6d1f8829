"""The stack under test: its addresses and credentials, from `pulumi stack output --json --show-secrets`."""

from __future__ import annotations

import json
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx


@dataclass(frozen=True)
class Target:
    """Where a stack is and how it is entered.

    `connect` is the address that requests go to instead of what the host name resolves to: in a rehearsal the
    machine's loopback address, since no DNS of the world knows it.
    """

    stack: str
    outputs: dict[str, Any]
    connect: str | None = None

    @classmethod
    def load(cls, stack: str, outputs: Path, connect: str | None) -> Target:
        """Reads the outputs' file."""
        return cls(stack, json.loads(outputs.read_text()), connect or None)

    @property
    def local(self) -> bool:
        """Whether the containers run on this machine's own Docker."""
        return not self.outputs.get("ssh")

    @property
    def rehearsed(self) -> bool:
        """Whether it is a rehearsal's, which no DNS knows."""
        return self.connect is not None

    def url(self, service: str) -> str:
        """The public URL of `api`, `web` or `temporal`."""
        return str(self.outputs["urls"][service]).rstrip("/")

    def http(self, **options: Any) -> httpx.Client:
        """A client for the stack's URLs."""
        return httpx.Client(transport=Redirected(self.connect), timeout=15, **options)

    def ssh(self, command: str, check: bool = True, timeout: float = 120) -> str:
        """Runs a shell command on the machine (on this one for `local`) and returns what it printed."""
        argv = ["sh", "-c", command] if self.local else [*shlex.split(self.outputs["ssh"]), command]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=timeout, check=False)
        if check and done.returncode != 0:
            raise AssertionError(
                f"`{command}` ended with {done.returncode}: {done.stderr.strip() or done.stdout.strip()}"
            )
        return done.stdout

    def containers(self) -> dict[str, str]:
        """Service -> name of its running container, as Docker sees it now; of two the newer."""
        lines = self.ssh(
            f"docker ps --filter label=jira-plus-plus.stack={self.stack} "
            "--format '{{.Label \"jira-plus-plus.service\"}} {{.Names}}'"
        )
        return dict(line.split() for line in reversed(lines.splitlines()))

    def inside(self, service: str, path: str) -> tuple[int, str]:
        """Status and body of what a process of the application answers in its own container.

        What is its operator's is not published: metrics, and why it is not ready.
        """
        status, _, body = self.ssh(self.asks_inside(service, path)).partition(" ")
        return int(status), body

    def asks_inside(self, service: str, path: str) -> str:
        """The command for that on the machine, which prints the two."""
        script = (
            "fetch(`http://127.0.0.1:${process.env.PORT}"
            f"{path}`).then(async r => process.stdout.write(`${{r.status}} ${{await r.text()}}`))"
        )
        return f"docker exec {self.containers()[service]} node -e {shlex.quote(script)}"

    def health(self) -> dict[str, str]:
        """Service -> `healthy`, `starting`, `unhealthy`, or the state of one that does not run.

        Of two of one service the newer's.
        """
        lines = self.ssh(
            f"docker ps -aq --filter label=jira-plus-plus.stack={self.stack} | "
            "xargs -r docker inspect --format "
            '\'{{index .Config.Labels "jira-plus-plus.service"}} {{.State.Status}} '
            "{{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}}'"
        )
        found: dict[str, str] = {}
        for line in reversed(lines.splitlines()):
            service, status, health = line.split()
            found[service] = health if status == "running" else status
        return found


class Redirected(httpx.BaseTransport):
    """Connects to one address, whatever the host name, and keeps the name for TLS and the Host header.

    Certificates are verified where the name is public; a redirected connection meets an origin certificate,
    which only Cloudflare trusts, so there its issuer is not checked.
    """

    def __init__(self, address: str | None) -> None:
        self.address = address
        self.inner = httpx.HTTPTransport(verify=address is None, retries=0)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Sends one request."""
        if self.address:
            host = urlsplit(str(request.url)).hostname
            request.extensions["sni_hostname"] = host
            request.url = request.url.copy_with(host=self.address)
        return self.inner.handle_request(request)

    def close(self) -> None:
        """Closes the connections."""
        self.inner.close()
