"""The rules of the workflows, read from their files: who waits for whom, what a failure leaves to read."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".github" / "workflows"
WORKFLOWS: dict[str, dict[str, Any]] = {
    # YAML reads the key `on` as true.
    path.stem: {
        ("on" if key is True else key): value for key, value in yaml.safe_load(path.read_text()).items()
    }
    for path in FOLDER.glob("*.yml")
}
REVIEWED = re.compile(r"approve-")
"""Environments with required reviewers (README); they hold no secrets."""


def jobs() -> list[tuple[str, str, dict[str, Any]]]:
    return [(flow, name, job) for flow, it in WORKFLOWS.items() for name, job in it["jobs"].items()]


def groups() -> dict[str, list[tuple[str, dict[str, Any]]]]:
    """Concurrency groups to who is in them."""
    found: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    for flow, it in WORKFLOWS.items():
        for name, holder in (("", it), *it["jobs"].items()):
            if "concurrency" in holder:
                found.setdefault(holder["concurrency"]["group"], []).append((f"{flow}/{name}", holder))
    return found


def steps(flow: str, job: str) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = WORKFLOWS[flow]["jobs"][job]["steps"]
    return listed


def test_what_waits_for_a_stack_is_never_cancelled_by_what_comes_after() -> None:
    """infrastructure A5 (kody#1969): by default a group has one place to wait, and a third run empties it."""
    deploys = [
        holder for group, members in groups().items() if group.startswith("stack-") for _, holder in members
    ]
    assert deploys
    for holder in deploys:
        assert holder["concurrency"]["queue"] == "max"
        assert holder["concurrency"]["cancel-in-progress"] is False


def test_a_preview_shares_no_group_with_what_changes_a_stack() -> None:
    """infrastructure A5: a preview takes no lock, and a pull request must not stand in a deploy's way."""
    for group, members in groups().items():
        flows = {name.partition("/")[0] for name, _ in members}
        assert not ("preview" in flows and flows != {"preview"}), group
    assert [name for name, _ in groups()["stack-${{ inputs.stack }}"]] == ["up/"]
    assert not any(
        group.startswith("stack-") for group, found in groups().items() if found[0][0].startswith("preview")
    )


def test_a_waiting_approval_holds_no_group_that_others_wait_for() -> None:
    """infrastructure A5 (agenticos#1832, lms#4533): a run at the gate counts as running in its group."""
    gates = [
        (f"{flow}/{name}", job)
        for flow, name, job in jobs()
        if REVIEWED.match(str(job.get("environment", "")))
    ]
    assert [name for name, _ in gates] == ["deploy/approve"]
    for name, job in gates:
        assert "concurrency" not in WORKFLOWS[name.partition("/")[0]]
        assert job["concurrency"] == {"group": "approve-prod", "cancel-in-progress": True}, (
            "the newest merge takes the older one's place at the gate"
        )
        assert "secrets" not in str(job), "nothing is done at the gate"
    assert WORKFLOWS["deploy"]["jobs"]["prod"]["needs"] == "approve"


def test_nothing_that_starts_by_itself_but_a_deploy_asks_for_a_reviewer() -> None:
    """infrastructure A5 (ai-engineering-fluency#1726): 90 nightly runs that waited for a human."""
    for flow in ("drift", "recreate", "reset", "preview", "up"):
        for name, job in WORKFLOWS[flow]["jobs"].items():
            assert not REVIEWED.match(str(job.get("environment", ""))), f"{flow}/{name}"


def test_every_environment_of_the_workflows_is_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()
    named = {str(job["environment"]) for _, _, job in jobs() if "environment" in job}
    named = {re.sub(r"\$\{\{ [^}]+ \}\}", stack, name) for name in named for stack in ("uat", "prod")}
    for name in named:
        assert f"`{name}`" in readme, name


def test_whoever_calls_up_grants_what_it_needs() -> None:
    """infrastructure C1: without `actions: read` nobody learns whether the run that left a lock is over."""
    wanted = WORKFLOWS["up"]["jobs"]["up"]["permissions"]
    callers = [
        (flow, name, job) for flow, name, job in jobs() if str(job.get("uses", "")).endswith("/up.yml")
    ]
    assert len(callers) == 6
    for flow, name, job in callers:
        assert job["permissions"] == wanted, f"{flow}/{name}"


def script(job: str, word: str) -> str:
    """The one script of a job of `preview` that has the word."""
    (found,) = [step["run"] for step in steps("preview", job) if word in step.get("run", "")]
    return str(found)


@pytest.mark.parametrize(("kind", "made"), [("rehearsed", ".rehearsal"), ("real", ".pulumi-out")])
@pytest.mark.parametrize("written", [True, False])
def test_each_preview_has_its_part_of_the_comment_also_if_it_failed_before_it_could_write_one(
    kind: str, made: str, written: bool, tmp_path: Path
) -> None:
    """infrastructure D: with no file to copy the step failed, and the comment said nothing."""
    if written:
        (tmp_path / made / "uat").mkdir(parents=True)
        (tmp_path / made / "uat" / "preview.md").write_text("### Preview of `uat`\n\n> ❌ the reason\n")
    environment = {
        **os.environ,
        "STACK": "uat",
        "RUN": "https://github.example/runs/7",
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
    }
    subprocess.run(
        ["bash", "-e", "-c", script(kind, "GITHUB_STEP_SUMMARY")], cwd=tmp_path, env=environment, check=True
    )
    (part,) = tmp_path.glob("*.md")
    told = part.read_text()
    assert ("the reason" in told) is written
    assert ("https://github.example/runs/7" in told) is not written
    assert "review of" in told
    assert "uat" in told
    assert (tmp_path / "summary").read_text() == told


def test_a_comment_is_written_also_when_no_preview_came_out(tmp_path: Path) -> None:
    """infrastructure D: with all four failing, `ls previews/*.md` failed, too."""
    make = tmp_path / "bin" / "make"
    make.parent.mkdir()
    make.write_text('#!/bin/sh\nprintf "%s\\n" "$@" >made; cat previews/*.md >>made\n')
    make.chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{make.parent}:{os.environ['PATH']}",
        "PULL_REQUEST": "7",
        "RUN": "https://github.example/runs/7",
    }
    subprocess.run(
        ["bash", "-e", "-c", script("comment", "make comment")], cwd=tmp_path, env=environment, check=True
    )
    told = (tmp_path / "made").read_text()
    assert "FILES=previews/" in told
    assert "https://github.example/runs/7" in told


def test_the_steps_of_a_failed_preview_run_all_the_same() -> None:
    """infrastructure D."""
    for kind in ("rehearsed", "real"):
        after = [
            step for step in steps("preview", kind) if "GITHUB_STEP_SUMMARY" in str(step) or "with" in step
        ]
        for step in after[-2:]:
            assert step["if"] == "${{ !cancelled() }}"
    assert "!cancelled()" in WORKFLOWS["preview"]["jobs"]["comment"]["if"]


def test_a_reset_by_night_is_of_uat_alone_and_of_a_stack_that_wants_one() -> None:
    (job,) = WORKFLOWS["reset"]["jobs"].values()
    assert job["with"] == {"stack": "uat", "targets": "reset-if-set"}
    hours = [
        WORKFLOWS[flow]["on"]["schedule"][0]["cron"].split()[1::-1] for flow in ("recreate", "reset", "drift")
    ]
    assert hours == sorted(hours), "made anew, then filled, then looked at"


def test_no_script_has_an_expression_in_it() -> None:
    """What an expression gives becomes a part of the script; a variable stays text."""
    for flow, name, job in jobs():
        for step in job.get("steps", []):
            assert "${{" not in step.get("run", ""), f"{flow}/{name}"


REFERENCE = f"ghcr.io/example-org/jira-plus-plus-api:1.1.0@sha256:{'a' * 64}"


def asked(folder: Path, **given: str) -> tuple[int, str, str]:
    """Exit code, words and outputs of the first step of `release`, which looks at what it was given."""
    (step,) = steps("release", "asked")
    names = set(step["env"])
    assert names == {"STACK", "FROM", "API", "WORKER", "WEB"}
    outputs = folder / "outputs"
    outputs.write_text("")
    environment = {**os.environ, **dict.fromkeys(names, ""), **given, "GITHUB_OUTPUT": str(outputs)}
    done = subprocess.run(
        # GitHub's own words for `run:` on Linux
        ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", step["run"]],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, outputs.read_text()


def test_a_release_takes_images_or_a_stack_to_take_them_from(tmp_path: Path) -> None:
    assert asked(tmp_path, STACK="uat", API=REFERENCE, WEB=REFERENCE) == (
        0,
        "",
        f"stack=uat\nfrom=\napi={REFERENCE}\nworker=\nweb={REFERENCE}\n",
    )
    assert asked(tmp_path, STACK="prod", FROM="uat")[::2] == (
        0,
        "stack=prod\nfrom=uat\napi=\nworker=\nweb=\n",
    )


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"STACK": "local", "API": REFERENCE}, "stack: got 'local'; must be uat or prod"),
        ({"STACK": "uat\nweb=x", "API": REFERENCE}, "stack: got $'uat\\nweb=x'; must be"),
        ({"STACK": "uat", "API": "ghcr.io/x/api:1"}, "api: got 'ghcr.io/x/api:1'; must be <repository>"),
        ({"STACK": "uat", "WEB": f"{REFERENCE}\nstack=prod"}, "web: got $'ghcr.io"),
        ({"STACK": "uat", "WORKER": f"$(id)@sha256:{'a' * 64}"}, "worker: got '$(id)@sha256"),
        ({"STACK": "uat", "WORKER": f"';id;'@sha256:{'a' * 64}"}, "worker: got"),
        ({"STACK": "uat", "FROM": "uat"}, "from: got 'uat'; must be the other stack"),
        ({"STACK": "uat"}, "got no image; give api, worker and web, or from"),
        ({"STACK": "prod", "FROM": "uat", "API": REFERENCE}, "got images and from; give one of the two"),
    ],
)
def test_what_has_another_form_ends_a_release_before_anything_else_sees_it(
    given: dict[str, str], told: str, tmp_path: Path
) -> None:
    code, said, outputs = asked(tmp_path, **given)
    assert (code, outputs) == (1, "")
    assert said.startswith(f"::error::{told}")
    assert said.count("\n") == 1, "a line break in a value begins no command of its own"


def test_releases_of_a_stack_wait_for_each_other_and_none_is_dropped() -> None:
    write = WORKFLOWS["release"]["jobs"]["write"]
    assert write["concurrency"] == {
        "group": "release-${{ needs.asked.outputs.stack }}",
        "cancel-in-progress": False,
        "queue": "max",
    }
    assert write["permissions"] == {"contents": "write", "pull-requests": "write"}
    assert "secrets" not in str(WORKFLOWS["release"]["jobs"]["asked"]), "it looks at what a stranger may send"


def test_a_pull_request_of_a_release_gets_its_previews_and_a_commit_its_deploy() -> None:
    """What the token of a workflow does starts no other workflow."""
    made = WORKFLOWS["release"]["jobs"]
    given = made["preview"]["with"]
    assert set(given) == set(WORKFLOWS["preview"]["on"]["workflow_call"]["inputs"])
    assert all(value.startswith("${{ needs.write.outputs.") for value in given.values())
    (step,) = made["deploy"]["steps"]
    assert step["run"].startswith("gh workflow run deploy.yml ")
    assert "workflow_dispatch" in WORKFLOWS["deploy"]["on"]
    needed = {word for job in WORKFLOWS["preview"]["jobs"].values() for word in job["permissions"].items()}
    assert needed <= set(made["preview"]["permissions"].items()) | {("contents", "read")}


def test_the_images_of_a_delivery_are_text_to_make_and_its_shell(tmp_path: Path) -> None:
    """The target takes them as variables of its shell: `$(API)` would be a part of the script."""
    (recipe,) = re.findall(r"^deliver:.*\n\t@(.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert "$(" not in recipe
    assert recipe.count('"$${') == 4


@pytest.mark.parametrize(
    ("event", "typed", "goes_on"),
    [("workflow_dispatch", "uat", True), ("schedule", "", True), ("workflow_dispatch", "UAT\nuat", False)],
)
def test_uat_is_recreated_by_hand_where_its_name_is_typed(event: str, typed: str, goes_on: bool) -> None:
    (step,) = steps("recreate", "confirmed")
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", step["run"]],
        env={**os.environ, "EVENT": event, "CONFIRM": typed},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode == 0) is goes_on, done.stdout
    assert goes_on or done.stdout.startswith("::error::confirm: got $'UAT\\nuat'; nothing was deleted")
    made = WORKFLOWS["recreate"]["jobs"]["recreate"]
    assert made["needs"] == "confirmed"
    assert made["with"] == {"stack": "uat", "targets": "recreate"}
    assert WORKFLOWS["up"]["jobs"]["up"]["environment"] == "${{ inputs.stack }}"
