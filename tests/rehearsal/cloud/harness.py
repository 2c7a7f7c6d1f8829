"""A cloud to ask: in this process for speed, or in one of its own to be killed."""

from __future__ import annotations

import base64
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hcloud
import requests

from rehearsal.cloud.cloud import Cloud
from rehearsal.cloud.cloudflare import zones
from rehearsal.cloud.server import CloudServer
from rehearsal.cloud.store import Store
from rehearsal.machines import Machines
from rehearsal.machines.recorded import RecordedMachines

TOKEN = "the-token-of-this-test"
ZONE = "example.com"
ZONE_ID = "0123456789abcdef0123456789abcdef"
PROJECT = Path(__file__).parents[3]


def public_key(comment: str = "") -> str:
    """A well-formed ed25519 public key that nobody has."""
    kind = b"ssh-ed25519"
    blob = len(kind).to_bytes(4, "big") + kind + (32).to_bytes(4, "big") + secrets.token_bytes(32)
    return f"ssh-ed25519 {base64.b64encode(blob).decode()} {comment}".strip()


@dataclass
class Answer:
    """One HTTP answer."""

    status: int
    body: Any
    headers: Mapping[str, str]

    @property
    def code(self) -> Any:
        """The error's code, of either API."""
        return self.body["error"]["code"] if "error" in self.body else self.body["errors"][0]["code"]

    @property
    def message(self) -> str:
        """The error's message, of either API."""
        return str(
            self.body["error"]["message"] if "error" in self.body else self.body["errors"][0]["message"]
        )


class Client:
    """Asks a cloud at `url`, in raw HTTP or through the official Hetzner client."""

    def __init__(self, url: str, token: str = TOKEN) -> None:
        self.url = url
        self.token = token
        self.session = requests.Session()
        self.hetzner = hcloud.Client(token=token, api_endpoint=f"{url}/v1", poll_interval=0.02)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """One request; `path` begins with /v1, /cf or /_rehearsal."""
        sent = {"Authorization": f"Bearer {self.token}", **headers}
        answer = self.session.request(method, self.url + path, json=body, headers=sent, timeout=20)
        return Answer(answer.status_code, answer.json() if answer.content else None, answer.headers)

    def good(self, method: str, path: str, body: Any = None) -> Any:
        """One request that must succeed; its body."""
        answer = self.ask(method, path, body)
        assert answer.status < 300, f"{method} {path}: {answer.status} {answer.body}"
        return answer.body

    def zone(self, method: str, path: str = "", body: Any = None) -> Answer:
        """One request below the zone."""
        return self.ask(method, f"/cf/zones/{ZONE_ID}{path}", body)

    def fault(self, **fault: Any) -> str:
        """Injects a fault; its id."""
        return str(self.good("POST", "/_rehearsal/faults", fault)["faults"][0]["id"])

    def state(self) -> Any:
        """What is alive."""
        return self.good("GET", "/_rehearsal/state")

    def requests(self) -> list[Any]:
        """The log of requests."""
        return list(self.good("GET", "/_rehearsal/requests")["requests"])

    def settle(self, seconds: float = 10) -> None:
        """Waits until no action runs."""
        until(lambda: self.state()["running_actions"] == 0, seconds)

    def server(self, name: str = "box", **more: Any) -> Any:
        """Makes a server and waits for it; the server."""
        body = {"name": name, "server_type": "cx23", "image": "debian-12", "location": "fsn1", **more}
        made = self.good("POST", "/v1/servers", body)
        self.settle()
        return self.good("GET", f"/v1/servers/{made['server']['id']}")["server"]

    def volume(self, name: str = "data", **more: Any) -> Any:
        """Makes a volume and waits for it; the volume."""
        body = {"name": name, "size": 10, "location": "fsn1", "format": "ext4", **more}
        made = self.good("POST", "/v1/volumes", body)
        self.settle()
        return self.good("GET", f"/v1/volumes/{made['volume']['id']}")["volume"]

    def furnish(self) -> dict[str, int]:
        """Makes one of everything that a deployment makes, and waits for it; the ids by kind."""
        body: Any = {"name": "key", "public_key": public_key()}
        key = self.good("POST", "/v1/ssh_keys", body)["ssh_key"]["id"]
        wall = self.good("POST", "/v1/firewalls", {"name": "wall"})["firewall"]["id"]
        body = {"name": "address", "type": "ipv4", "location": "fsn1"}
        address = self.good("POST", "/v1/primary_ips", body)["primary_ip"]["id"]
        volume = self.volume()["id"]
        net = {"ipv4": address, "enable_ipv6": False}
        walls = [{"firewall": wall}]
        server = self.server(ssh_keys=[key], firewalls=walls, volumes=[volume], public_net=net)["id"]
        return {"ssh_key": key, "firewall": wall, "volume": volume, "primary_ip": address, "server": server}

    def act(self, kind: str, key: int, command: str, **body: Any) -> Answer:
        """Asks for an action and waits until nothing runs."""
        answer = self.ask("POST", f"/v1/{kind}/{key}/actions/{command}", body)
        self.settle()
        return answer


def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    """Waits for a condition."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


class Embedded(Client):
    """A cloud in this process."""

    def __init__(
        self,
        folder: Path,
        machines: Machines | None = None,
        *,
        action_seconds: float = 0,
        rate_limit: int = 0,
        cloudflare_limit: int = 0,
    ) -> None:
        store = Store(folder)
        self.folder = folder
        self.cloud = Cloud(store, machines or RecordedMachines(folder), action_seconds)
        zones.make(self.cloud, ZONE, ZONE_ID)
        self._server = CloudServer(
            self.cloud, TOKEN, rate_limit=rate_limit, cloudflare_limit=cloudflare_limit
        )
        super().__init__(self._server.url)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        self.cloud.start()

    def close(self) -> None:
        """Ends it."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self.cloud.stop()

    def machine_calls(self) -> list[Any]:
        """What recorded machines were asked."""
        journal = self.folder / "machines.jsonl"
        return [json.loads(line) for line in journal.read_text().splitlines()] if journal.exists() else []


class Process(Client):
    """A cloud in a process of its own, started as a user starts it."""

    def __init__(self, folder: Path, *more: str) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "rehearsal.cloud",
                "--state",
                str(folder),
                "--token",
                TOKEN,
                "--zone",
                f"{ZONE}={ZONE_ID}",
                *more,
            ],
            cwd=PROJECT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "REHEARSAL_DOCKER": "record"},
        )
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            _, errors = self.process.communicate(timeout=10)
            raise RuntimeError(errors)
        self.ready = json.loads(line)
        super().__init__(self.ready["url"])

    def kill(self) -> None:
        """Ends it as a power failure would."""
        self.process.send_signal(signal.SIGKILL)
        self.reap()

    def terminate(self) -> int:
        """Ends it politely; its exit status."""
        self.process.terminate()
        return self.reap()

    def reap(self) -> int:
        """Waits for its end; its exit status."""
        status = self.process.wait(10)
        for stream in (self.process.stdout, self.process.stderr):
            if stream:
                stream.close()
        return status
