"""The runner with the real engine and the embedded cloud, on a program of a few resources."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from hcloud import Client

from operations.deployment import DeploymentFailed
from operations.orphans import ForeignResource
from rehearsal import background, run
from rehearsal.clean import clean
from rehearsal.run import Rehearsal, RehearsalFailed

pytestmark = pytest.mark.engine

ZONE = "0123456789abcdef0123456789abcdef"
PROGRAM = """
import pulumi, pulumi_hcloud as hcloud
from components.labels import LABELS

host = pulumi.Config().require_object("host")
keep = pulumi.ResourceOptions(protect=host.get("protected", False))
key = hcloud.SshKey("key", name="jira", public_key=host["key"], labels=LABELS)
ipv4 = hcloud.PrimaryIp("ipv4", name="jira-v4", type="ipv4", assignee_type="server", auto_delete=False,
                        location="fsn1", labels=LABELS)
volume = hcloud.Volume("volume", name="jira-data", size=10, location="fsn1", labels=LABELS, opts=keep)
server = hcloud.Server("server", name="jira", server_type=host["server_type"], image="debian-12",
                       location="fsn1", ssh_keys=[key.id], labels=LABELS,
                       user_data=pulumi.Output.secret("#cloud-config\\n# canary-in-user-data\\n"),
                       public_nets=[{"ipv4_enabled": True, "ipv4": ipv4.id.apply(int),
                                     "ipv6_enabled": False}],
                       opts=pulumi.ResourceOptions(delete_before_replace=True,
                                                   protect=host.get("protected", False)))
hcloud.VolumeAttachment("attachment", volume_id=volume.id.apply(int), server_id=server.id.apply(int))
if host.get("dns"):
    import pulumi_cloudflare as cloudflare
    for name in ("api", "web"):
        cloudflare.DnsRecord(name, zone_id=host["dns"], name=f"{name}.example.com", type="A", ttl=1,
                             proxied=True, content=server.ipv4_address)
pulumi.export("server_ipv4", server.ipv4_address)
pulumi.export("admin_password", pulumi.Output.secret("canary-in-outputs"))
"""
PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGx0bkGVfrDgZCrzSlVpWOBeWNmwYVLEBmyqWv9+RMOy test"


class Stage:
    """A checkout with the program above, and what was said about it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.said: list[str] = []
        (root / "components").mkdir(parents=True)
        (root / "components" / "__init__.py").touch()
        (root / "components" / "labels.py").write_text('LABELS = {"jira-plus-plus": "uat"}\n')
        (root / "__main__.py").write_text(PROGRAM)
        (root / "Pulumi.yaml").write_text("name: jira-plus-plus\nruntime: python\n")
        (root / "requirements.txt").touch()
        self.host = {
            "server_type": "cx23",
            "server_type_fallbacks": ["cpx22", "cx33"],
            "key": PUBLIC_KEY,
        }
        self.write()

    def write(self, **changed: object) -> None:
        """The stack file, with `changed` values of the host."""
        self.host.update(changed)  # type: ignore[arg-type]
        config = {
            "hcloud:pollInterval": "20ms",
            "jira-plus-plus:host": self.host,
            "jira-plus-plus:domain": {"zone": "example.com", "zone_id": ZONE},
        }
        (self.root / "Pulumi.uat.yaml").write_text(yaml.safe_dump({"config": config}))

    @property
    def state(self) -> Path:
        return self.root / ".rehearsal" / "uat"

    def run(self, step: str) -> Rehearsal:
        rehearsal = Rehearsal(self.root, "uat", say=self.said.append, show=self.said.append)
        rehearsal.run(step)
        return rehearsal

    @property
    def cloud(self) -> background.Cloud:
        found = background.find(self.state)
        assert found is not None, "the embedded cloud stays up between runs"
        return found

    def start_cloud(self) -> background.Cloud:
        environment = {"REHEARSAL_DOCKER": "record", "REHEARSAL_STATE": str(self.state)}
        return background.start(self.state, environment, [f"example.com={ZONE}"])

    @property
    def hetzner(self) -> Client:
        return Client(token=self.cloud.token, api_endpoint=self.cloud.environment["HCLOUD_ENDPOINT"])

    def fault(self, **fault: object) -> None:
        cloud = self.start_cloud()
        request = urllib.request.Request(
            f"{cloud.url}/_rehearsal/faults",
            data=json.dumps(fault).encode(),
            headers={"Authorization": f"Bearer {cloud.token}", "Content-Type": "application/json"},
        )
        urllib.request.urlopen(request, timeout=5).close()

    def changing(self) -> list[str]:
        """The requests so far that change something."""
        asked = self.cloud.ask("/_rehearsal/requests")["requests"]
        return [f"{line['m']} {line['p']}" for line in asked if line["m"] != "GET"]

    def operations(self, name: str) -> list[str]:
        """What the last up did to a resource, step by step."""
        events = map(json.loads, (self.state / "events" / "up.jsonl").read_text().splitlines())
        steps = [event["resource_pre_event"]["metadata"] for event in events if event["resource_pre_event"]]
        return [step["op"] for step in steps if step["op"] != "refresh" and step["urn"].endswith(f"::{name}")]

    @property
    def text(self) -> str:
        return "\n".join(self.said)

    def holds_exactly_once(self) -> None:
        """Neither orphans nor duplicates: the cloud has each resource of the program once."""
        expected = {"server": 1, "primary_ip": 1, "volume": 1, "ssh_key": 1}
        expected |= {"dns_record": 2} if self.host.get("dns") else {}
        holdings = self.cloud.holdings()
        assert {kind: holdings.get(kind) for kind in expected} == expected
        (volume,) = self.hetzner.volumes.get_all()
        (server,) = self.hetzner.servers.get_all()
        assert volume.server is not None, "the volume is attached"
        assert volume.server.id == server.id


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setenv("REHEARSAL_DOCKER", "record")
    stage = Stage(tmp_path / "checkout")
    yield stage
    background.stop(stage.state)
    print(stage.text)  # shown with a failure


def test_all_leaves_it_up_a_second_run_changes_nothing_and_destroy_leaves_nothing(stage: Stage) -> None:
    stage.write(dns=ZONE)
    stage.run("all")
    stage.holds_exactly_once()
    assert "resources" in stage.text
    assert "hcloud Server" in stage.text
    first = stage.cloud.pid
    rehearsal = stage.run("all")
    assert [timing.changes for timing in rehearsal.timings] == [0, 0]
    assert stage.cloud.pid == first, "the cloud that holds the machines is the same"
    stage.run("outputs")
    outputs = stage.state / "outputs.json"
    assert json.loads(outputs.read_text())["admin_password"] == "canary-in-outputs"
    assert outputs.stat().st_mode & 0o777 == 0o600
    stage.run("destroy")
    assert "the embedded cloud is empty and was stopped" in stage.text
    assert background.find(stage.state) is None
    shown = stage.text + (stage.state / "preview.md").read_text()
    shown += "".join(path.read_text() for path in (stage.state / "events").iterdir())
    assert "canary" not in shown, "no secret in what is shown or kept of a run"


def test_the_preview_is_written_as_markdown(stage: Stage) -> None:
    stage.run("preview")
    shown = (stage.state / "preview.md").read_text()
    assert shown.startswith("### Rehearsed preview of `uat`\n\n**5 to create**\n")
    assert "| + | `server` | hcloud Server |  |" in shown
    assert "+   userData: [secret]" in shown


def test_a_failing_program_is_one_readable_error_and_the_preview_says_it_too(stage: Stage) -> None:
    (stage.root / "__main__.py").write_text(
        'import pulumi\nraise pulumi.RunError("host.kind: must be one of …")\n'
    )
    with pytest.raises(DeploymentFailed, match=r"host\.kind: must be one of …") as raised:
        stage.run("preview")
    assert "Traceback" not in str(raised.value)
    assert "> ❌ host.kind: must be one of …" in (stage.state / "preview.md").read_text()
    assert str(raised.value).count("host.kind") == 1, "the engine's repetition is left out"


def test_a_name_that_somebody_else_holds_is_left_alone_and_named(stage: Stage) -> None:
    stage.start_cloud()
    key = stage.hetzner.ssh_keys.create(name="jira", public_key=PUBLIC_KEY.replace("AAAAIGx0", "AAAAIGx1"))
    with pytest.raises(ForeignResource, match=rf"ssh key 'jira' \(id {key.id}"):
        stage.run("up")
    assert [found.id for found in stage.hetzner.ssh_keys.get_all()] == [key.id]


@pytest.mark.parametrize(
    ("path", "then"),
    [
        ("/v1/servers$", ["replace", "create-replacement"]),  # the old one is gone, the new one is not there
        ("/v1/volumes/[0-9]+/actions/attach$", ["same"]),  # the new one is there
    ],
)
def test_a_replacement_that_fails_halfway_is_finished_and_not_begun_again(
    stage: Stage, path: str, then: list[str]
) -> None:
    stage.run("up")
    (before,) = stage.hetzner.servers.get_all()
    stage.fault(kind="status", method="POST", path=path, status=503)
    stage.run("replace")
    assert "this may pass" in stage.text
    assert stage.operations("server") == then, "in the second try"
    (after,) = stage.hetzner.servers.get_all()
    assert after.id != before.id
    assert after.public_net.primary_ipv4.id == before.public_net.primary_ipv4.id
    assert [volume.id for volume in after.volumes] == [volume.id for volume in before.volumes]
    stage.holds_exactly_once()
    assert stage.run("up").timings[-1].changes == 0


def test_what_is_protected_is_neither_destroyed_nor_replaced(stage: Stage) -> None:
    with pytest.raises(DeploymentFailed, match="uat has 0 servers of the program's"):
        stage.run("replace")
    stage.write(protected=True)
    stage.run("up")
    asked = stage.changing()
    with pytest.raises(DeploymentFailed, match="destroy of uat is refused: Pulumi protects server, volume"):
        stage.run("destroy")
    with pytest.raises(DeploymentFailed, match=r"replacing the server of uat is refused.*host\.protected"):
        stage.run("replace")
    assert stage.changing() == asked, "no request that changes anything was sent"


def test_a_change_behind_pulumis_back_is_drift(stage: Stage) -> None:
    rehearsal = stage.run("up")
    assert rehearsal._deployment is not None
    assert rehearsal._deployment.preview().changes == 0
    (server,) = stage.hetzner.servers.get_all()
    server.update(labels={"jira-plus-plus": "uat", "by": "hand"})
    journal = rehearsal._deployment.preview()
    assert [step.name for step in journal.steps if step.op == "update"] == ["server"]


def test_two_rehearsals_of_a_stack_do_not_meet(stage: Stage) -> None:
    rehearsal = Rehearsal(stage.root, "uat", say=stage.said.append)
    with rehearsal._alone(), pytest.raises(RehearsalFailed, match="another rehearsal of uat is running"):
        stage.run("preview")


def engines(root: Path) -> list[int]:
    """Processes of the engine that work for this checkout."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "comm").read_text().strip() == "pulumi" and str(root) in (
                process / "environ"
            ).read_bytes().decode(errors="replace"):
                found.append(int(process.name))
        except OSError:
            continue
    return found


class Killer(threading.Thread):
    """Kills the engine, `delay` seconds after the cloud was asked for the given thing.

    Moments of an up are in tests/engine/test_kill.py.
    """

    def __init__(self, stage: Stage, method: str, path: str, delay: float = 0.0) -> None:
        super().__init__(daemon=True)
        self.stage, self.method, self.path, self.delay = stage, method, path, delay
        self.killed = False

    def run(self) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not self.killed:
            asked = self.stage.cloud.ask("/_rehearsal/requests")["requests"]
            if any(line["m"] == self.method and line["p"].endswith(self.path) for line in asked):
                time.sleep(self.delay)
                for pid in engines(self.stage.root):
                    os.kill(pid, signal.SIGKILL)
                    self.killed = True
                return
            time.sleep(0.005)


def test_after_kill_9_during_a_destroy_the_next_one_finishes(stage: Stage) -> None:
    stage.run("up")
    stage.fault(kind="slow_action", seconds=1, count=None)
    killer = Killer(stage, "DELETE", str(stage.hetzner.servers.get_all()[0].id))
    killer.start()
    with pytest.raises(DeploymentFailed):
        stage.run("destroy")
    killer.join()
    assert killer.killed
    stage.run("destroy")
    assert "the embedded cloud is empty" in stage.text


def test_after_kill_9_during_a_destroy_an_up_brings_it_back(stage: Stage) -> None:
    stage.run("up")
    stage.fault(kind="slow_action", seconds=1, count=None)
    killer = Killer(stage, "DELETE", str(stage.hetzner.servers.get_all()[0].id), 0.7)
    killer.start()
    with pytest.raises(DeploymentFailed):
        stage.run("destroy")
    killer.join()
    stage.run("up")
    stage.holds_exactly_once()


def test_clean_waits_for_the_end_of_what_it_deletes(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A volume's deletion is answered before its disk is gone; the folder went first, and left a device."""
    stage.run("up")
    stage.fault(kind="slow_action", seconds=1, count=None)
    under_way: list[str] = []

    def stop(state: Path) -> None:
        running = stage.hetzner.volumes.actions.get_all(status=["running"])
        under_way.extend(action.command for action in running)
        background_stop(state)

    background_stop = background.stop
    with monkeypatch.context() as patch:
        patch.setattr(background, "stop", stop)
        clean(stage.root, "uat", stage.said.append)
    assert under_way == []


def test_clean_takes_down_even_what_is_protected(stage: Stage) -> None:
    stage.write(protected=True)
    stage.run("up")
    (server,) = stage.hetzner.servers.get_all()
    server.change_protection(delete=True, rebuild=True).wait_until_finished()
    cloud = stage.cloud
    clean(stage.root, "prod", stage.said.append)
    assert stage.state.exists(), "another stack is another stack"
    clean(stage.root, "uat", stage.said.append)
    assert not stage.state.exists()
    assert (stage.root / ".rehearsal").exists(), "other stacks have theirs there"
    with pytest.raises(OSError, match="refused"):
        cloud.holdings()


RUNNER = """
import sys
from pathlib import Path
from operations.deployment import DeploymentFailed
from operations.interrupt import interruptible
from rehearsal.run import Rehearsal

with interruptible() as interrupted:
    try:
        Rehearsal(Path(sys.argv[1]), "uat", show=lambda line: print(line, flush=True)).run("up")
    except DeploymentFailed:
        sys.exit(130 if interrupted() else 1)
"""


def test_a_termination_lets_the_engine_finish_what_it_began_and_the_next_up_goes_on(stage: Stage) -> None:
    stage.fault(kind="slow_action", command="create_server", seconds=2)
    process = subprocess.Popen(
        [sys.executable, "-c", RUNNER, str(stage.root)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONPATH": str(background.ROOT)},
    )
    assert process.stdout is not None
    shown = []
    for line in process.stdout:
        shown.append(line)
        if "Server server creating (0s)" in line:
            process.terminate()
    assert process.wait() == 130, "".join(shown)
    assert "interrupted: the engine finishes what it has begun" in "".join(shown)
    stage.run("up")
    stage.holds_exactly_once()


@pytest.mark.engine
def test_the_first_preview_waits_for_no_image(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def make(*_: object, **__: object) -> None:
        raise AssertionError("a preview alone makes no image")

    monkeypatch.setattr(run.dockerd, "ensure", lambda _: None)
    monkeypatch.setattr(run.stack_images, "fragment", make)
    monkeypatch.setenv("REHEARSAL_DOCKER", "run")
    stage.run("preview")
    assert (stage.state / "preview.md").exists()
    assert any("this preview has the images of the stack file" in line for line in stage.said)
    (stage.state / "events").mkdir(exist_ok=True)
    (stage.state / "events" / "up.jsonl").touch()
    with pytest.raises(AssertionError, match="makes no image"):
        stage.run("preview")
