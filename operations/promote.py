"""`make promote`: what one stack runs and was shown to be good there, into the file of another."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from operations import github
from operations.acceptance import Acceptance, Acceptances
from operations.at_server import told
from operations.deployed import deployed
from operations.deployment import Deployment
from operations.registry import NotThere
from operations.release import Release
from operations.releases import IMAGES, Images, running, same, short
from operations.summary import outputs

ROOT = Path(__file__).resolve().parents[1]
DESCRIPTION = """\
Takes the images that the stack FROM runs, which were recorded as good and with which it has passed the
playbook, looks whether they are in their registry and fit, writes them into the file of the stack TO, whose
comments stay, and shows what a deploy of it would do. It does not deploy. Without TO it says what could be
promoted.
"""


class NoPromotion(NotThere):
    """FROM has nothing that could be promoted; the message says what is missing, and the command for it."""


class Source:
    """The stack that images are taken from."""

    def __init__(
        self,
        deployment: Deployment,
        say: Callable[[str], None] = print,
        read: Callable[[], Sequence[Acceptance]] | None = None,
    ) -> None:
        """`read` tells which runs of the playbook were noted; by default its server does."""
        self._deployment, self._stack, self._say = deployment, deployment.stack, say
        self._read = read or self._ask

    def images(self, *, proven: bool = True) -> Images:
        """What may be promoted; `proven`: with a playbook that was passed.

        Raises:
            NoPromotion: nothing may.
        """
        stack, resources = self._stack, self._deployment.resources()
        good = outputs(resources).get("last_good") or {}
        if not good:
            raise NoPromotion(
                f"{stack} has no release that was found good; `make deploy STACK={stack}` makes one"
            )
        if without := [name for name in IMAGES if "@sha256:" not in good.get(name, "")]:
            raise NoPromotion(
                f"{stack}: no digest is known of {', '.join(without)}, and a tag may be another image "
                f"tomorrow; `make release STACK={stack}` with digests, and deploy it"
            )
        if not same(now := running(resources), good):
            raise NoPromotion(
                f"{stack} runs {_words(now)}, and what was last found good is {_words(good)}; correct the "
                f"release and `make deploy STACK={stack}`, or `make rollback STACK={stack}`"
            )
        if proven:
            passed = self._passed(good)
            spared = f", without: {'; '.join(passed.spared)}" if passed.spared else ""
            self._say(f"{stack} passed the playbook with these images ({passed.when}){spared}")
        else:
            self._say(f"whether {stack} passed the playbook with these images was not asked")
        return {name: good[name] for name in IMAGES}

    def _passed(self, good: Images) -> Acceptance:
        noted = list(self._read())
        fitting = [acceptance for acceptance in noted if same(acceptance.images, good)]
        remedy = f"`make playbook STACK={self._stack}`; or without it, in writing: PLAYBOOK=no"
        if not fitting:
            last = f" (the last run, {noted[0].when}, was with {_words(noted[0].images)})" if noted else ""
            raise NoPromotion(
                f"{self._stack} has not been through the playbook with {_words(good)}{last}; {remedy}"
            )
        if lacking := fitting[0].lacking:  # the newest counts: what passed once may fail by now
            raise NoPromotion(
                f"{self._stack} did not pass the playbook of {fitting[0].when} with {_words(good)}: "
                f"{'; '.join(lacking)}; mend that and run it again: {remedy}"
            )
        return fitting[0]

    def _ask(self) -> Sequence[Acceptance]:
        if self._deployment.environment.get("REHEARSAL_DOCKER") == "record":
            return []
        with self._deployment.way_in():
            return Acceptances.at(self._deployment).read()


def _words(images: Images) -> str:
    return ", ".join(f"{name} {short(images.get(name, '-'))}" for name in IMAGES)


def main() -> int:
    """Exit codes: 0 done, 1 not done, 130 interrupted."""
    parser = argparse.ArgumentParser(prog="python -m operations.promote", description=DESCRIPTION)
    parser.add_argument("--from", dest="source", required=True, help="the stack that has them, as a rule uat")
    parser.add_argument("--to", default="", help="the stack that gets them, as a rule prod")
    parser.add_argument(
        "--without-playbook", action="store_true", help="also what has not passed the playbook"
    )
    arguments = parser.parse_args()

    def work() -> int:
        if arguments.source == arguments.to:
            raise NoPromotion(f"TO: got {arguments.to}, which is FROM; name the stack that gets the images")
        source = Source(deployed(ROOT, arguments.source, among_others=True))
        images = source.images(proven=not arguments.without_playbook)
        if not arguments.to:
            print("\n".join(f"{name}={reference}" for name, reference in images.items()))
            github.tell(images)
            return 0
        release = Release(deployed(ROOT, arguments.to, among_others=True))
        print("\n".join(release.prepare(images)))
        release.show()
        return 0

    return told(work, NotThere, "the stack file may have the new images already; nothing was deployed")


if __name__ == "__main__":
    sys.exit(main())
