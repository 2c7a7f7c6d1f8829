"""What is gathered from the engine's events."""

import json
from pathlib import Path
from typing import Any

from pulumi.automation import EngineEvent

from operations.journal import Failure, Intent, Journal

URN = "urn:pulumi:uat::p::hcloud:index/server:Server::server"
TYPE = "hcloud:index/server:Server"


def event(kind: str, **body: Any) -> EngineEvent:
    return EngineEvent.from_json({"sequence": 1, "timestamp": 2, kind: body})


def metadata(op: str, **more: Any) -> dict[str, Any]:
    return {"op": op, "urn": URN, "type": TYPE, "provider": "urn:…::default::id", **more}


def test_a_step_knows_what_changes_and_which_of_it_replaces() -> None:
    journal = Journal()
    journal.record(
        event(
            "resourcePreEvent",
            metadata=metadata(
                "replace",
                old={"urn": URN, "type": TYPE, "inputs": {"image": "debian-12"}},
                new={"urn": URN, "type": TYPE, "inputs": {"image": "debian-13"}},
                diffs=["image", "labels"],
                detailedDiff={"image": {"diffKind": "update-replace"}, "labels.a": {"diffKind": "add"}},
            ),
        )
    )
    (step,) = journal.steps
    assert step.op == "replace"
    assert step.name == "server"
    assert dict(step.changed) == {"image": "update-replace", "labels.a": "add"}, (
        "no second entry for `labels`"
    )
    assert (step.old["image"], step.new["image"]) == ("debian-12", "debian-13")


def test_a_creation_that_failed_is_kept_with_its_inputs() -> None:
    journal = Journal()
    new = {"urn": URN, "type": TYPE, "provider": "urn:p::1", "inputs": {"name": "jira-uat"}}
    journal.record(event("resOpFailedEvent", metadata=metadata("create", new=new), status=1, steps=1))
    journal.record(event("resOpFailedEvent", metadata=metadata("delete", old=new), status=1, steps=1))
    assert journal.failed == [Intent(URN, TYPE, {"name": "jira-uat"}, "urn:p::1")], (
        "a failed delete is no creation"
    )


def test_errors_lose_the_engines_colours_and_come_once() -> None:
    journal = Journal()
    for _ in range(2):
        journal.record(
            event(
                "diagnosticEvent",
                urn=URN,
                message="<{%reset%}>sold out<{%reset%}>\n",
                severity="error",
                color="x",
            )
        )
    journal.record(event("diagnosticEvent", message="careful", severity="warning", color="x"))
    assert journal.errors == [Failure(URN, "sold out")]
    assert journal.errors[0].type == TYPE
    assert journal.warnings == ["careful"]


def test_what_stays_the_same_is_no_change() -> None:
    journal = Journal()
    summary = {"create": 2, "same": 5, "delete": 0}
    journal.record(event("summaryEvent", resourceChanges=summary, durationSeconds=1, maybeCorrupt=False))
    assert journal.counts == {"create": 2, "same": 5}
    assert journal.changes == 2


def test_events_are_written_as_json_lines(tmp_path: Path) -> None:
    journal = Journal(file=tmp_path / "events" / "up.jsonl")
    journal.record(event("diagnosticEvent", message="careful", severity="warning", color="x"))
    journal.close()
    (line,) = (tmp_path / "events" / "up.jsonl").read_text().splitlines()
    assert json.loads(line)["diagnostic_event"]["message"] == "careful"


def test_what_was_is_looked_up_where_the_engine_says_and_a_set_lies_otherwise_in_the_outputs() -> None:
    journal = Journal()
    ping, ssh = {"port": "", "protocol": "icmp"}, {"port": "22", "protocol": "tcp"}
    journal.record(
        event(
            "resourcePreEvent",
            metadata=metadata(
                "update",
                old={
                    "urn": URN,
                    "type": TYPE,
                    "inputs": {"rules": [ssh, ping]},
                    "outputs": {"rules": [ping, ssh]},
                },
                new={"urn": URN, "type": TYPE, "inputs": {"rules": [ping]}},
                detailedDiff={
                    "rules[1]": {"diffKind": "delete", "inputDiff": False},
                    "rules[0]": {"diffKind": "update", "inputDiff": True},
                },
            ),
        )
    )
    (step,) = journal.steps
    assert step.before("rules[1]") == ssh, "one into the outputs"
    assert step.before("rules[0]") == ssh, "one into the inputs"
    assert step.after("rules[0]") == ping
