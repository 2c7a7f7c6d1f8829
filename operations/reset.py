"""`make reset`: the data of a stack anew, from the seed or from what another stack has exported masked."""

from __future__ import annotations

import argparse
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from components.services.postgres import DATABASES
from operations.at_server import told
from operations.confirmation import confirmed
from operations.deployed import deployed
from operations.deployment import PROJECT
from operations.restore import FOLLOWING, NoSource, Restore, container
from operations.restore.dumps import Source, parse

ROOT = Path(__file__).resolve().parents[1]
SEED, MASKED = "seed", "masked"
DESCRIPTION = """\
Throws the data of a stack away and makes them anew: where backup.reset allows it, and nowhere else. What was
there is set aside until the next reset; a step that fails puts it back.
"""


class Refused(NoSource):
    """This stack is not reset, or not from there; the message says why, and what would let it."""


def source_of(root: Path, stack: str, wanted: str) -> str | None:
    """`seed` or `masked`, as the stack file says, or as is `wanted`; None: this stack is not reset.

    Raises:
        Refused: it is protected, or has not what is wanted.
    """
    file = root / f"Pulumi.{stack}.yaml"
    if not file.exists():
        raise Refused(f"stack {stack}: there is no {file.name}")
    written = yaml.safe_load(file.read_text()) or {}
    config: dict[str, Any] = written.get("config") or {}
    host, backup, application = (
        config.get(f"{PROJECT}:{name}") or {} for name in ("host", "backup", "application")
    )
    if host.get("protected") or (host.get("volume") or {}).get("protected"):
        raise Refused(f"host.protected: {stack} is protected, and a reset throws its data away")
    if not (reset := backup.get("reset")):
        return None
    source = wanted or str(reset.get("source"))
    if source not in (SEED, MASKED):
        raise Refused(f"FROM: got {source}; must be {SEED} or {MASKED}")
    if source == MASKED and not reset.get("masked"):
        raise Refused(
            f"backup.reset.masked: got nothing; {stack} has no bucket of masked rows; "
            f"add its endpoint and bucket to Pulumi.{stack}.yaml, and deploy"
        )
    if source == SEED and not application.get("seed_data"):
        raise Refused(
            f"application.seed_data: got false; {stack} would be left empty; set it to true, and deploy"
        )
    return source


class Reset(Restore):
    """Of one stack: all databases, for a workflow of an issue that is gone would work on another one."""

    following = (*FOLLOWING, "temporal-namespace")

    def newest(self) -> Source:
        """The newest export.

        Raises:
            NoSource: there is none, or it cannot be asked for.
        """
        ask = "/bin/sh /run/jira/entrypoint.sh -- bash /etc/jira/masked.sh list"
        listed = self.place.run(f"docker exec {container(self.stack, 'backup')} {ask} 2>&1")
        found = parse(listed)
        if not found:
            wrong = re.search(r"ERROR: (.*)$", listed, re.MULTILINE)
            if wrong or "[]" not in listed:
                reason = wrong[1] if wrong else (listed.strip() or "it does not run").splitlines()[-1]
                raise NoSource(
                    f"the container backup of {self.stack} cannot list masked rows: {reason}; "
                    f"`make deploy STACK={self.stack}` gives it its bucket"
                )
            raise NoSource("nothing was exported to backup.reset.masked yet: see the stack that exports")
        return found[-1]

    def told(self, source: Source | None) -> str:
        """In words, what will be done; None: from the seed."""
        lines = []
        if source is None:
            lines.append(f"{self.stack}: all data anew, from the seed")
            lines.append("  empty databases are made; the release that runs migrates and fills them")
        else:
            hours = int((datetime.now(UTC) - source.moment).total_seconds()) // 3600
            size = sum(source.bytes.values()) / 2**20
            lines.append(
                f"{self.stack}: all data anew, from masked rows as at {source.moment:%Y-%m-%d %H:%M:%S} UTC, "
                f"{hours} h ago ({source.name}, {size:.1f} MB)"
            )
            lines.append(
                "  jira is restored beside what serves, compared with what was exported, and migrated"
            )
        lines += [
            "  Temporal begins empty: its workflows are of issues that go",
            "  what the reset before this one has set aside is dropped",
            "  what is there now stays as before_<time> until the next reset",
        ]
        return "\n".join(lines)

    def reset(self, source: Source | None) -> None:
        """Does it, and says how it goes on.

        Raises:
            JobFailed: it was not done, and all is as it was, as far as the last lines do not say otherwise.
        """
        self._do(source.name if source else SEED, "", DATABASES)


def act(reset: Reset, source: str, *, sure: bool) -> int:
    """What the command line asks for; its exit code."""
    if reset.recorded:
        reset.say("containers are recorded only, and none runs: there is nothing to reset")
        return 0
    if reset.job.running():
        reset.say("a reset or a restore is under way; this is how it goes on")
        reset.job.follow(reset.say)
        return 0
    export = reset.newest() if source == MASKED else None
    reset.say(reset.told(export))
    if not (sure or confirmed(reset.stack, "reset")):
        reset.say("not reset")
        return 1
    reset.reset(export)
    return 0


def main() -> int:
    """Exit codes: 0 done, 1 not done, 130 interrupted."""
    parser = argparse.ArgumentParser(prog="python -m operations.reset", description=DESCRIPTION)
    parser.add_argument("--stack", required=True, help="uat or local")
    parser.add_argument("--from", dest="source", default="", help="seed or masked; else as backup.reset says")
    parser.add_argument("--yes", action="store_true", help="do not ask for the stack's name")
    parser.add_argument("--if-set", action="store_true", help="a stack without backup.reset is no error")
    arguments = parser.parse_args()
    stack = arguments.stack

    def work() -> int:
        source = source_of(ROOT, stack, arguments.source)
        if source is None and arguments.if_set:
            print(f"{stack} has no backup.reset: nothing is reset")
            return 0
        if source is None:
            raise Refused(
                f"backup.reset: got nothing; {stack} is not to be reset; to allow it, add backup.reset with "
                f"source: seed or masked to Pulumi.{stack}.yaml, and deploy"
            )
        deployment = deployed(ROOT, stack)
        if protected := deployment.protected():
            raise Refused(f"{stack} was deployed with protection of {', '.join(sorted(protected))}")
        with deployment.way_in():
            return act(Reset(deployment), source, sure=arguments.yes)

    return told(work, NoSource, "what has begun at the server goes on there: the same command tells of it")


if __name__ == "__main__":
    sys.exit(main())
