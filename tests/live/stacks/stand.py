"""A rehearsed stack in folders of its own, apart from the developer's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from operations.restore import Wish
from operations.summary import Timing
from rehearsal import project
from rehearsal.clean import clean
from rehearsal.run import Rehearsal
from tests.playbook.target import Target

ROOT = Path(__file__).resolve().parents[3]
UAT = project.merge(
    *(
        yaml.safe_load((ROOT / path).read_text())
        for path in ("Pulumi.uat.yaml", "rehearsal/overrides/uat.yaml")
    )
)
"""The stack file of UAT as it is rehearsed."""

_STORAGE = "https://nbg1.your-objectstorage.com"
LEAVING = {
    "offsite": {"endpoint": _STORAGE, "bucket": "copies-of-uat"},
    "point_in_time": {"endpoint": _STORAGE, "bucket": "log-of-uat"},
}
"""Of the section `backup`: copies and log leave the machine. A rehearsal has storage for any bucket named."""


class Stand:
    """The rehearsal of `stack`, whose file has these `sections`, with the checkout's program."""

    def __init__(self, folder: Path, stack: str, sections: Mapping[str, Any]) -> None:
        """`folder` is this stand's own."""
        self._checkout = folder / "checkout"
        self._checkout.mkdir()
        for name in ("__main__.py", "Pulumi.yaml", "requirements.txt", "components"):
            (self._checkout / name).symlink_to(ROOT / name)
        config = {f"jira-plus-plus:{name}": section for name, section in sections.items()}
        values = project.merge(UAT, {"config": config})
        self._stack_file = self._checkout / f"Pulumi.{stack}.yaml"
        self._stack_file.write_text(yaml.safe_dump(values, sort_keys=False))
        self.output: list[str] = []
        self.rehearsal = Rehearsal(self._checkout, stack, say=self.output.append, show=self.output.append)

    def change(self, section: str, **settings: Any) -> None:
        """Writes settings of a section into the stack file, for the next run."""
        values = yaml.safe_load(self._stack_file.read_text())
        values["config"][f"jira-plus-plus:{section}"] |= settings
        self._stack_file.write_text(yaml.safe_dump(values, sort_keys=False))

    def run(self, step: str) -> list[Timing]:
        """Runs a step; what was timed in it."""
        before = len(self.rehearsal.timings)
        self.rehearsal.run(step)
        return self.rehearsal.timings[before:]

    def restore(self, source: str, database: str = "jira") -> list[str]:
        """`make restore`; what it says."""
        said = len(self.output)
        self._run("restore", Wish.of(source, database, ""))
        return self.output[said:]

    def reset(self, source: str = "") -> None:
        """`make reset`."""
        self._run("reset", Wish(source))

    def _run(self, step: str, wish: Wish) -> None:
        self.rehearsal.wish = wish
        self.run(step)
        self.rehearsal.wish = Wish("")  # of one run: a later `recover` took this one's dump

    def target(self) -> Target:
        """The running stack, as its users and operators see it."""
        self.run("outputs")
        target = Target.load(self.rehearsal.stack, self.rehearsal.state / "outputs.json", None)
        return replace(target, connect=target.outputs["server_ipv4"])

    def close(self) -> None:
        """Takes down what is still up, and tells what was said."""
        print("\n".join(self.output[-300:]))
        clean(self._checkout, self.rehearsal.stack, say=print)
