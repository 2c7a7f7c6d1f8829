"""The end of a release: asked through the proxy by name, and then recorded as the last good one."""

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pulumi

from components.containers import Job, JobArgs, Process
from components.containers.limits import Limits
from components.edge.urls import urls
from components.services import application
from components.services.site import Site
from components.services.traefik import HTTP_PORT, HTTPS_PORT

HERE = Path(__file__).parent
IMAGES = ("api", "worker", "web")
"""What makes a release: the application's own. Those of others come one by one, each with its way back."""
KEPT = 10
PATHS = {"api": "/health", "web": "/"}
"""What is asked, of each name that is the application's."""
SECONDS = 60
"""A router needs a moment to learn of a container."""
ACME_SECONDS = 180
"""A name without a certificate is served to nobody, and an authority takes its time."""
SCRIPT = "/etc/jira/smoke-check.js"


class Releases(pulumi.ComponentResource):
    """A smoke check and a record, once for each new set of `IMAGES`, and again on a new machine.

    A changed name is asked, too, and a change of anything else runs neither. A check that fails fails the
    update, and the record stays.
    """

    def __init__(
        self,
        name: str,
        site: Site,
        after: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("jira-plus-plus:services:Releases", name, {}, opts)
        host = site.runtime.host
        child = pulumi.ResourceOptions(parent=self)
        images = pulumi.Output.all(**{image: site.images.pinned(image) for image in IMAGES})
        # Where one fails, the state has the check and record of the release before. That this one was begun
        # makes the way back a release again, which is checked as any other.
        begun = host.run(
            f"{name}-begun",
            create=images.apply(
                lambda known: f": {shlex.join(known[image] for image in IMAGES)}; date -u +%Y-%m-%dT%H:%M:%SZ"
            ),
            opts=child,
        )
        since = pulumi.Output.unsecret(begun.stdout)
        check = Job(
            f"{name}-smoke-check",
            JobArgs(process=smoke_check(site), triggers=(*map(site.images.__getitem__, IMAGES[1:]), since)),
            site.runtime,
            site.networks,
            child,
            depends_on=after,
        )
        file = f"{host.data_path or host.files_root}/releases"
        record = host.run(
            f"{name}-good",
            create=pulumi.Output.all(images, since).apply(
                lambda known: f"{host.sudo}{shlex.join(['sh', '-s', '--', file, str(KEPT), entry(*known)])}"
            ),
            stdin=(HERE / "releases.sh").read_text(encoding="utf-8"),
            # With data that outlive the stack stays which releases they have seen.
            delete=None if host.data_path else f"rm -f {shlex.quote(file)}",
            opts=pulumi.ResourceOptions(parent=self, depends_on=[check.resource]),
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


def smoke_check(site: Site) -> Process:
    """Asks the proxy from within, past Cloudflare and the firewall, which have not changed.

    It has nothing of the settings that is not asked for: a changed limit is no release.
    """
    tls = site.settings.tls.mode
    names = urls(site.settings.domain.host_names, tls, None)
    seconds = ACME_SECONDS if tls == "dns-01" else SECONDS
    return Process(
        image=site.images["api"],  # it has node, and the application's image is on the machine for sure
        user=application.USER,
        entrypoint=("node", SCRIPT),
        arguments=(
            f"{site.runtime.prefix}-traefik",
            str(HTTP_PORT if tls == "none" else HTTPS_PORT),
            str(seconds),
            *(f"{names[purpose]}{path}" for purpose, path in PATHS.items()),
        ),
        files={SCRIPT: (HERE / "smoke-check.js").read_text(encoding="utf-8")},
        limits=Limits(memory_mb=96, cpus=0.5),
        networks=("edge-api",),
        timeout_seconds=seconds + 30,
    )
