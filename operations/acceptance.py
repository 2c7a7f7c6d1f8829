"""What a stack has passed the playbook with, noted at its server, where any runner finds it.

A note says which images ran, by digest, and what of the checklist was shown with them.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from operations import stack_file
from operations.deployment import Deployment
from operations.notes import Notes
from operations.place import Place
from operations.releases import IMAGES, Images, same
from operations.summary import outputs

FILE = "playbook"
KEPT = 20
MAY_MISS = frozenset(
    {
        "A replaced server",
        "A new release migrates once, and the data are the same",
        "No request is lost during a release",
        "A workflow from before completes on the new worker",
        "The release before serves again, with the data",
    }
)
"""Of the checklist: what a real stack is spared unless it is asked for (`make playbook REPLACE_SERVER=1`), or
given the images for it (`NEW_API=…`). A rehearsed one shows it all."""


class Unnoted(Exception):
    """A run of the playbook cannot count for these images; the message says why."""


@dataclass(frozen=True)
class Acceptance:
    """A run of the playbook."""

    when: str
    """Its start, in UTC."""
    images: Images
    """References with digests, by their name in the stack file."""
    failed: Sequence[str]
    not_run: Sequence[str]

    @classmethod
    def of(cls, report: Mapping[str, Any]) -> Acceptance:
        """That of `playbook.json` (`tests/playbook/evidence.py`)."""
        outcomes = {str(entry["item"]): entry["outcome"] for entry in report["entries"]}
        return cls(
            str(report["when"]),
            report["images"],
            [item for item, outcome in outcomes.items() if outcome == "failed"],
            [item for item, outcome in outcomes.items() if outcome == "not run"],
        )

    @property
    def lacking(self) -> list[str]:
        """What stands between it and a passed playbook; empty: nothing."""
        missed = [item for item in self.not_run if item not in MAY_MISS]
        return [
            *(f"failed: {item}" for item in self.failed),
            *(f"not run: {item}" for item in missed),
        ]

    @property
    def spared(self) -> list[str]:
        """What was not run, and need not have been."""
        return [item for item in self.not_run if item in MAY_MISS]


class Acceptances:
    """Those of one stack, in a file at its server."""

    def __init__(self, stack: str, kind: str, given: Mapping[str, Any]) -> None:
        """`kind` is the setting `host.kind`, `given` the stack's outputs."""
        notes = Notes.of(stack, kind)
        self._file, self._sudo = f"{notes.folder}/{FILE}", notes.sudo
        self._given, self._place = given, Place.of(given)

    @classmethod
    def at(cls, deployment: Deployment) -> Acceptances:
        """Of a stack that is up; to be asked within its `way_in`."""
        given = outputs(deployment.resources())
        host = stack_file.section(deployment.project / f"Pulumi.{deployment.stack}.yaml", "host")
        return cls(deployment.stack, str(host.get("kind")), given)

    def read(self) -> list[Acceptance]:
        """The newest first.

        Raises:
            OSError, subprocess.SubprocessError: the server cannot be asked.
        """
        lines = self._place.run(f"{self._sudo}cat {shlex.quote(self._file)} 2>/dev/null").splitlines()
        return [Acceptance(**json.loads(line)) for line in lines]

    def note(self, acceptance: Acceptance) -> None:
        """Notes a run that has just ended.

        Raises:
            Unnoted: what runs is not what was recorded as good, or not what the playbook began with.
            OSError, subprocess.SubprocessError: the server cannot be asked.
        """
        good = self._given.get("last_good") or {}
        if not same(good, acceptance.images) or not _whole(good):
            raise Unnoted(
                "the playbook counts for no release: the stack's last good one has to be the same from its "
                "beginning to its end, and each image with a digest; deploy, then run it again"
            )
        if self._given.get("canary"):
            raise Unnoted(
                "the playbook counts for no release: a canary answered some of it; promote it or take it "
                "back (`make release` with CANARY=promote or CANARY=none), deploy, then run it again"
            )
        if strange := self._strange(good):
            raise Unnoted(
                f"the playbook counts for no release: {strange} is not the image that was recorded as good "
                "(its release failed, or it was changed by hand); deploy, then run it again"
            )
        entry = json.dumps(
            {
                "when": acceptance.when,
                "images": {name: good[name] for name in IMAGES},
                "failed": list(acceptance.failed),
                "not_run": list(acceptance.not_run),
            }
        )
        script = (
            'set -eu; mkdir -p "$(dirname "$1")"; touch "$1"; '
            '{ printf "%s\\n" "$2"; head -n "$3" "$1"; } >"$1.new"; mv "$1.new" "$1"; echo noted'
        )
        words = shlex.join(["sh", "-c", script, "sh", self._file, entry, str(KEPT - 1)])
        if self._place.run(f"{self._sudo}{words}").strip() != "noted":
            raise Unnoted(f"{self._file} at {self._place.name} cannot be written; look at its disk")

    def _strange(self, good: Images) -> str:
        """Which container runs another image than `good` names; empty: none."""
        for name in IMAGES:
            container = shlex.quote(self._given["containers"][name])
            digests = self._place.run(
                f"docker image inspect --format '{{{{json .RepoDigests}}}}' "
                f"\"$(docker inspect --format '{{{{.Image}}}}' {container})\""
            )
            if good[name].partition("@")[2] not in digests:
                return str(self._given["containers"][name])
        return ""


def _whole(images: Images) -> bool:
    return all("@sha256:" in images.get(name, "") for name in IMAGES)
