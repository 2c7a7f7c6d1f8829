"""`make status`: what the script at the machine tells, what of it is red, and what a person reads of it."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import docker
import pytest
import yaml

from components.backup.backup import FOLDER
from operations import status as module
from operations.deployment import DeploymentFailed
from operations.journal import Journal
from operations.status import BACKUPS, NotAsked, Report, __main__, status
from operations.status.alerts import Alerts
from operations.status.backups import Backups
from operations.status.machine import Machine
from operations.status.moments import age, moment
from operations.status.services import STRANGE, Services, digests
from operations.status.table import WIDTH, table

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
VARIABLES = {
    "BACKUPS": "/backups",
    "MAXIMUM_AGE_HOURS": "26",
    "RESTIC_REPOSITORY": "s3:x",
    "DRILL_COPIES_DAYS": "7",
    "ARCHIVE": "uat",
    "INCREMENTAL_HOURS": "6",
    "DRILL_LOG_DAYS": "7",
}


def test_the_backups_are_where_the_program_puts_them() -> None:
    assert BACKUPS == FOLDER


# ── what the notes of the backups mean


def note(ago: timedelta) -> int:
    return int((NOW - ago).timestamp())


def notes(**files: object) -> str:
    written = {name.replace("_", "-"): value for name, value in files.items()}
    return "\n".join(
        f"{name}.json {json.dumps(value)}" if isinstance(value, dict) else f"{name} {value}"
        for name, value in written.items()
    )


WELL: dict[str, object] = {
    "status": {"finished": note(9 * HOUR)},
    "offsite": {"name": "2026-11-28T020304Z-scheduled", "finished": note(HOUR)},
    "archive": {"finished": note(5 * HOUR)},
    "drill_copies": {"ok": True, "began": note(2 * DAY), "good": note(2 * DAY)},
    "drill_log": {"ok": True, "began": note(8 * DAY), "good": note(8 * DAY)},
}


def test_what_was_kept_in_time_is_told_with_its_age_and_is_not_red() -> None:
    backups = Backups(notes(**WELL), VARIABLES, NOW)
    assert list(backups.findings("uat")) == []
    assert [(one.what, one.last and age((NOW - one.last).total_seconds())) for one in backups.all] == [
        ("backup", "9 h"),
        ("copy off the machine", "9 h"),
        ("backup with the log", "5 h"),
        ("log of the database", None),
        ("drill of the copies", "2 d"),
        ("drill of the log", "8 d"),
    ]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"status": {"finished": note(27 * HOUR)}}, "backup is overdue: the last good one was 27 h ago;"),
        (
            {"status": {"finished": note(27 * HOUR)}, "failure": {"reason": "jira: no room"}},
            "backup is overdue: the last good one was 27 h ago; since then: jira: no room;",
        ),
        ({"offsite_damaged": "1"}, "copy off the machine copies are damaged;"),
        ({"archive": {"finished": note(19 * HOUR)}}, "backup with the log is overdue: "),
        ({"archive_gap": "0000000100000003"}, "log of the database has a gap: 0000000100000003;"),
        ({"waiting": f"{note(HOUR / 10)}.5"}, "log of the database has been waiting for 5 min to leave the"),
        (
            {
                "drill_copies": {
                    "ok": False,
                    "reason": "no answer",
                    "began": note(HOUR),
                    "good": note(8 * DAY),
                }
            },
            "drill of the copies failed: no answer; `make drill STACK=uat KIND=copies` makes one now",
        ),
        (
            {"drill_log": {"ok": True, "began": note(9 * DAY + HOUR), "good": note(9 * DAY + HOUR)}},
            "drill of the log is overdue: the last good one was 9 d ago; `make drill STACK=uat KIND=log`",
        ),
        (
            {"drill_log": {}, "drill_log_awaited": note(10 * DAY)},
            "drill of the log is overdue: there is none",
        ),
    ],
)
def test_what_is_overdue_or_failed_is_red_with_what_to_do(files: dict[str, object], said: str) -> None:
    (finding,) = Backups(notes(**{**WELL, **files}), VARIABLES, NOW).findings("uat")
    assert str(finding).startswith(said)
    assert "docs/runbook.md, " in finding.remedy


def test_a_stack_is_asked_only_for_what_it_keeps_and_what_it_has_not_yet_is_no_failure() -> None:
    backups = Backups("", {"BACKUPS": "/backups"}, NOW)
    assert [one.what for one in backups.all] == ["backup"]
    assert list(backups.findings("uat")) == []
    assert Backups("", {}, NOW).all == []


# ── services


def inspected(name: str, **changes: Any) -> dict[str, Any]:
    state = {
        "Status": "running",
        "StartedAt": "2026-11-28T11:55:00.123456789Z",
        "Health": {"Status": "healthy"},
    }
    return {
        "Id": f"id-{name}",
        "Name": f"/{name}",
        "Image": "sha256:1111",
        "RestartCount": changes.pop("restarts", 0),
        "State": {**state, **changes},
        "HostConfig": {"Memory": 320 << 20},
        "Config": {"Labels": {"jira-plus-plus.service": "api"}},
    }


GIVEN = {
    "last_good": {"api": f"x/api:1.1.0@sha256:{'a' * 64}"},
    "releases": [
        {"images": {"api": f"x/api:1.1.0@sha256:{'a' * 64}"}},
        {"images": {"api": f"x/api:1.0.0@sha256:{'b' * 64}"}},
    ],
}


@pytest.mark.parametrize(
    ("digest", "image", "release"),
    [
        ("a", "1.1.0@aaaaaaaa", "last good"),
        ("b", "bbbbbbbbbbbb", "good, 1 before"),
        ("c", "cccccccccccc", STRANGE),
    ],
)
def test_an_image_of_the_application_is_told_by_its_release(digest: str, image: str, release: str) -> None:
    known = digests(f'sha256:1111 ["x/api@sha256:{digest * 64}"]\nsha256:2222 null\nno line of ours')
    services = Services([inspected("api-1")], known, {"id-api-1": 100 << 20}, GIVEN, {"api": "api-1"})
    (one,) = services.all
    assert (one.image, one.release, one.memory_mb, one.limit_mb) == (image, release, 100, 320)
    findings = list(services.findings("uat", NOW))
    assert bool(findings) == (release != "last good" and release == STRANGE)
    assert all("make releases STACK=uat" in finding.remedy for finding in findings)


def test_what_restarts_again_and_again_is_red_though_it_is_healthy_now() -> None:
    found = [inspected("api-1", restarts=3)]
    (finding,) = Services(found, {}, {}, {}, {"api": "api-1"}).findings("uat", NOW)
    assert finding.state == "was restarted 3 times, the last time at 11:55 UTC"
    old = Services(found, {}, {}, {}, {"api": "api-1"})
    assert list(old.findings("uat", NOW + HOUR)) == []


def test_what_runs_beside_those_that_are_wanted_is_shown_and_what_is_missing_too() -> None:
    found = [inspected("api-2"), inspected("api-1"), inspected("api-0", Status="exited")]
    services = Services(found, {}, {}, {}, {"api": "api-2", "web": "web-1"})
    assert [(one.container, one.state) for one in services.all] == [
        ("api-2", "running"),
        ("web-1", "missing"),
        ("api-1", "running"),
    ]


# ── machine, alerts

MACHINE = """\
now 1795867260
cores 2
load 0.50 0.40 0.30 2/300 4711
uptime 90000.00 170000.00
MemTotal 4000000
MemAvailable 2000000
SwapTotal 2097148
SwapFree 2000000
"""
DISKS = "/dev/sda1 40000000 10000000 30000000 25% /\n/dev/sdb 10000000 9500000 500000 95% /mnt/data\n"


def test_a_disk_that_is_nearly_full_is_red_and_memory_load_and_reboot_are_told() -> None:
    machine = Machine.of(f"{MACHINE}reboot linux-image-6.12\n", DISKS, 1795867259.6)
    (finding,) = machine.findings()
    assert str(finding) == ("disk /mnt/data is full to 95 %, 488 MB are free; docs/runbook.md, A full disk")
    assert (machine.load, machine.cores, machine.up_seconds) == ((0.5, 0.4, 0.3), 2, 90000)
    assert (machine.memory_mb, machine.available_mb, machine.swap_used_mb) == (3906, 1953, 94)
    assert (machine.reboot, machine.clock_ahead_seconds) == ("linux-image-6.12", 0.4)


@pytest.mark.parametrize(
    ("more", "now", "said"),
    [
        ("MemAvailable 100000\n", 1795867260.0, "memory is used up: 97 of 3906 MB are to be had"),
        (
            "failed nginx.service\n",
            1795867260.0,
            "nginx.service has failed; `systemctl status nginx.service`",
        ),
        ("", 1795867260.0 - 90, "clock differs from this machine's by 90 s"),
    ],
)
def test_what_is_about_to_stop_the_stack_is_red(more: str, now: float, said: str) -> None:
    (finding,) = Machine.of(MACHINE + more, "", now).findings()
    assert str(finding).startswith(said)


def test_a_machine_that_tells_nothing_of_itself_is_no_failure() -> None:
    """Docker Desktop's: this machine has no /proc."""
    machine = Machine.of("", "", 0)
    assert (machine.memory_mb, machine.load, machine.disks, list(machine.findings())) == (None, (), (), [])


ALERT = {
    "labels": {"alertname": "NoBackup", "severity": "page", "stack": "uat"},
    "annotations": {"summary": "uat has no backup since 30 h", "runbook": "no-backup", "command": "ssh 'df'"},
    "startsAt": "2026-11-28T10:00:00.000Z",
    "status": {"state": "active"},
}


def test_an_alert_that_fires_is_red_unless_it_is_silenced_or_always_fires() -> None:
    silenced = ALERT | {"labels": {"alertname": "Muted"}, "status": {"state": "suppressed"}}
    always = ALERT | {"labels": {"alertname": "Watchdog", "severity": "none"}}
    alerts = Alerts.of(json.dumps([ALERT, silenced, always]))
    assert [one.name for one in alerts.firing] == ["NoBackup", "Muted"]
    (finding,) = alerts.findings("uat")
    assert str(finding) == (
        "NoBackup fires (page): uat has no backup since 30 h; `ssh 'df'` (docs/runbook.md#no-backup)"
    )


def test_without_monitoring_nothing_is_red_and_one_that_does_not_answer_is() -> None:
    off = Alerts.of(None)
    assert (off.monitored, list(off.findings("uat"))) == (False, [])
    (finding,) = Alerts.of("wget: can't connect to remote host: Connection refused").findings("uat")
    assert "does not tell which alerts fire: wget: can't connect" in str(finding)


@pytest.mark.parametrize(("seconds", "said"), [(-3, "0 s"), (59, "59 s"), (3600, "1 h"), (172800, "2 d")])
def test_an_age_is_told_in_the_largest_unit(seconds: float, said: str) -> None:
    assert age(seconds) == said


def test_moments_of_docker_and_of_dumps_are_read() -> None:
    at = datetime(2026, 11, 28, 2, 3, 4, tzinfo=UTC)
    assert moment("2026-11-28T02:03:04.123456789Z") == moment("2026-11-28T02:03:04Z") == at
    assert moment("2026-11-28T020304Z-scheduled") == at


# ── a stack that runs in this Docker


def deployment(folder: Path, stack: str, resources: list[dict[str, Any]], **host: Any) -> Any:
    file = folder / f"Pulumi.{stack}.yaml"
    file.write_text(yaml.safe_dump({"config": {"jira-plus-plus:host": {"kind": "local", **host}}}))
    return SimpleNamespace(
        stack=stack,
        project=folder,
        environment={},
        peek=lambda: {"resources": resources},
        way_in=nullcontext,
        knock=None,
    )


def state(stack: str, **outputs: Any) -> list[dict[str, Any]]:
    backup = {"name": f"jira-{stack}-backup", "envs": ["BACKUPS=/backups", "MAXIMUM_AGE_HOURS=26"]}
    return [
        {"type": "pulumi:pulumi:Stack", "urn": "stack", "outputs": outputs},
        {"type": "docker:index/container:Container", "urn": "urn::a::b::backup", "outputs": backup},
    ]


@pytest.fixture
def stack(built: Callable[..., dict[str, str]], client: docker.DockerClient) -> Iterator[str]:
    """Two containers of one, of which the backup has made one an hour ago."""
    image, name = built("autoheal")["autoheal"], f"status-{uuid.uuid4().hex[:8]}"
    made = f"mkdir /backups; echo '{{\"finished\": {int(time.time()) - 3600}}}' >/backups/status.json"
    started = [
        client.containers.run(
            image,
            entrypoint=["sh", "-c", f"{command}; sleep 600 & wait"],
            name=f"jira-{name}-{service}",
            labels={"jira-plus-plus.stack": name, "jira-plus-plus.service": service},
            mem_limit="64m",
            network_mode="none",
            healthcheck={"test": ["NONE"]},
            detach=True,
        )
        for service, command in (("backup", made), ("web", "true"))
    ]
    yield name
    for container in started:
        container.remove(force=True, v=True)


def test_a_stack_of_this_docker_tells_its_services_and_when_it_was_backed_up(
    stack: str, tmp_path: Path
) -> None:
    containers = {service: f"jira-{stack}-{service}" for service in ("backup", "web", "api")}
    found = status(deployment(tmp_path, stack, state(stack, containers=containers)))
    assert [(str(one.name), one.state) for one in found.findings] == [(containers["api"], "is not there")]
    assert [(one.service, one.state, one.limit_mb) for one in found.services] == [
        ("backup", "running", 64),
        ("web", "running", 64),
        ("api", "missing", 0),
    ]
    assert all(one.memory_mb is not None for one in found.services if one.state == "running")
    assert [(one.what, one.overdue(found.at)) for one in found.backups] == [("backup", False)]
    assert found.document()["backups"][0]["age_hours"] == 1.0
    assert (found.machine.memory_mb or 0) > 0
    assert json.loads(json.dumps(found.document(), default=str))["well"] is False


def test_of_a_stack_half_deployed_what_is_there_is_told(stack: str, tmp_path: Path) -> None:
    found = status(deployment(tmp_path, stack, state(stack)))
    assert str(found.findings[0]) == (
        f"{stack} was not deployed to its end; `make deploy STACK={stack}` goes on from there"
    )
    assert {one.container for one in found.services} == {f"jira-{stack}-backup", f"jira-{stack}-web"}


def test_a_run_that_was_cut_off_is_red(stack: str, tmp_path: Path) -> None:
    containers = {"backup": f"jira-{stack}-backup"}
    asked = deployment(tmp_path, stack, [])
    asked.peek = lambda: {"resources": state(stack, containers=containers), "pending_operations": [{}]}
    (finding,) = status(asked).findings
    assert finding.state == "was left by a deploy that was cut off"


def test_the_page_has_what_is_red_first_and_fits(stack: str, tmp_path: Path) -> None:
    containers = {"web": f"jira-{stack}-web", "api": f"{'long-' * 30}name"}
    found = status(deployment(tmp_path, stack, state(stack, containers=containers)))
    lines = table(found).splitlines()
    assert lines[0].endswith("1 thing red")
    assert lines[2].startswith("RED  long-long-")
    assert max(map(len, lines)) <= WIDTH
    assert [line for line in lines if line.startswith("[")] == [
        "[service]",
        "[data]",
        "[machine]",
        "[alert]",
    ]


# ── a server, and what does not answer

SSH = """#!/bin/sh
for last; do :; done
exec sh -c "$last"
"""
SUDO = '#!/bin/sh\nshift\nexec "$@"\n'


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Path]:
    """Puts a program of ours before those of PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")

    def put(name: str, text: str) -> Path:
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
        return folder / name

    return put


@contextmanager
def listening() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield int(listener.getsockname()[1])


def test_a_docker_that_hangs_is_red_and_all_else_is_told(
    programs: Callable[[str, str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs("docker", "#!/bin/sh\nexec sleep 60\n")
    programs("sudo", SUDO)
    monkeypatch.setattr(module, "BACKUPS", str(tmp_path / "backups"))
    (tmp_path / "backups").mkdir()
    (tmp_path / "backups" / "status.json").write_text('{"finished": 1790000000}\n')
    ssh = programs("ssh", SSH)
    with listening() as port:
        words = f"{ssh} -p {port} deploy@127.0.0.1"
        given = state("uat", ssh=words, containers={"backup": "jira-uat-backup"})
        found = status(deployment(tmp_path, "uat", given, kind="hetzner"))
    assert found.findings[0].name == "Docker"
    assert "backup is overdue" in str(found.findings[-1])
    assert found.services == ()
    assert found.machine.disks
    assert "RED  Docker does not answer" in table(found)


def test_a_server_is_asked_over_one_connection(
    programs: Callable[[str, str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs("docker", "#!/bin/sh\nexit 0\n")
    programs("sudo", SUDO)
    monkeypatch.setattr(module, "BACKUPS", str(tmp_path))
    ssh = programs("ssh", f"#!/bin/sh\necho >>{tmp_path}/connections\n{SSH}")
    with listening() as port:
        given = state("uat", ssh=f"{ssh} -p {port} deploy@127.0.0.1", containers={})
        status(deployment(tmp_path, "uat", given, kind="hetzner"))
    assert (tmp_path / "connections").read_text() == "\n"


def test_where_the_port_is_shut_the_run_lets_itself_in_and_says_when_it_may_not(tmp_path: Path) -> None:
    asked = deployment(tmp_path, "uat", state("uat", ssh="ssh -p 9 deploy@127.0.0.1"), kind="hetzner")

    def shut() -> Any:
        raise DeploymentFailed("port 22 of the server is open to others", Journal())

    asked.way_in = shut
    with pytest.raises(NotAsked, match=r"deploy@127.0.0.1 does not answer by ssh: port 22 of the server"):
        status(asked)
    assert asked.knock("127.0.0.1") is False


def test_a_machine_that_does_not_answer_is_told_with_what_to_do(tmp_path: Path) -> None:
    given = state("uat", ssh="ssh -p 9 -o StrictHostKeyChecking=no deploy@127.0.0.1", containers={})
    with pytest.raises(
        NotAsked, match=r"cannot be asked: .*Connection refused; .*docs/runbook.md, The machine"
    ):
        status(deployment(tmp_path, "uat", given, kind="hetzner"))


def test_a_server_whose_deploy_did_not_come_to_outputs_is_found_by_its_address(tmp_path: Path) -> None:
    resources = [
        {"type": "pulumi:pulumi:Stack", "urn": "stack", "outputs": {}},
        {"type": "jira-plus-plus:host:Keys", "urn": "keys", "outputs": {"folder": "~/.ssh/x"}},
        {"type": "hcloud:index/server:Server", "urn": "server", "outputs": {"ipv4Address": "127.0.0.1"}},
    ]
    with pytest.raises(NotAsked, match=r"deploy@127.0.0.1 cannot be asked"):
        status(deployment(tmp_path, "uat", resources, kind="existing", address="127.0.0.1", ssh={"port": 9}))


@pytest.mark.parametrize("kind", ["local", "hetzner"])
def test_a_stack_that_is_not_up_has_nobody_to_ask(kind: str, tmp_path: Path) -> None:
    with pytest.raises(NotAsked, match="uat is not up: `make deploy STACK=uat`"):
        status(deployment(tmp_path, "uat", [], kind=kind))


@pytest.mark.parametrize(("red", "code"), [(False, 0), (True, 1), (None, 2)])
def test_the_exit_code_tells_whether_all_is_well(
    red: bool | None,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    machine = Machine.of(MACHINE, DISKS if red else "", 1795867260.0)
    found = Report("uat", NOW, tuple(machine.findings()), (), (), (), machine, Alerts(False))

    def asked(_: object) -> Report:
        if red is None:
            raise NotAsked("nobody is there")
        return found

    monkeypatch.setattr(__main__, "deployed", lambda *_: None)
    monkeypatch.setattr(__main__, "status", asked)
    for flags in ([], ["--json"]):
        monkeypatch.setattr(sys, "argv", ["status", "--stack", "uat", *flags])
        assert __main__.main() == code
    printed = capsys.readouterr()
    document = json.loads(printed.out.splitlines()[-1])
    assert (document["well"], document["reachable"]) == (code == 0, code != 2)
    assert ("nobody is there" in printed.err) == (code == 2)
