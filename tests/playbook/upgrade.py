"""A release and the way back, as an operator does both, while people use the stack."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from operations import stack_file
from operations.checks import verify
from operations.deployed import deployed
from operations.deployment import Deployment
from operations.releases import IMAGES
from operations.rollback import Rollback
from rehearsal.run import Rehearsal

from .asking import Asked, asking
from .graphql import Api
from .rows import Rows, migrations
from .target import Target
from .waiting import seconds_until
from .wholeness import LIMIT, sql, whole

ROOT = Path(__file__).resolve().parents[2]
STEP_SECONDS = 60
TIMERS = range(STEP_SECONDS, 10 * STEP_SECONDS + 1, STEP_SECONDS)
"""Seconds: a workflow for each, so that one runs on whenever a release ends, and ends soon after that."""
BEFORE_SECONDS, AFTER_SECONDS = 2, 5
"""For which the stack is asked before a change, and after it."""
LEFT_BEHIND = {"003_due_dates.sql": "ALTER TABLE issues DROP COLUMN IF EXISTS due_on"}
"""What takes back the migration of the rehearsal's next release, which a rollback leaves."""


@dataclass
class Change:
    """A release, or the way back, and who used the stack meanwhile."""

    seconds: float = 0.0
    """Of the command."""
    asked: dict[str, Asked] = field(default_factory=dict)
    """By what was asked."""
    written: list[str] = field(default_factory=list)
    """The issues whose creation was acknowledged, by id."""

    @property
    def lost(self) -> list[str]:
        """What came in place of answers."""
        return [f"{what}: {error}" for what, asked in self.asked.items() for error in asked.errors]

    def rows(self, name: str) -> list[list[str]]:
        """Of a table: what was asked, how often, how many were lost, the slowest."""
        return [
            [f"{name}: {what}", str(len(asked.answers)), str(asked.lost), f"{asked.slowest:.2f} s"]
            for what, asked in self.asked.items()
        ]

    def missing(self, target: Target) -> set[str]:
        """Which of `written` the database does not have."""
        ids = ", ".join(["0", *self.written])
        return set(self.written) - set(sql(target, f"SELECT id FROM issues WHERE id IN ({ids})").split())


class Upgrade:
    """Of a stack that is up, with what there is before it: rows, migrations, images, workflows that wait."""

    def __init__(self, deployment: Deployment, target: Target, api: Api, again: bool = False) -> None:
        """`again`: whether the migration of an earlier run was taken back."""
        self._deployment, self._target, self._api, self.again = deployment, target, api, again
        self.file = deployment.project / f"Pulumi.{deployment.stack}.yaml"
        self.images = images_of(target)
        api.create("Must survive an upgrade")
        self.rows = Rows.now(target)
        self.digest = self.rows.digest(target)
        self.migrations = migrations(target)
        self.workflows: dict[str, str] = {}
        """The issue that each triages, by the workflow's id; in the order in which they end."""
        for delay in TIMERS:
            issue = api.create(f"Triage me after {delay} s")
            self.workflows[api.triage(issue, delay)] = issue
        seconds_until("the workflows run", lambda: all(map(self._running, self.workflows)), 30)
        clock = int(target.ssh("date +%s")) + 1
        self.moment = f"{datetime.fromtimestamp(clock, UTC):%Y-%m-%dT%H:%M:%SZ}"
        """All of it was begun before."""
        self.forth = self.back = Change()

    def go(self, wanted: Mapping[str, str]) -> None:
        """Deploys the images, as a user does: the stack file names them, then up."""
        stack_file.write_images(self.file, wanted)
        with self._used() as self.forth:
            self._deployment.up()
        stack = self._deployment.stack
        verify(stack, self._deployment.resources(), self._deployment.environment)

    def go_back(self) -> None:
        """`make rollback`."""
        with self._used() as self.back:
            assert Rollback(self._deployment).act("", sure=True)

    def completed(self) -> tuple[str, float]:
        """The first workflow that still runs, and the seconds until it has completed, with its effect."""
        running = next((workflow for workflow in self.workflows if self._running(workflow)), "")
        assert running, f"the release took more than {TIMERS[-1]} s: no workflow from before runs any more"
        took = seconds_until(
            f"{running} completes",
            lambda: self._api.workflow(running) == "COMPLETED",
            STEP_SECONDS + LIMIT,
        )
        assert (self._api.issue(self.workflows[running]) or {})["triagedAt"], "its effect is not there"
        return running, took

    def end(self) -> None:
        """Takes away the issues of workflows that still wait, which find nothing to do then.

        The rows of a later run are its own.
        """
        for workflow, issue in self.workflows.items():
            if self._running(workflow):
                self._api.run("mutation ($id: ID!) { deleteIssue(id: $id) }", id=issue)

    def _running(self, workflow: str) -> bool:
        return self._api.workflow(workflow) == "RUNNING"

    @contextmanager
    def _used(self) -> Iterator[Change]:
        """Within, people ask; `seconds` is what the block took."""
        change = Change()
        seconds_until("the stack is whole", lambda: whole(self._target), LIMIT)
        with ExitStack() as users:
            kept = Api(self._target, users.enter_context(self._target.http()))
            kept.token = self._api.token

            def page() -> None:
                with self._target.http() as client:
                    client.get(self._target.url("web")).raise_for_status()

            def create() -> None:
                with self._target.http() as client:
                    api = Api(self._target, client)
                    api.token = self._api.token
                    change.written.append(api.create("Created during a release"))

            def read() -> None:
                kept.run("{ issues(first: 20) { id title status } }")

            for what, question in {
                "the page, by new connections": page,
                "the list of issues, by one connection": read,
                "a new issue, by new connections": create,
            }.items():
                change.asked[what] = users.enter_context(asking(question))
            time.sleep(BEFORE_SECONDS)
            began = time.monotonic()
            yield change
            change.seconds = time.monotonic() - began
            time.sleep(AFTER_SECONDS)


@contextmanager
def standing(target: Target) -> Iterator[Deployment]:
    """The stack's deployment. Its file says afterwards what it said before, whatever was deployed."""
    with ExitStack() as run:
        if target.rehearsed:
            deployment = run.enter_context(Rehearsal(ROOT, target.stack).standing())
        else:
            deployment = deployed(ROOT, target.stack)
            run.enter_context(deployment.way_in(first=True))
        file = deployment.project / f"Pulumi.{deployment.stack}.yaml"
        text = file.read_text(encoding="utf-8")
        try:
            yield deployment
        finally:
            file.write_text(text, encoding="utf-8")


def take_back(target: Target, migration: str) -> bool:
    """Takes back the migration that an earlier run of the playbook has left; whether it had."""
    names = [entry.partition(" ")[0] for entry in migrations(target)]
    if migration not in names:
        return False
    sql(target, f"DELETE FROM migrations WHERE name = '{migration}'; {LEFT_BEHIND[migration]}")
    return True


def images_of(target: Target) -> dict[str, str]:
    """What each container of the application is made of: the id of the image."""
    containers = target.containers()
    return {
        name: target.ssh(f"docker inspect --format '{{{{.Image}}}}' {containers[name]}").strip()
        for name in IMAGES
    }


def others(target: Target, wanted: Mapping[str, str]) -> Sequence[str]:
    """Which of these images are not what runs, by the digests that Docker knows them by."""
    running = images_of(target)
    return [
        name
        for name, reference in wanted.items()
        if reference.partition("@")[2]
        not in target.ssh(f"docker image inspect --format '{{{{json .RepoDigests}}}}' {running[name]}")
    ]
