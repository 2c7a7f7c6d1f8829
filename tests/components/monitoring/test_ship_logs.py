"""What brings the journal to the store of logs: each line once, as fields where it has any, and counted."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from components.monitoring import logs, ship_logs
from components.monitoring.ship_logs import level_in, said, service_of_unit, text_of
from rehearsal.declared.platform import commands, containers, declare, declared
from rehearsal.declared.stacks import REMOVE
from tests.components.monitoring.journal import API, Machine, cursor, entry, until

OWN = {"source": "container", "service": "api", "level": "error"}


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    machine = Machine(tmp_path, monkeypatch)
    thread = threading.Thread(target=machine.store.serve_forever, args=(0.02,))
    thread.start()
    yield machine
    machine.store.shutdown()
    machine.store.server_close()
    thread.join()


# ── what a line tells


def test_json_is_fields_and_what_a_program_calls_as_we_do_stays_its_own() -> None:
    text = json.dumps(
        {
            "level": "warn",
            "time": "2026-11-29T00:00:00Z",
            "service": "history",
            "request_id": "r-1",
            "seconds": 0.5,
            "nothing": None,
            "user": {"id": 7},
            "msg": "slow",
        }
    )
    assert said(text, OWN) == {
        "source": "container",
        "service": "api",
        "app.service": "history",
        "level": "warn",
        "_msg": "slow",
        "time": "2026-11-29T00:00:00Z",
        "request_id": "r-1",
        "seconds": 0.5,
        "user": {"id": 7},
    }


@pytest.mark.parametrize(
    ("line", "level"),
    [
        ({"level": "INFO"}, "info"),  # Alertmanager
        ({"level": 50}, "error"),  # pino's own
        ({"severity": "Critical"}, "fatal"),
        ({"lvl": "eror"}, "error"),
        ({"level": "odd"}, "info"),
        ({"text": "none"}, "info"),
    ],
)
def test_levels_of_json_are_six(line: dict[str, Any], level: str) -> None:
    found = said(json.dumps(line), OWN)
    assert found["level"] == level
    assert found.get("app.level") == ("odd" if line.get("level") == "odd" else None)


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("2026-11-29 00:00:00.123 UTC [7] LOG:  checkpoint starting", "info"),
        ("2026-11-29 00:00:00.123 UTC [7] ERROR:  deadlock detected", "error"),
        ("2026-11-29 00:00:00.123 UTC [7] STATEMENT:  select 'ERROR'", "info"),
        ("2026-11-29 00:00:00.123 UTC [7] FATAL:  too many connections", "fatal"),
        ("[WARNING]  (1) : Exiting Master process...", "warn"),
        ("time=2026-11-29 level=debug msg=x", "debug"),
        ("ERROR: no room", "error"),
        ("no ERRORS here, nor a TERROR", None),
        ("Error: connect ECONNREFUSED", None),
    ],
)
def test_a_line_of_text_tells_its_level_at_its_beginning(text: str, level: str | None) -> None:
    assert level_in(text) == level
    assert said(text, OWN) == {**OWN, "_msg": text, "level": level or "error"}, "else it is Docker's: stderr"


def test_a_request_at_the_proxy_has_a_message_a_level_and_its_number() -> None:
    access = {
        "RequestMethod": "GET",
        "RequestHost": "api.example.com",
        "RequestPath": "/graphql",
        "DownstreamStatus": 502,
        "request_Cf-Ray": "8f1-FRA",
        "level": "info",
        "msg": "",
    }
    found = said(json.dumps(access), OWN)
    assert found["_msg"] == "GET api.example.com/graphql 502"
    assert (found["level"], found["request_id"]) == ("error", "8f1-FRA")
    assert found["DownstreamStatus"] == 502
    found = said(json.dumps(access | {"request_X-Request-Id": "r-1", "DownstreamStatus": 200}), OWN)
    assert (found["level"], found["request_id"]) == ("info", "r-1"), "what the client sent comes first"


@pytest.mark.parametrize("text", ["{not json}", "[1, 2]", '{"a": 1} and more', "{", ""])
def test_what_is_no_json_object_is_text(text: str) -> None:
    assert said(text, OWN)["_msg"] == text


def test_json_without_a_message_is_found_by_its_words() -> None:
    assert said('{"event":"started"}', OWN)["_msg"] == '{"event":"started"}'


def test_json_with_more_fields_than_the_store_takes_is_text() -> None:
    text = json.dumps({f"f{number}": 1 for number in range(1001)})
    assert said(text, OWN) == {**OWN, "_msg": text}


def test_colours_are_no_text() -> None:
    assert said("\x1b[31mERROR\x1b[0m gone", OWN)["_msg"] == "ERROR gone"


@pytest.mark.parametrize(
    ("fields", "service", "unit"),
    [
        ({"_SYSTEMD_UNIT": "ssh.service"}, "ssh", "ssh.service"),
        ({"_SYSTEMD_UNIT": "getty@tty1.service"}, "getty", "getty@tty1.service"),
        ({"_SYSTEMD_UNIT": "init.scope", "UNIT": "docker.service"}, "docker", "docker.service"),
        ({"_SYSTEMD_UNIT": "session-7.scope", "SYSLOG_IDENTIFIER": "sudo"}, "sudo", "session-7.scope"),
        ({"_SYSTEMD_UNIT": "user@0.service", "SYSLOG_IDENTIFIER": "systemd"}, "systemd", "user@0.service"),
        ({"_TRANSPORT": "kernel", "SYSLOG_IDENTIFIER": "kernel"}, "kernel", ""),
        ({}, "machine", ""),
    ],
)
def test_what_the_machine_says_is_of_few_services(fields: dict[str, str], service: str, unit: str) -> None:
    assert service_of_unit(fields) == (service, unit)


def test_the_journal_writes_what_is_no_text_as_numbers_and_what_is_there_twice_as_a_list() -> None:
    assert [text_of(value) for value in ("a", [104, 255, 105], ["a", "b"], None, [])] == [
        "a",
        "h\ufffdi",
        "b",
        "",
        "",
    ]


# ── what arrives


def test_a_line_of_a_container_has_service_release_and_its_own_moment(machine: Machine) -> None:
    machine.say(entry(1, '{"level":"info","request_id":"r-1","msg":"request"}', **API))
    with machine.shipping():
        until(lambda: bool(machine.store.lines))
    (line,) = machine.store.lines
    host = line.pop("host")
    assert host
    assert line == {
        "_time": "1795910400000001000",
        "seq": 1,
        "level": "info",
        "service": "api",
        "source": "container",
        "container": "api-0a1b2c3",
        "container_id": "0123456789ab",
        "release": "sha256:feed",
        "image": "ghcr.io/example-org/api",
        "request_id": "r-1",
        "_msg": "request",
    }


def test_the_machines_own_lines_come_too_and_an_image_that_is_gone_has_its_id(machine: Machine) -> None:
    machine.say(
        entry(1, "hello", PRIORITY="4", SYSLOG_IDENTIFIER="deploy", _SYSTEMD_UNIT="session-1.scope"),
        entry(2, "bye", **(API | {"IMAGE_NAME": "sha256:gone"})),
        entry(3, "another's", CONTAINER_NAME="postgres", CONTAINER_TAG="0123456789ab"),
        entry(4, " "),
    )
    with machine.shipping():
        until(lambda: len(machine.store.lines) == 3)
    first, second, third = machine.store.lines
    assert (first["service"], first["source"], first["level"]) == ("deploy", "machine", "warn")
    assert (first["identifier"], first["unit"]) == ("deploy", "session-1.scope")
    assert second["release"] == "sha256:gone"
    assert third["service"] == "postgres"


def test_of_a_machine_that_is_shared_only_what_is_the_stacks_leaves_it(machine: Machine) -> None:
    machine.say(
        entry(1, "another's unit", _SYSTEMD_UNIT="ssh.service"),
        entry(2, "another's container", CONTAINER_NAME="postgres", CONTAINER_TAG="0123456789ab"),
        entry(3, "ours", **API),
        entry(4, "our unit", _SYSTEMD_UNIT="jira-plus-plus-revive.service"),
    )
    with machine.shipping(ours=True):
        until(lambda: len(machine.store.lines) == 2)
    assert machine.store.texts == ["ours", "our unit"]


def part(number: int, text: str, ordinal: int, *, last: bool = False, of: str = "p1") -> dict[str, Any]:
    """As Docker's journald driver cuts a line: daemon/logger/journald/journald.go."""
    more = {} if last else {"CONTAINER_PARTIAL_MESSAGE": "true"}
    numbers = {"CONTAINER_PARTIAL_ORDINAL": str(ordinal), "CONTAINER_PARTIAL_LAST": str(last).lower()}
    return entry(number, text, **API, CONTAINER_PARTIAL_ID=of, **numbers, **more)


def test_a_line_of_40000_characters_is_one_and_its_json_is_fields(machine: Machine) -> None:
    whole = json.dumps({"level": "info", "msg": "m" * 40000, "request_id": "long"})
    cut = [whole[begin : begin + 16384] for begin in range(0, len(whole), 16384)]
    machine.say(
        part(1, cut[0], 1),
        part(2, "another ", 1, of="p2"),
        part(3, cut[1], 2),
        entry(4, "between", **API),
        part(5, "line", 2, of="p2", last=True),
        part(6, cut[2], 3, last=True),
    )
    with machine.shipping():
        until(lambda: len(machine.store.lines) == 3)
    assert machine.store.texts == ["between", "another line", "m" * 40000]
    assert [line["request_id"] for line in machine.store.lines if "request_id" in line] == ["long"]


def test_a_line_that_is_too_long_for_the_store_comes_in_parts(machine: Machine) -> None:
    whole = "ä" * (ship_logs.CUT + 5)
    machine.say(entry(1, whole, **API))
    with machine.shipping():
        until(lambda: len(machine.store.lines) == 2)
    assert "".join(line["_msg"] for line in machine.store.lines) == whole
    assert [line["part"] for line in machine.store.lines] == [1, 2]
    assert 6 * ship_logs.CUT < logs.LINE_MB * 1024 * 1024, "JSON has six characters for one"


def test_what_a_container_said_last_and_did_not_end_comes_after_a_while(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ship_logs, "PART_SECONDS", 0.2)
    machine.say(part(1, "half a ", 1))
    with machine.shipping():
        until(lambda: machine.store.texts == ["half a "])


def test_half_a_line_is_read_again_after_a_restart(machine: Machine) -> None:
    machine.say(entry(1, "before", **API), part(2, "half a ", 1), entry(3, "between", **API))
    with machine.shipping():
        until(lambda: len(machine.store.lines) == 2)
        until(lambda: machine.position == cursor(1))
    machine.say(part(4, "line", 2, last=True))
    with machine.shipping():
        until(lambda: len(machine.store.lines) == 3)
    assert machine.store.texts == ["before", "between", "half a line"]


# ── each once


def lines(begin: int, end: int) -> list[dict[str, Any]]:
    return [entry(number, f"line {number}", **API) for number in range(begin, end)]


def expected(end: int) -> list[str]:
    return [f"line {number}" for number in range(1, end)]


def test_while_the_store_is_away_nothing_is_lost_and_it_is_said_once(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.stop()
    machine.say(*lines(1, 10))
    with machine.shipping():
        until(lambda: (machine.metrics / "logs.prom").exists())
        machine.say(*lines(10, 20))
        until(lambda: machine.told()["jira_logs_behind_seconds"] >= 0.3)
        assert machine.told()["jira_logs_store_reached"] == 0
        machine.start()
        until(lambda: len(machine.store.lines) == 19)
        until(lambda: machine.told()["jira_logs_behind_seconds"] < 0.3)
        assert machine.told()["jira_logs_store_reached"] == 1
    assert machine.store.texts == expected(20)
    assert machine.told()["jira_logs_shipped_lines_total"] == 19
    output = capsys.readouterr().out
    assert output.count("the store is away") == 1
    assert "the container jira-uat-logs does not run" in output
    assert output.count("the store is reached") == 1


@pytest.mark.parametrize("status", [429, 503])
def test_a_store_that_takes_nothing_now_is_waited_for(machine: Machine, status: int) -> None:
    answers = iter([status, status])
    machine.store.taken = lambda _: next(answers, 200)
    machine.say(*lines(1, 5))
    with machine.shipping():
        until(lambda: len(machine.store.lines) == 4)
    assert machine.store.texts == expected(5)


def test_what_was_taken_though_nobody_said_so_does_not_come_twice(machine: Machine) -> None:
    machine.say(*lines(1, 3))
    with machine.shipping():
        until(lambda: len(machine.store.lines) == 2)
        until(lambda: machine.position == cursor(2))
        answers = iter([0])
        machine.store.taken = lambda _: next(answers, 200)
        machine.say(*lines(3, 6))
        until(lambda: len(machine.store.lines) == 5)
        machine.say(*lines(6, 8))
        until(lambda: len(machine.store.lines) == 7)
    assert machine.store.texts == expected(8)
    assert any("seq:>" in query for query in machine.store.asked)


def test_a_restart_goes_on_where_it_was(machine: Machine) -> None:
    machine.say(*lines(1, 5))
    with machine.shipping():
        until(lambda: len(machine.store.lines) == 4)
    machine.say(*lines(5, 9))
    with machine.shipping():
        until(lambda: len(machine.store.lines) == 8)
    assert machine.store.texts == expected(9)
    assert machine.told()["jira_logs_shipped_lines_total"] == 8, "the counters go on, too"


def test_killed_in_its_first_seconds_it_does_not_begin_anew(machine: Machine) -> None:
    machine.say(*lines(1, 5))
    with machine.shipping():
        until(lambda: len(machine.store.lines) == 4)
        noted = (machine.state / "position.json").read_bytes()
        assert (json.loads(noted)["cursor"], json.loads(noted)["inclusive"]) == (cursor(1), True)
    (machine.state / "position.json").write_bytes(noted)
    del machine.store.lines[0]
    with machine.shipping():
        until(lambda: len(machine.store.lines) == 4)
    assert machine.store.texts == expected(5)


def test_killed_before_it_noted_how_far_it_was_it_asks_the_store(machine: Machine) -> None:
    machine.say(*lines(1, 5))
    with machine.shipping():
        until(lambda: len(machine.store.lines) == 4)
        until(lambda: machine.position == cursor(4))
    noted = (machine.state / "position.json").read_bytes()
    machine.say(*lines(5, 9))
    with machine.shipping():
        until(lambda: len(machine.store.lines) == 8)
    (machine.state / "position.json").write_bytes(noted)
    machine.say(*lines(9, 12))
    with machine.shipping():
        until(lambda: len(machine.store.lines) >= 11)
    assert machine.store.texts == expected(12)


def test_what_a_store_that_was_killed_had_in_its_memory_alone_comes_again(machine: Machine) -> None:
    machine.say(*lines(1, 5))
    with machine.shipping():
        until(lambda: len(machine.store.lines) == 4)
        until(lambda: machine.position == cursor(4))
        machine.say(*lines(5, 9))
        until(lambda: len(machine.store.lines) == 8)
        del machine.store.lines[6:]
        machine.start("2026-11-29T01:00:00Z")
        answers = iter([0])  # the connection of the former one is gone
        machine.store.taken = lambda _: next(answers, 200)
        machine.say(*lines(9, 11))
        until(lambda: len(machine.store.lines) == 10)
    assert machine.store.texts == expected(11)


def test_a_note_that_cannot_be_read_is_none(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    (machine.state / "position.json").write_text('{"cursor": "what')
    machine.say(*lines(1, 3))
    with machine.shipping():
        until(lambda: len(machine.store.lines) == 2)
    assert "the journal is read from its beginning" in capsys.readouterr().out


def test_a_burst_arrives_in_few_requests_to_the_line(machine: Machine) -> None:
    requests: list[int] = []

    def taken(lines: list[dict[str, Any]]) -> int:
        requests.append(len(lines))
        return 200

    machine.store.taken = taken
    machine.say(*lines(1, 5001))
    with machine.shipping():
        until(lambda: len(machine.store.lines) == 5000, 20)
    assert machine.store.texts == expected(5001)
    assert max(requests) <= ship_logs.BATCH_LINES
    assert len(requests) < 60


# ── what is lost


def lost(machine: Machine) -> dict[str, float]:
    told = machine.told()
    return {
        why: told[f'jira_logs_lost_lines_total{{reason="{why}"}}'] for why in ("journal", "rate", "store")
    }


def test_what_the_journal_lost_before_it_was_read_is_counted_to_the_line(machine: Machine) -> None:
    machine.say(*lines(1, 5))
    with machine.shipping():
        until(lambda: len(machine.store.lines) == 4)
        until(lambda: machine.position == cursor(4))
        assert lost(machine) == {"journal": 0, "rate": 0, "store": 0}, "a series must begin with none"
    machine.vacuum()
    machine.say(*lines(105, 108))
    with machine.shipping():
        until(lambda: len(machine.store.lines) == 7)
    assert lost(machine)["journal"] == 100
    machine.say(entry(2, "after a reboot", boot="b2", **API))
    assert lost(machine)["journal"] == 100


def test_a_boot_begins_to_count_anew(machine: Machine) -> None:
    machine.say(*lines(1, 3), entry(500, "after a reboot", boot="b2", **API))
    with machine.shipping():
        until(lambda: len(machine.store.lines) == 3)
    assert lost(machine)["journal"] == 0


def test_what_journald_left_out_is_counted_as_it_tells(machine: Machine) -> None:
    told = {"_TRANSPORT": "driver", "N_DROPPED": "77", "SYSLOG_IDENTIFIER": "systemd-journald"}
    machine.say(
        entry(1, "Suppressed 77 messages from docker.service", **told),
        entry(2, "not journald's", N_DROPPED="5", _TRANSPORT="journal"),
    )
    with machine.shipping():
        until(lambda: len(machine.store.lines) == 2)
    assert lost(machine) == {"journal": 0, "rate": 77, "store": 0}


def test_a_line_that_the_store_refuses_is_counted_and_holds_up_no_other(machine: Machine) -> None:
    machine.store.taken = lambda lines: 400 if any("line 7" in line["_msg"] for line in lines) else 200
    machine.say(*lines(1, 20))
    with machine.shipping():
        until(lambda: len(machine.store.lines) == 18)
    assert "line 7" not in machine.store.texts
    assert lost(machine) == {"journal": 0, "rate": 0, "store": 1}
    assert machine.told()["jira_logs_shipped_lines_total"] == 18


def test_its_metrics_are_as_text_for_prometheus_has_to_be(machine: Machine) -> None:
    machine.made()._tell()
    seen = []
    for line in (machine.metrics / "logs.prom").read_text().splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            assert (kind == "counter") == name.endswith("_total")
            seen.append(name)
        else:
            assert line.startswith(seen[-1])
    assert len(seen) == len(set(seen)) == 5
    assert [path.name for path in machine.metrics.iterdir()] == ["logs.prom"]


# ── where it is installed


def test_it_is_a_unit_of_the_machine_and_leaves_with_its_store() -> None:
    command = commands(declared("uat"))["logs-shipped"].inputs
    assert command["stdin"] == logs.UNIT.text()
    assert command["create"] == (
        "sudo sh -s -- /usr/local/lib/jira-plus-plus/ship_logs.py jira-plus-plus-logs.service"
        " 'Brings what the journal has to the store of logs' /srv/jira/metrics"
        " --prefix jira-uat- --store jira-uat-logs:9428 --state /var/lib/jira-plus-plus/logs"
    )
    assert command["delete"] == (
        "sudo systemctl disable --quiet --now jira-plus-plus-logs.service; "
        "sudo rm -rf /usr/local/lib/jira-plus-plus/ship_logs.py"
        " /etc/systemd/system/jira-plus-plus-logs.service"
        " /var/lib/jira-plus-plus/logs /srv/jira/metrics/logs.prom"
    )
    assert logs.words("jira-uat", shared=True)[-1] == "--ours"


def test_the_store_keeps_within_its_limits_and_leaves_the_database_its_disk() -> None:
    assert logs.arguments(128, 30, 2048) == (
        "-storageDataPath=/victoria-logs-data",
        "-retentionPeriod=30d",
        "-retention.maxDiskSpaceUsageBytes=2048MiB",
        "-storage.minFreeDiskSpaceBytes=1024MiB",
        "-memory.allowedBytes=51MiB",
        "-insert.maxLineSizeBytes=1MiB",
        "-search.maxConcurrentRequests=2",
        "-search.maxQueryDuration=20s",
        "-loggerFormat=json",
    )
    inputs = containers(declare("uat", {"monitoring": {"log_days": 7, "log_disk_mb": 500}}))["logs"].inputs
    assert {"-retentionPeriod=7d", "-retention.maxDiskSpaceUsageBytes=500MiB"} <= set(inputs["command"])
    (data,) = [mount for mount in inputs["mounts"] if not mount["readOnly"]]
    assert (data["source"], data["target"]) == ("/mnt/data/logs", "/victoria-logs-data")


@pytest.mark.parametrize(
    ("stack", "changes"),
    [
        ("uat", {"monitoring": {"logs": False}}),
        ("uat", {"monitoring": {"enabled": False}, "domain.metrics": REMOVE}),
        ("local", {"monitoring": {"enabled": True}}),
    ],
)
def test_where_logs_are_not_kept_nothing_of_them_is_there(stack: str, changes: dict[str, Any]) -> None:
    off = declare(stack, changes)
    assert not [r.name for r in off.resources if r.name == "image-logs" or r.name.split("-")[0] == "logs"]
    dynamic = [c for name, c in commands(off).items() if name == "traefik-dynamic"]
    assert "logs:9428" not in json.dumps([c.inputs["create"] for c in dynamic])
