"""What the machine tells of a stack: the script itself, with a folder in place of /, and a made-up Docker."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from components.monitoring.host import UNIT, arguments
from rehearsal.declared.platform import commands, declare, declared
from rehearsal.declared.stacks import stack_settings
from rehearsal.receivers.door import Answer, Door, Request

SCRIPT = Path(__file__).parents[3] / "components" / "monitoring" / "host-metrics.sh"
API, POSTGRES, OLD = "a" * 64, "b" * 64, "c" * 64
IMAGE, UNPUBLISHED = f"sha256:{'d' * 64}", f"sha256:{'e' * 64}"
INSPECTED = f"""\
{API} /api-0a1b2c3 api true healthy 2 2026-11-29T00:00:00.123456789Z 41 268435456 5 {IMAGE}
{POSTGRES} /jira-uat-postgres postgres true unhealthy 0 2026-11-28T23:00:00Z 42 0 2 {UNPUBLISHED}
{OLD} /api-9z8y7x6 api false none 0 0001-01-01T00:00:00Z 0 268435456 5 {IMAGE}
"""
REACHED = INSPECTED.replace(f" 5 {IMAGE}\n", f" 5 {IMAGE} 127.0.0.1 10.0.0.9\n", 1)
"""The first of them on addresses."""
DOCKER = f"""\
case "$*" in
  ps*) [ ! -e "$BROKEN" ] || exit 1; printf '%s\\n' {API} {POSTGRES} {OLD} ;;
  'image inspect'*{IMAGE}) echo 'ghcr.io/example-org/api@{IMAGE} ' ;;
  'image inspect'*) exit 0 ;;
  inspect*) cat "$FAKE/inspected" ;;
esac
"""


class Machine:
    """A folder in place of /, and the programs that the script calls."""

    def __init__(self, folder: Path) -> None:
        self.root, self._bin = folder / "root", folder / "bin"
        self.text, self.data, self.backups = (folder / name for name in ("text", "data", "backups"))
        for path in (self._bin, self.text, self.data, self.backups, self.root / "run"):
            path.mkdir(parents=True)
        self._fake = folder
        (folder / "inspected").write_text(INSPECTED)
        self.write(
            "proc/net/dev",
            "Inter-|\n face |bytes\n  lo: 9 0 0 0 0 0 0 0 9 0\neth0:  1234 5 0 0 0 0 0 0 678 9 0\n",
        )
        self.program("docker", DOCKER)
        self.program("systemctl", "")
        self.program("sleep", "exit 7")  # after one round
        self.program("df", "printf '1B-blocks Avail Inodes IFree\\n100 40 10 5\\n200 50 20 8\\n'")

    def write(self, path: str, content: str) -> None:
        """A file below /."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content)

    def inspected(self, lines: str) -> None:
        """What Docker says of the containers."""
        (self._fake / "inspected").write_text(lines)

    def program(self, name: str, script: str) -> None:
        """A program that the script finds in place of the machine's."""
        target = self._bin / name
        target.write_text(f"#!/bin/sh\n{script}\n")
        target.chmod(0o755)

    def round(self, *words: str) -> subprocess.CompletedProcess[str]:
        """One round of the script."""
        return subprocess.run(
            [
                *("bash", str(SCRIPT), "--stack", "uat", "--folder", str(self.text)),
                *("--data", str(self.data), "--backups", str(self.backups)),
                *words,
            ],
            env={
                "PATH": f"{self._bin}:{os.environ['PATH']}",
                "ROOT": str(self.root),
                "FAKE": str(self._fake),
                "BROKEN": str(self._fake / "broken"),
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )

    def told(self, *words: str) -> dict[str, str]:
        """What one round writes: each series and its value."""
        done = self.round(*words)
        assert done.returncode == 7, done.stderr
        lines = [
            line
            for file in sorted(self.text.glob("*.prom"))
            for line in file.read_text().splitlines()
            if not line.startswith("#")
        ]
        return dict(line.rsplit(" ", 1) for line in lines)


class Ready(Door):
    """A server of `/ready` alone, with this status."""

    def __init__(self, status: int) -> None:
        super().__init__()
        self._status = status

    def answer(self, request: Request) -> Answer:
        return Answer(self._status if request.path == "/ready" else 404, "")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def of(service: str, container: str, id_: str) -> str:
    return f'service="{service}",container="{container}",id="{id_[:12]}"'


def test_of_each_container_is_told_how_it_is(machine: Machine) -> None:
    told = machine.told("--service", "api=5", "--service", "postgres=2", "--service", "web=1")
    api, old = of("api", "api-0a1b2c3", API), of("api", "api-9z8y7x6", OLD)
    postgres = of("postgres", "jira-uat-postgres", POSTGRES)
    assert told[f"jira_container_running{{{api}}}"] == "1"
    assert told[f"jira_container_healthy{{{api}}}"] == "1"
    assert told[f"jira_container_restarts_total{{{api}}}"] == "2"
    assert told[f"jira_container_start_time_seconds{{{api}}}"] == "1795910400"
    assert told[f"jira_container_memory_limit_bytes{{{api}}}"] == "268435456"
    assert told[f'jira_container_info{{{api},image="ghcr.io/example-org/api",digest="{IMAGE}"}}'] == "1"
    assert told[f'jira_container_info{{{postgres},image="none",digest="{UNPUBLISHED}"}}'] == "1"
    assert told[f"jira_container_healthy{{{postgres}}}"] == "0"
    assert told[f"jira_container_running{{{old}}}"] == "0"
    assert f"jira_container_start_time_seconds{{{old}}}" not in told, "it never started"


def test_a_service_is_well_if_one_of_its_containers_is_and_is_told_if_it_has_none(machine: Machine) -> None:
    told = machine.told("--service", "api=5", "--service", "postgres=2", "--service", "web=1")
    found = {
        service: (
            told[f'jira_service_running{{service="{service}"}}'],
            told[f'jira_service_healthy{{service="{service}"}}'],
        )
        for service in ("api", "postgres", "web")
    }
    assert found == {"api": ("1", "1"), "postgres": ("1", "0"), "web": ("0", "0")}


@pytest.mark.parametrize(("status", "ready"), [(200, "1"), (503, "0"), (404, "0")])
def test_what_is_not_ready_is_told_though_its_check_holds(machine: Machine, status: int, ready: str) -> None:
    machine.inspected(REACHED)
    with Ready(status) as door:
        told = machine.told("--service", "api=5", "--ready", f"api={urlsplit(door.url).port}/ready")
    assert told['jira_service_ready{service="api"}'] == ready
    assert told['jira_service_healthy{service="api"}'] == "1"


def test_what_does_not_answer_is_not_ready(machine: Machine) -> None:
    machine.inspected(REACHED)
    told = machine.told("--service", "api=5", "--ready", "api=9/ready", "--service", "web=1")
    assert told['jira_service_ready{service="api"}'] == "0"
    assert 'jira_service_ready{service="web"}' not in told, "which has nothing that it could miss"


def test_a_service_is_not_well_on_fewer_networks_than_it_is_to_have(machine: Machine) -> None:
    told = machine.told("--service", "api=6", "--service", "web=1")
    api = of("api", "api-0a1b2c3", API)
    assert told[f"jira_container_networks{{{api}}}"] == "5"
    assert told[f"jira_container_healthy{{{api}}}"] == "1", "as Docker has it"
    assert told['jira_service_healthy{service="api"}'] == "0"
    assert told['jira_service_running{service="api"}'] == "1"


@pytest.mark.parametrize("unified", [True, False])
def test_what_a_container_uses_is_read_from_its_control_group(machine: Machine, unified: bool) -> None:
    if unified:
        machine.write("sys/fs/cgroup/cgroup.controllers", "memory pids")
        machine.write("proc/41/cgroup", "0::/system.slice/docker-a.scope\n")
        group = "sys/fs/cgroup/system.slice/docker-a.scope"
        machine.write(f"{group}/memory.current", "5000\n")
        machine.write(f"{group}/memory.stat", "anon 1\nactive_file 7\ninactive_file 2000\n")
        machine.write(f"{group}/cpu.stat", "usage_usec 12345678\nuser_usec 1\n")
        machine.write(f"{group}/pids.current", "9\n")
    else:
        machine.write(
            "proc/41/cgroup", "9:name=systemd:/x\n8:pids:/d/a\n4:memory:/d/a\n2:cpu,cpuacct:/d/a\n0::/\n"
        )
        machine.write("sys/fs/cgroup/memory/d/a/memory.usage_in_bytes", "5000\n")
        machine.write("sys/fs/cgroup/memory/d/a/memory.stat", "inactive_file 1\ntotal_inactive_file 2000\n")
        machine.write("sys/fs/cgroup/cpuacct/d/a/cpuacct.usage", "12345678000\n")
        machine.write("sys/fs/cgroup/pids/d/a/pids.current", "9\n")
    told, api = machine.told(), of("api", "api-0a1b2c3", API)
    assert told[f"jira_container_memory_bytes{{{api}}}"] == "3000", (
        "the kernel takes the rest back at any time"
    )
    assert float(told[f"jira_container_cpu_seconds_total{{{api}}}"]) == pytest.approx(12.345678)
    assert told[f"jira_container_pids{{{api}}}"] == "9"
    postgres = of("postgres", "jira-uat-postgres", POSTGRES)
    assert f"jira_container_memory_bytes{{{postgres}}}" not in told, "its process ended between the two looks"


def test_kills_for_want_of_memory_are_counted_by_service(machine: Machine) -> None:
    machine.write("run/jira-plus-plus/ends", "oom api\ndie api\ndie web\ndie api\n")
    told = machine.told("--service", "api=5", "--service", "web=1", "--service", "worker=4")
    assert told['jira_container_oom_kills_total{service="api"}'] == "1"
    assert told['jira_container_deaths_total{service="api"}'] == "2"
    assert told['jira_container_oom_kills_total{service="web"}'] == "0"
    assert told['jira_container_deaths_total{service="worker"}'] == "0", (
        "a series that begins with 1 has no increase"
    )


def test_the_evidence_of_backups_is_told_for_the_kinds_that_the_stack_has(machine: Machine) -> None:
    kinds = ("dump", "copy", "archive")
    words = [word for kind in kinds for word in ("--backup", kind)]
    none = machine.told(*words)
    for kind in kinds:
        assert none[f'jira_backup_finished_timestamp_seconds{{kind="{kind}"}}'] == "0", "none was made yet"
        assert none[f'jira_backup_failed{{kind="{kind}"}}'] == "0"
    assert not [name for name in none if "masked" in name]

    def kept(file: str, **content: Any) -> None:
        (machine.backups / file).write_text(f"{json.dumps(content)}\n")

    kept("status.json", finished=1795910400, started=1795910390, stamp="x", kind="scheduled")
    kept("offsite.json", name="2026-11-29T010000Z-scheduled", bytes=5)
    kept("archive.json", full=1, diff=2, incr=3, finished=1795917600, label="x")
    kept("offsite-failure.json", at=1, reason="a bucket that is away")
    (machine.backups / "offsite-damaged").touch()
    (machine.backups / "archive-gap").touch()
    (machine.backups / "points").write_text("a 1795910401.5 7\nb 1795910402.5 7\n")
    ready = machine.data / "postgres/pg_wal/archive_status/000000010000000000000004.ready"
    ready.parent.mkdir(parents=True)
    ready.touch()
    os.utime(ready, (1795910400, 1795910400))
    told = machine.told(*words)
    assert told['jira_backup_finished_timestamp_seconds{kind="dump"}'] == "1795910400"
    assert told['jira_backup_finished_timestamp_seconds{kind="copy"}'] == "1795914000", (
        "of the dump that it is of"
    )
    assert told['jira_backup_finished_timestamp_seconds{kind="archive"}'] == "1795917600"
    assert told['jira_backup_failed{kind="copy"}'] == "1"
    assert told['jira_backup_failed{kind="dump"}'] == "0"
    assert (told["jira_backup_copies_damaged"], told["jira_wal_archive_gap"]) == ("1", "1")
    waits = int(told["jira_wal_archive_waiting_seconds"]) + 1795910400
    assert abs(waits - int(told["jira_host_evidence_timestamp_seconds"])) <= 2
    assert (told["jira_restore_points"], told["jira_restore_point_timestamp_seconds"]) == (
        "2",
        "1795910402.5",
    )


def test_a_log_that_does_not_wait_is_told_as_none(machine: Machine) -> None:
    assert machine.told("--backup", "archive")["jira_wal_archive_waiting_seconds"] == "0"


def test_drills_are_told_with_how_often_they_are_due(machine: Machine) -> None:
    words = ("--drill", "copies=604800", "--drill", "log=86400")
    (machine.backups / "drill-log.json").write_text(
        '{"kind": "log", "ok": false, "finished": 9, "good": 5, "rto_seconds": null, "rpo_seconds": 60}\n'
    )
    told = machine.told(*words)
    assert told['jira_drill_good{kind="log"}'] == "0"
    assert told['jira_drill_finished_timestamp_seconds{kind="log"}'] == "9"
    assert told['jira_drill_good_timestamp_seconds{kind="log"}'] == "5"
    assert told['jira_drill_rpo_seconds{kind="log"}'] == "60"
    assert 'jira_drill_rto_seconds{kind="log"}' not in told
    assert told['jira_drill_interval_seconds{kind="copies"}'] == "604800"
    assert told['jira_drill_finished_timestamp_seconds{kind="copies"}'] == "0"


def test_a_release_that_was_begun_and_not_found_good_can_be_told(machine: Machine) -> None:
    assert machine.told()["jira_release_good_timestamp_seconds"] == "0"
    (machine.data / "releases").write_text('{"when": "2026-11-29T00:00:00Z", "begun": "x", "images": {}}\n')
    (machine.data / "releases.begun").write_text("2026-11-29T01:00:00Z\n")
    told = machine.told()
    assert told["jira_release_good_timestamp_seconds"] == "1795910400"
    assert told["jira_release_begun_timestamp_seconds"] == "1795914000"


def test_since_when_each_secret_is_the_one_that_it_is_is_told(machine: Machine) -> None:
    """Where the note is not there yet: how old one may be, and nothing more."""
    assert machine.told("--secret-age", "60")["jira_secret_maximum_age_seconds"] == "60"
    (machine.data / "rotated").write_text(
        "admin 0a1b2c3d4e5f 2026-11-29T00:00:00Z\njira 5f4e3d2c1b0a 2026-11-29T02:00:00Z\n"
    )
    told = machine.told()
    assert {name: value for name, value in told.items() if "secret" in name} == {
        'jira_secret_changed_timestamp_seconds{secret="admin"}': "1795910400",
        'jira_secret_changed_timestamp_seconds{secret="jira"}': "1795917600",
    }
    assert not [line for line in told if "0a1b2c3d4e5f" in line], "its fingerprint is nobody's"


def test_what_the_system_says_of_itself_is_told(machine: Machine) -> None:
    units = "printf '%s\\n' 'a.service loaded failed failed A' 'b.timer loaded failed failed B'"
    booted = "echo 'Sun 2026-11-29 00:00:00 UTC'"
    machine.program("systemctl", f"case $1 in list-units) {units} ;; show) {booted} ;; esac")
    machine.write("run/systemd/timesync/x", "")
    told = machine.told()
    assert told["jira_host_boot_timestamp_seconds"] == "1795910400"
    assert told["jira_host_failed_units"] == "2"
    assert told['jira_host_unit_failed{unit="a.service"}'] == "1"
    assert told["jira_host_reboot_required"] == "0"
    assert told["jira_host_clock_synchronized"] == "0"
    assert told['jira_disk_available_bytes{disk="root"}'] == "40"
    assert told['jira_disk_size_bytes{disk="data"}'] == "200"
    assert told['jira_disk_files_free{disk="data"}'] == "8"
    assert told['jira_host_network_receive_bytes_total{device="eth0"}'] == "1234"
    assert told['jira_host_network_transmit_bytes_total{device="eth0"}'] == "678"
    assert not [name for name in told if 'device="lo"' in name]
    machine.write("run/systemd/timesync/synchronized", "")
    machine.write("run/reboot-required", "")
    told = machine.told()
    assert (told["jira_host_reboot_required"], told["jira_host_clock_synchronized"]) == ("1", "1")


def test_where_docker_does_not_answer_nothing_is_told_anew(machine: Machine, tmp_path: Path) -> None:
    """So that the moment of the last round is what shows it."""
    before = machine.told()["jira_host_metrics_timestamp_seconds"]
    (tmp_path / "broken").touch()
    assert machine.round().returncode == 1
    assert f"jira_host_metrics_timestamp_seconds {before}\n" in (machine.text / "containers.prom").read_text()


def test_a_series_of_each_name_stands_together_below_its_type(machine: Machine) -> None:
    """https://prometheus.io/docs/instrumenting/exposition_formats/"""
    machine.told("--service", "api=5")
    for file in machine.text.glob("*.prom"):
        seen: list[str] = []
        for line in file.read_text().splitlines():
            name = re.split(r"[ {]", line.removeprefix("# TYPE "))[0]
            if line.startswith("# TYPE "):
                assert name not in seen
                assert line.endswith(" counter") == name.endswith("_total")
                seen.append(name)
            else:
                assert name == seen[-1]
    assert not list(machine.text.glob(".*.new"))


def test_what_it_is_told_follows_from_the_settings() -> None:
    backup = stack_settings("prod").backup
    assert arguments("prod", "/mnt/data", backup, {"api": 5, "postgres": 2}, 2, {"api": "4000/ready"}) == [
        *("--stack", "prod", "--data", "/mnt/data", "--backups", "/srv/jira/backups"),
        *("--backup", "dump", "--backup", "copy", "--backup", "archive"),
        *("--drill", "copies=604800", "--drill", "log=604800"),
        *("--secret-age", "172800"),
        *("--service", "api=5", "--service", "postgres=2", "--ready", "api=4000/ready"),
    ]


def test_every_container_of_the_stack_has_to_run() -> None:
    for stack in ("uat", "prod"):
        command = str(commands(declared(stack))["node-exporter-host-installed"].inputs["create"])
        wanted = dict(re.findall(r"--service (\S+)=(\d+)", command))
        assert sorted(wanted) == sorted(declared(stack).result.containers)
        assert re.findall(r"--ready (\S+)", command) == ["api=4000/ready", "worker=4001/ready"]
        assert wanted["web"] == "1"
        assert wanted["postgres"] == ("1" if stack == "uat" else "2"), "prod's sends its log away"


def test_it_is_a_unit_of_the_machine_and_leaves_with_the_metrics() -> None:
    command = commands(declared("uat"))["node-exporter-host-installed"].inputs
    assert command["stdin"] == UNIT.text()
    assert command["delete"] == (
        "sudo systemctl disable --quiet --now jira-plus-plus-metrics.service; "
        "sudo rm -rf /usr/local/lib/jira-plus-plus/host-metrics.sh"
        " /etc/systemd/system/jira-plus-plus-metrics.service /srv/jira/metrics"
    )
    assert "node-exporter-host-installed" not in commands(declare("local", {"monitoring.enabled": True}))
