"""The end of a release: what got the traffic is recorded as the last good one."""

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi

from components.reference import OURS
from components.services.site import Site

HERE = Path(__file__).parent
IMAGES = OURS
"""What makes a release: the application's own. Those of others come one by one, each with its way back."""
KEPT = 10


class Releases(pulumi.ComponentResource):
    """A record, once for each new set of `IMAGES` that got the traffic, and again on a new machine."""

    def __init__(
        self,
        name: str,
        site: Site,
        cutover: pulumi.Resource,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("jira-plus-plus:services:Releases", name, {}, opts)
        host = site.runtime.host
        child = pulumi.ResourceOptions(parent=self)
        images = pulumi.Output.all(**{image: site.images.pinned(image) for image in IMAGES})
        # Where one fails, the state has the record of the release before. That this one was begun makes the
        # way back a release again, which is recorded as any other.
        file = f"{host.data_path or host.files_root}/releases"
        # For who watches the machine: one that was begun and not recorded has failed, or is under way.
        noted = f" | {host.sudo}tee {file}.begun" if host.data_path else ""
        begun = host.run(
            f"{name}-begun",
            create=images.apply(
                lambda known: (
                    f": {shlex.join(known[image] for image in IMAGES)}; date -u +%Y-%m-%dT%H:%M:%SZ{noted}"
                )
            ),
            opts=child,
        )
        since = pulumi.Output.unsecret(begun.stdout)
        record = host.run(
            f"{name}-good",
            create=pulumi.Output.all(images, since).apply(
                lambda known: f"{host.sudo}{shlex.join(['sh', '-s', '--', file, str(KEPT), entry(*known)])}"
            ),
            stdin=(HERE / "releases.sh").read_text(encoding="utf-8"),
            # With data that outlive the stack stays which releases they have seen.
            delete=None if host.data_path else f"rm -f {shlex.quote(file)}",
            opts=pulumi.ResourceOptions(parent=self, depends_on=[cutover]),
        )
        self.last_good: pulumi.Output[dict[str, str]] = pulumi.Output.unsecret(
            pulumi.Output.all(images, record.stdout).apply(lambda known: dict(known[0]))
        )
        """References with digests, by the name of the image in the stack file."""
        self.good: pulumi.Output[list[dict[str, Any]]] = pulumi.Output.unsecret(
            record.stdout.apply(lambda written: list(json.loads(written or "[]")))
        )
        """`when` (UTC), `begun` and `images` of the last good ones, the newest first."""
        self.register_outputs({})


def entry(images: Mapping[str, str], begun: str) -> str:
    """What is recorded, in one line of JSON."""
    return json.dumps({"begun": begun, "images": {image: images[image] for image in IMAGES}})
