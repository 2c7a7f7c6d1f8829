"""One place for engine tests: an embedded cloud in this process, plugins in one that stays, one folder.

The folder's path, the cloud's address and the plugins are the same for all tests of a worker, so that
starting them is paid once; a test gets a copy of an environment that was brought up once (`Lab.restore`).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import yaml
from pulumi.automation import ConfigValue

from operations.deployment import PROJECT, Deployment, Retry
from operations.engine import engine
from operations.recovery import default_finders
from rehearsal import project
from rehearsal.cloud.cloud import Cloud
from rehearsal.cloud.cloudflare import zones
from rehearsal.cloud.faults import parse
from rehearsal.cloud.messages import Response
from rehearsal.cloud.server import CloudServer, DroppedError
from rehearsal.cloud.store import Store
from rehearsal.leftovers import RecordedDocker
from rehearsal.machines.recorded import RecordedMachines

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "t" * 64
PASSPHRASE = "engine-tests"
PLUGINS = ("cloudflare", "command", "docker", "hcloud", "random", "tls")
ZONE_ID = "0123456789abcdef0123456789abcdef"
ACCOUNT_ID = "abcdef0123456789abcdef0123456789"
OTHER_ZONE_ID = "fedcba9876543210fedcba9876543210"
NEW_ZONE_ID = "f" * 32
Changes = Mapping[str, Any]
"""Path in the stack file (`services.api.cpus`) to value; None removes the key."""
NOTHING: Changes = {}
# A run that lets itself in is test_access.py's: elsewhere its requests would stand between those that count.
LET_IN = {"host.ssh.allow_own_address": False, "host.ssh.allowed_networks": ["127.0.0.1/32"]}
TOLD = {"notifications.slack": True}
"""A preview of a stack that tells nobody says so."""
BASE: Mapping[str, Changes] = {
    "uat": LET_IN | TOLD,
    "local": NOTHING,
    # The release build of the application gives the digests that production asks for.
    "prod": {
        f"images.{name}": f"ghcr.io/example-org/jira-plus-plus-{name}:1.0.0@sha256:{digit * 64}"
        for name, digit in (("api", "a"), ("worker", "b"), ("web", "c"))
    }
    | {
        "images.postgres_archiving": "ghcr.io/example-org/jira-plus-plus-postgres:15.19-1@sha256:" + "d" * 64,
    }
    | LET_IN
    | TOLD,
}
"""What must be changed in a stack file for it to come up."""
SECRETS = {
    "acme_dns_token": "canary-acme-dns-token".ljust(40, "0"),
    "archive_access_key": "canary-archive-access-key",
    "archive_passphrase": "canary-archive-passphrase",
    "archive_secret_key": "canary-archive-secret-key",
    "masked_access_key": "canary-masked-access-key",
    "masked_passphrase": "canary-masked-passphrase",
    "masked_secret_key": "canary-masked-secret-key",
    "offsite_access_key": "canary-offsite-access-key",
    "offsite_passphrase": "canary-offsite-passphrase",
    "offsite_secret_key": "canary-offsite-secret-key",
    "otlp_headers": "Authorization=Bearer canary-otlp-headers",
    "slack_webhook": "https://hooks.example.com/canary-slack-webhook",
    "smtp_password": "canary-smtp-password",
    "heartbeat_url": "https://hc.example.com/canary-heartbeat-url",
    "registry_password": "canary-registry-password",
    "sentry_dsn": "https://canary-sentry-dsn@sentry.example.com/1",
}
"""What a human sets."""


class Held:
    """A request whose answer is withheld: `arrived` is set once it has come (and taken effect, if asked)."""

    def __init__(self, method: str, path: str, effect: bool) -> None:
        self.method, self.path, self.effect = method, re.compile(f"{path}$"), effect
        self.arrived, self.released = threading.Event(), threading.Event()

    def matches(self, method: str, target: str) -> bool:
        path = target.partition("?")[0]
        return not self.arrived.is_set() and method == self.method and bool(self.path.search(path))


class _HoldingServer(CloudServer):
    """The embedded cloud's server, which can withhold an answer before or after the effect."""

    held: Held | None = None

    def answer(self, method: str, target: str, headers: Mapping[str, str], raw: bytes) -> Response:
        held = self.held
        if held is None or not held.matches(method, target):
            return super().answer(method, target, headers, raw)
        if held.effect:
            super().answer(method, target, headers, raw)
        held.arrived.set()
        held.released.wait(60)
        raise DroppedError


class Lab:
    """See the module."""

    def __init__(self, folder: Path, files: Path) -> None:
        """`folder` is this lab's own; `files`, which is never written, is the same for all."""
        self.state = folder / "state"
        self._files = files
        self._home = folder / "home"
        self._home.mkdir(parents=True)
        self.binary = engine()
        self._machine = dict(os.environ)
        self.plugins: subprocess.Popen[str] | None = None
        """The stand-ins, which all runs of this lab share."""
        self._attached = ""
        self.server: _HoldingServer | None = None
        self._port = 0
        self.output: list[str] = []
        """What the engine and the runner said since the last `restore`."""
        self.restore(None)

    # ── the place

    def close(self) -> None:
        self._stop_cloud()
        self.kill_plugins()

    def restore(self, snapshot: Path | None) -> None:
        """Puts a copy of `snapshot` in place; None starts from nothing."""
        self._stop_cloud()
        shutil.rmtree(self.state, ignore_errors=True)
        if snapshot is None:
            (self.state / "backend").mkdir(parents=True)
        else:
            shutil.copytree(snapshot, self.state)
        self._start_cloud()
        self.output.clear()

    def save(self, snapshot: Path) -> None:
        """Keeps what is in place under `snapshot`; appears whole or not at all."""
        self._stop_cloud()
        part = snapshot.with_suffix(".part")
        shutil.copytree(self.state, part)
        part.rename(snapshot)
        self._start_cloud()

    def kill_plugins(self) -> None:
        """Ends the stand-ins as hard as a machine's end would; the next run starts new ones."""
        if self.plugins is not None:
            self.plugins.kill()
            self.plugins.wait()
            self.plugins = None

    def _start_cloud(self) -> None:
        folder = self.state / "cloud"
        cloud = Cloud(Store(folder), RecordedMachines(folder), 0.0)
        cloud.account = ACCOUNT_ID
        zones.make(cloud, "example.com", ZONE_ID)
        zones.make(cloud, "example.org", OTHER_ZONE_ID)
        # A zone that was given up and added again has its name, and another id.
        cloud.store.put(zones.KIND, {**zones.make(cloud, "example.com"), "id": NEW_ZONE_ID})
        cloud.tokens.add(SECRETS["acme_dns_token"], "cloudflare", ["#zone:read", "#dns_records:edit"])
        self.server = _HoldingServer(cloud, TOKEN, self._port, rate_limit=0, cloudflare_limit=0)
        self._port = self.server.server_address[1]
        cloud.start()
        threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()

    def _stop_cloud(self) -> None:
        if self.server is not None:
            if self.server.held is not None:
                self.server.held.released.set()
            self.server.shutdown()
            self.server.server_close()
            self.server.cloud.stop()
            self.server = None

    # ── what is in it

    @property
    def cloud(self) -> Cloud:
        assert self.server is not None
        return self.server.cloud

    def objects(self, kind: str) -> list[dict[str, Any]]:
        """What the embedded cloud holds of a kind of `MADE`."""
        return self.cloud.store.all(kind)

    def holdings(self) -> dict[str, int]:
        return {kind: count for kind, count in self.cloud.counts().items() if count}

    def fault(self, *faults: Mapping[str, Any]) -> None:
        self.cloud.faults.add([parse(fault, "test") for fault in faults])

    @contextmanager
    def holding(self, method: str, path: str, *, effect: bool) -> Iterator[Held]:
        """Withholds the answer to the first such request, forever as far as its client can tell."""
        assert self.server is not None
        held = self.server.held = Held(method, path, effect)
        try:
            yield held
        finally:
            held.released.set()
            self.server.held = None

    def ask(self, method: str, target: str, body: Any = None) -> Any:
        """One request with the cloud's own token, which must succeed; its body."""
        assert self.server is not None
        raw = b"" if body is None else json.dumps(body).encode()
        answer = self.server.answer(method, target, {"Authorization": f"Bearer {TOKEN}"}, raw)
        assert answer.status < 300, answer.body
        return answer.body

    def requests(self) -> list[dict[str, Any]]:
        return self.cloud.audit.read()

    def changing(self) -> list[dict[str, Any]]:
        """Those that changed something, but for the firewall that a run brings and takes."""
        return [
            request
            for request in self.requests()
            if request["m"] != "GET"
            and request["status"] < 400
            and not request["p"].startswith("/v1/firewalls")
        ]

    def recorded(self, kind: str) -> list[dict[str, Any]]:
        """Recorded containers, networks, images or volumes, of all hosts."""
        return [json.loads(path.read_text()) for path in (self.state / "docker").glob(f"*/{kind}/*.json")]

    def docker_events(self) -> list[dict[str, Any]]:
        path = self.state / "docker" / "events.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def commands(self) -> list[dict[str, Any]]:
        """The commands that were recorded, in their order (`rehearsal/plugins/command/recording.py`)."""
        path = self.state / "commands.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def docker_faults(self, **faults: Any) -> None:
        """What goes wrong with recorded containers from now on (`rehearsal/plugins/docker/faults.py`)."""
        (self.state / "docker" / "faults.json").write_text(json.dumps(faults))

    # ── the engine

    def deployment(
        self,
        stack: str,
        changes: Changes = NOTHING,
        *,
        tries: int = 5,
        checkpoints: bool = False,
        killed: bool = False,
    ) -> Deployment:
        """The stack of our program and our stack file, with `changes` to the latter.

        Without `checkpoints` the engine writes its state at the end only, which takes a quarter of the time
        and is the same unless the engine is killed; whether an earlier one was, `killed` tells.
        """
        self.write(stack, changes)
        environment = self.environment()
        if not checkpoints:
            environment |= {"PULUMI_EXPERIMENTAL": "true", "PULUMI_SKIP_CHECKPOINTS": "true"}
        recorded = RecordedDocker(self.state)
        deployment = Deployment(
            project=self.state / "project",
            stack=stack,
            binary=self.binary,
            environment=environment,
            events=self.state / "events",
            say=self.output.append,
            show=self.output.append,
            knock=lambda _: True,
            retry=Retry(tries=tries, pause_seconds=0.1),
            settled=not killed,
            finders=[
                *(finder for finder in default_finders(environment) if finder.prefix != recorded.prefix),
                recorded,
            ],
        )
        if not self._has_secrets(stack):
            deployment.open().set_all_config(
                {f"{PROJECT}:{name}": ConfigValue(value, secret=True) for name, value in SECRETS.items()}
            )
        return deployment

    def write(self, stack: str, changes: Changes = NOTHING) -> None:
        """Writes the copy of the project that is run: our own stack file as it is, but for `changes`.

        The engine reads it anew at each run. Of what the engine wrote into it, salt and secrets stay.
        """
        stack_file = self.state / "project" / f"Pulumi.{stack}.yaml"
        before = yaml.safe_load(stack_file.read_text()) if stack_file.exists() else {}
        project.prepare(ROOT, stack, self.state)
        values = yaml.safe_load((ROOT / stack_file.name).read_text())
        for path, value in {**BASE[stack], **changes}.items():
            put(values["config"], path, value)
        # Its actions are over at once, and the default is 500.
        values["config"]["hcloud:pollInterval"] = "20ms"
        if "encryptionsalt" in before:
            values["encryptionsalt"] = before["encryptionsalt"]
        for key, value in before.get("config", {}).items():
            if isinstance(value, dict) and "secure" in value:
                values["config"][key] = value
        stack_file.write_text(yaml.safe_dump(values, sort_keys=False))

    def _has_secrets(self, stack: str) -> bool:
        values = yaml.safe_load((self.state / "project" / f"Pulumi.{stack}.yaml").read_text())
        return all(f"{PROJECT}:{name}" in values["config"] for name in SECRETS)

    def environment(self) -> dict[str, str]:
        """What the program, the engine and the plugins see beside this process's own environment."""
        return {**self.surroundings(), "PULUMI_DEBUG_PROVIDERS": self._attach()}

    def surroundings(self) -> dict[str, str]:
        """`environment` without the plugins, which the engine then starts itself, from PATH."""
        assert self.server is not None
        return {
            "CLOUDFLARE_API_TOKEN": TOKEN,
            "CLOUDFLARE_BASE_URL": f"{self.server.url}/client/v4",
            "HCLOUD_ENDPOINT": f"{self.server.url}/v1",
            "HCLOUD_TOKEN": TOKEN,
            "OWN_ADDRESS_URL": f"{self.server.url}/cdn-cgi/trace",
            "PULUMI_BACKEND_URL": f"file://{self.state / 'backend'}",
            "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
            "PULUMI_HOME": str(self._home),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "REHEARSAL_DOCKER": "record",
            "REHEARSAL_STATE": str(self.state),
            "XDG_STATE_HOME": str(self._files),
        }

    def _attach(self) -> str:
        """The stand-ins' addresses; starts them if need be."""
        if self.plugins is None:
            self.plugins = subprocess.Popen(
                [sys.executable, "-m", "rehearsal.plugins", *PLUGINS],
                cwd=ROOT,
                # They outlive the test that starts them: what it alone pretends must not stay in them.
                env={**self._machine, **Lab.surroundings(self)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            assert self.plugins.stdout is not None
            self._attached = self.plugins.stdout.readline().strip()
        return self._attached

    def checkpoint(self) -> dict[str, Any]:
        """The engine's state of the one stack in place, read from its file, which needs no engine run."""
        (path,) = (self.state / "backend" / ".pulumi" / "stacks").rglob("*.json")
        found: dict[str, Any] = json.loads(path.read_text())["checkpoint"]["latest"] or {}
        return found

    def resources(self) -> list[dict[str, Any]]:
        """The resources in that state."""
        return list(self.checkpoint().get("resources") or [])


def engines() -> list[int]:
    """The engine processes that this process has started."""
    found = []
    for task in Path("/proc/self/task").glob("*/children"):
        with suppress(OSError):
            found += [
                int(pid)
                for pid in task.read_text().split()
                if Path(f"/proc/{pid}/comm").read_text() == "pulumi\n"
            ]
    return found


def kill_engines() -> None:
    for pid in engines():
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def put(config: dict[str, Any], path: str, value: Any) -> None:
    """Sets the value at a dotted path of a stack file; None removes it."""
    section, *keys = path.split(".")
    place: Any = config
    for key in (f"{PROJECT}:{section}", *keys)[:-1]:
        place = place.setdefault(key, {})
    last = keys[-1] if keys else f"{PROJECT}:{section}"
    if value is None:
        place.pop(last, None)
    else:
        place[last] = value
