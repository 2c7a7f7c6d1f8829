"""`make restore`: databases as they were, in the place of what they are. At the server restore.sh does it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from components.services.postgres import DATABASES
from operations.confirmation import confirmed
from operations.deployment import Deployment
from operations.place import Place
from operations.restore.archive import archives, meant
from operations.restore.dumps import NoSource, Source, parse
from operations.restore.job import Job, JobFailed
from operations.summary import outputs

__all__ = ["JobFailed", "NoSource", "Restore", "Wish", "act"]

SCRIPT = Path(__file__).with_name("restore.sh")
SHARED = Path(__file__).with_name("server.sh")
"""What it sources."""
FOLLOWING = ("postgres-roles", "temporal-schema", "migration", "migration-record")
"""The program's own commands that bring a database to what the release that runs needs, by resource."""
TOGETHER = ("temporal", "temporal_visibility")
"""Temporal's server reads both, and one without the other tells it of workflows that never were."""


@dataclass(frozen=True)
class Wish:
    """What to restore."""

    source: str
    """`latest`, `before`, `former`, a dump's name, or a moment; empty: nothing, only tell what there is."""
    databases: tuple[str, ...] = ("jira",)
    into: str = ""
    """Beside what serves: the end of the new databases' names. Empty: in its place."""

    @classmethod
    def of(cls, source: str, database: str, into: str) -> Wish:
        """From the words of a command line: `database` may be `all`, or several with commas.

        Raises:
            NoSource: a word means nothing.
        """
        names = DATABASES if database == "all" else tuple(filter(None, database.split(",")))
        if not names or set(names) - set(DATABASES):
            raise NoSource(f"DATABASE: got {database}; must be all, or of {', '.join(DATABASES)} with commas")
        if into and not (into.isascii() and into.isalnum() and into.islower() and len(into) <= 30):
            raise NoSource(
                f"INTO: got {into}; must be a word of at most 30 small letters or digits: scratch, say"
            )
        if set(names) & set(TOGETHER) and not into:
            names = tuple(dict.fromkeys((*names, *TOGETHER)))
        return cls(source, names, into)


class Restore:
    """Of one stack, whose state says where its containers run and how they were made."""

    following: tuple[str, ...] = FOLLOWING

    def __init__(self, deployment: Deployment, say: Callable[[str], None] = print) -> None:
        self.say = say
        self.stack = deployment.stack
        self.recorded = deployment.environment.get("REHEARSAL_DOCKER") == "record"
        """Whether the containers are, and none runs."""
        self._resources = deployment.resources()
        given = outputs(self._resources)
        if "containers" not in given:
            raise NoSource(
                f"{self.stack} is not up: `make deploy STACK={self.stack}` makes what is restored into"
            )
        self.place = Place.of(given)
        self.job = Job(self.place, f"restore-{self.stack}", SCRIPT.name)

    def listing(self) -> str:
        """What there is to restore from, as `parse` and `archives` read it."""
        listed = self.place.run(_listing(self.stack))
        if "listed" not in listed:
            raise NoSource(
                f"the containers postgres and backup of {self.stack} do not run at {self.place.name}: "
                f"`make deploy STACK={self.stack}` starts them"
            )
        for wrong in re.findall(r"^no (?:copies|archive): (.*)$", listed, re.MULTILINE):
            self.say(f"what is off the machine cannot be listed, and is left out: {wrong}")
        return listed

    def plan(self, wish: Wish, source: Source) -> str:
        """In words, what will be done."""
        moment = f"{source.moment:%Y-%m-%d %H:%M:%S} UTC"
        hours, minutes = divmod(int((datetime.now(UTC) - source.moment).total_seconds()) // 60, 60)
        lines = [
            f"{self.stack}: {' and '.join(wish.databases)} as at {moment}, "
            f"{hours} h {minutes} min ago ({source.name})"
        ]
        if source.former:
            lines.append("  it is of a cluster that was here before this one")
        if source.target:
            end = "the end" if source.target == "newest" else "that moment"
            lines.append(
                "  the cluster is fetched from off the machine and replays its log up to "
                f"{end}, beside the dumps; it is dumped there and thrown away"
            )
        if source.away:
            size = sum(source.bytes[name] for name in wish.databases) / 2**20
            lines.append(f"  {size:.1f} MB are fetched from off the machine first")
        if not source.aside:
            lines.append("  it is restored beside what serves, and compared row by row with what was dumped")
        if wish.into:
            lines.append(
                f"  as {', '.join(f'{name}_{wish.into}' for name in wish.databases)}; nothing else is touched"
            )
        else:
            who = "Temporal, API" if set(wish.databases) & set(TOGETHER) else "API"
            lines += [
                f"  {who} and worker stop, names are exchanged, the release that runs migrates, all start",
                "  what is there now stays as before_<time>; if a step fails it is put back",
                f"  what was written after {moment} is then in before_<time> only",
            ]
        return "\n".join(lines)

    def run(self, wish: Wish, source: Source) -> None:
        """Does it, and says how it goes on.

        Raises:
            JobFailed: it was not done, and all is as it was, as far as the last lines do not say otherwise.
        """
        replayed = f"{source.cluster} {source.target}\n" if source.target else ""
        self._do(source.name, wish.into, wish.databases, {"moment": replayed})

    def _do(
        self, source: str, into: str, databases: Sequence[str], besides: Mapping[str, str] | None = None
    ) -> None:
        files = self._files() | {"moment": ""} | dict(besides or {})
        self.job.start(files, [self.stack, source, into, *databases])
        self.job.follow(self.say)

    def _files(self) -> dict[str, str]:
        commands = {
            str(resource["urn"]).rpartition("::")[2]: resource["inputs"].get("create")
            for resource in self._resources
            if resource["type"].startswith("command:") and not resource.get("delete")
        }
        if missing := [name for name in self.following if not commands.get(name)]:
            raise NoSource(
                f"{self.stack} was not deployed to its end ({', '.join(missing)}): `make deploy` first"
            )
        files = {name.removeprefix("postgres-"): commands[name] for name in self.following}
        scripts = {path.name: path.read_text(encoding="utf-8") for path in (SCRIPT, SHARED)}
        return {**scripts, **files}


def act(restore: Restore, wish: Wish, *, sure: bool) -> int:
    """What the command line asks for; its exit code."""
    if restore.recorded:
        restore.say("containers are recorded only, and none runs: there is nothing to restore from")
        return 0
    if restore.job.running():
        restore.say("a restore is under way; this is how it goes on")
        restore.job.follow(restore.say)
        return 0
    listing = restore.listing()
    sources, logs = parse(listing), archives(listing)
    if not wish.source:
        restore.say("\n".join(map(str, (*sources, *logs))) or "there is nothing to restore from yet")
        restore.say(f"\nmake restore STACK={restore.stack} FROM=latest|before|former|<name>|<moment>")
        return 0
    source = meant(sources, logs, wish.source, wish.databases)
    restore.say(restore.plan(wish, source))
    if not (sure or wish.into or confirmed(restore.stack, "restore")):
        restore.say("not restored")
        return 1
    restore.run(wish, source)
    return 0


def container(stack: str, service: str) -> str:
    """In a shell: the id of one that runs."""
    labels = f"stack={stack}", f"service={service}"
    ours = shlex.join(f"--filter=label=jira-plus-plus.{label}" for label in labels)
    return f"$(docker ps --quiet {ours} | head -n 1)"


def _listing(stack: str) -> str:
    """A shell command that prints what `parse` reads, and a last line."""
    find = r"find /backups -mindepth 2 -maxdepth 2 -name '*.dump' -printf '%P %s\n'"
    query = (
        "select datname || ' ' || pg_catalog.pg_database_size(oid) from pg_catalog.pg_database "
        r"where datname ~ '_before_\d{8}t\d{6}z$' "
        "union all select 'cluster ' || system_identifier from pg_catalog.pg_control_system()"
    )
    copies = (
        '[ -z "${RESTIC_REPOSITORY:-}" ] || bash /etc/jira/offsite.sh list 2>/tmp/offsite-list || '
        "sed -n 's/.*ERROR: /no copies: /p' /tmp/offsite-list"
    )
    log = (
        '[ -z "${ARCHIVE:-}" ] || { sed "s/^/point /" /backups/points 2>/dev/null || true; '
        "bash /etc/jira/archive.sh list >/tmp/archive 2>/tmp/archive-list && "
        "sed 's/^/archive /' /tmp/archive; } "
        "|| sed -n 's/.*ERROR: /no archive: /p' /tmp/archive-list"
    )
    postgres, backup = container(stack, "postgres"), container(stack, "backup")
    return (
        f"docker exec {backup} {find} && docker exec {postgres} "
        f"psql -XAtq -U postgres -d postgres -c {shlex.quote(query)} && docker exec {backup} "
        f"/bin/sh /run/jira/entrypoint.sh -- sh -c {shlex.quote(copies)} && "
        f"docker exec {backup} sh -c {shlex.quote(log)} && echo listed"
    )
