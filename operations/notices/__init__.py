"""Who is told of a run of a stack: that it has begun, and that it is done or has failed.

The run tells it itself, from where the engine has the secrets: before there is a machine, too. Nothing that
goes wrong here fails the run.
"""

from __future__ import annotations

import hashlib
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property

from pulumi.automation import CommandError

from components.host.folders import DATA
from operations import durations, stack_file
from operations.changes import SIGNS, changed, counts
from operations.deployment import PROJECT, Deployment
from operations.journal import Journal
from operations.notes import Notes
from operations.notices.channels import Channel, Mail, Slack, Untold, send
from operations.notices.notice import Notice, now, who
from operations.notices.untold import Here, Kept, There
from operations.notices.watchers import Watchers
from operations.place import Place, complaint
from operations.releases import IMAGES, running, same_image, short
from operations.state_folder import state_folder
from operations.summary import outputs

__all__ = ["Outcome", "Telling"]

ERROR_LINES = 8
NAMES = 12
"""Of changed resources."""


@dataclass
class Outcome:
    """What a run has come to, filled in by who runs it."""

    lines: list[str] = field(default_factory=list)
    journal: Journal | None = None
    state: str = "done"
    """`done`, `found` or `failed`; empty: nothing that anybody must hear of."""


class Telling:
    """Of one stack, whose stack file says who is told (`notifications`)."""

    def __init__(self, deployment: Deployment, say: Callable[[str], None] = print) -> None:
        self._deployment, self._say = deployment, say
        self._file = deployment.project / f"Pulumi.{deployment.stack}.yaml"
        self._settings = stack_file.section(self._file, "notifications")
        place = f"{deployment.environment.get('PULUMI_BACKEND_URL')} {deployment.stack}"
        digest = hashlib.sha256(place.encode()).hexdigest()[:16]
        self._here = Here(state_folder() / "untold" / digest)
        self._away: set[str] = set()
        """Channels that have just not taken something: what is kept for them waits for another run."""

    @property
    def on(self) -> bool:
        """Whether anybody is told."""
        return self._settings.get("slack") is True or bool(self._settings.get("email"))

    @contextmanager
    def of(self, what: str, *, begin: bool = True) -> Iterator[Outcome]:
        """Within, `what` is done: its begin is told where `begin` says so, then its end, or why it failed."""
        outcome, started = Outcome(), time.monotonic()
        if not self.on:
            yield outcome
            return
        self._make_up()
        if begin:
            self.tell(Notice(self._stack, what, "begun", "", (*self._who, *self._news()), now()))
        try:
            yield outcome
        except Exception as error:
            lines = [line for line in str(error).splitlines() if line.strip()]
            cut = ["…"] if len(lines) > ERROR_LINES else []
            told = (*self._who, *_summary(outcome), *lines[:ERROR_LINES], *cut)
            self.tell(Notice(self._stack, what, "failed", _after(started), told, now()))
            if self._here.read():
                self._hand_over()
            raise
        except BaseException:
            # Whoever interrupts does not wait.
            broken_off = Notice(self._stack, what, "failed", "(interrupted)", tuple(self._who), now())
            self._keep([(channel.name, broken_off) for channel in self._channels])
            raise
        if outcome.state:
            told = (*self._who, *_summary(outcome))
            self.tell(Notice(self._stack, what, outcome.state, _after(started), told, now()))
        self._hand_over()

    def tell(self, notice: Notice) -> None:
        """Tells all channels; what one does not take is said, and kept for a later run."""
        self._keep([kept for channel in self._channels if (kept := self._told(channel, notice))])

    def of_the_watchers(self) -> None:
        """Tells what autoheal and watchtower have to tell, of a server; to be called within its `way_in`."""
        if not self.on or self._kind not in DATA or self._recorded:
            return
        place = Place.of(outputs(self._deployment.resources()))
        watchers = Watchers(place, self._stack, DATA[self._kind])
        try:
            if news := watchers.news():
                self.tell(Notice(self._stack, "news of the watchers", "found", "", tuple(news), now()))
                watchers.told()
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            self._say(f"the watchers at {place.name} cannot be asked: {complaint(error)}")

    @property
    def _recorded(self) -> bool:
        """Whether the containers are, and none runs."""
        return self._deployment.environment.get("REHEARSAL_DOCKER") == "record"

    def _told(self, channel: Channel, notice: Notice, late: bool = False) -> Kept | None:
        try:
            send(channel, notice, late)
        except Untold as error:
            self._away.add(channel.name)
            if not late:
                self._say(
                    f"{channel.name} was not told that {notice.title} ({error}): a later run tells it; see "
                    "docs/runbook.md, Nobody was told"
                )
            return channel.name, notice
        self._away.discard(channel.name)
        return None

    def _make_up(self) -> None:
        """Tells what is kept here; of a channel that takes nothing only the first is tried."""
        try:
            self._here.write(self._left(self._here.read()))
        except OSError as error:
            self._say(f"what is kept of former runs cannot be told: {error}")

    def _left(self, kept: Sequence[Kept]) -> list[Kept]:
        left: list[Kept] = []
        told = 0
        by_name = {channel.name: channel for channel in self._channels}
        for name, notice in kept:
            if name not in by_name:
                continue  # whom nobody tells any more
            if name in self._away or self._told(by_name[name], notice, late=True):
                left.append((name, notice))
            else:
                told += 1
        if told:
            self._say(f"told late: {told} notice{'' if told == 1 else 's'} of former runs")
        return left

    def _keep(self, kept: Sequence[Kept]) -> None:
        if not kept:
            return
        try:
            self._here.write([*self._here.read(), *kept])
        except OSError as error:
            self._say(f"it cannot be kept for a later run either: {error}")

    def _hand_over(self) -> None:
        """What former runs could not tell is told; what cannot be now goes to where any runner finds it."""
        try:
            given = outputs(self._deployment.resources())
            if self._recorded or "containers" not in given:
                return
            there = There(Place.of(given), Notes.of(self._stack, self._kind))
            with self._deployment.way_in():
                kept, own = there.read(), self._here.read()
                left = [*self._left(kept), *own]
                if left != kept:
                    there.write(left)
                self._here.write([])
        except Exception as error:  # a run that is good stays so
            self._say(f"what could not be told stays on this machine: {complaint(error)}")

    @property
    def _stack(self) -> str:
        return self._deployment.stack

    @property
    def _kind(self) -> str:
        return str(stack_file.section(self._file, "host").get("kind"))

    @cached_property
    def _who(self) -> list[str]:
        return who(self._deployment.project)

    @cached_property
    def _channels(self) -> list[Channel]:
        found: list[Channel] = []
        mail = self._settings.get("email")
        if self._settings.get("slack") is True and (url := self._secret("slack_webhook")):
            found.append(Slack(url))
        if isinstance(mail, dict):  # of another kind the program refuses it
            found.append(Mail(mail, self._secret("smtp_password") if mail.get("username") else None))
        return found

    def _secret(self, name: str) -> str | None:
        """A secret of the stack file's, which the engine decrypts: in no argument, and in no other file."""
        try:
            return self._deployment.open().get_config(f"{PROJECT}:{name}").value or None
        except CommandError:
            self._say(f"nobody is told by it: the secret {name} cannot be read")
            return None

    def _news(self) -> list[str]:
        """Which images are other than those that run."""
        try:
            wanted = stack_file.images(self._file)
            run = running(self._deployment.resources())
        except (stack_file.Unwritable, CommandError):
            return []
        return [
            f"{name} {short(run[name]) if name in run else 'new'} → {short(wanted[name])}"
            for name in IMAGES
            if name in wanted and not same_image(wanted[name], run.get(name, ""))
        ]


def _after(started: float) -> str:
    return f"after {durations.clock(time.monotonic() - started)}"


def _summary(outcome: Outcome) -> list[str]:
    """What the run has changed, as the engine counted it, and the resources that it changed."""
    lines = list(outcome.lines)
    if journal := outcome.journal:
        names = [f"{SIGNS[step.op]} {step.name}" for step in changed(journal)]
        more = f", and {len(names) - NAMES} more" if len(names) > NAMES else ""
        lines += [counts(journal), *([", ".join(names[:NAMES]) + more] if names else [])]
        lines += [f"put back: {line}" for line in journal.put_back]
    return lines
