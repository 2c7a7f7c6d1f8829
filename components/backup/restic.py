"""restic for the backup's container, and what takes it: copies off the machine, masked rows."""

from dataclasses import replace

import pulumi

from components.backup import scripts
from components.backup.masked import handed_on, taken_from
from components.backup.offsite import copied_away
from components.containers import Process
from components.containers.borrowed import Borrowed
from components.services.site import Site
from components.settings.images import postgres_major

RESTIC = "/opt/restic"
CERTIFICATES = "/etc/ssl/certs"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/postgresql/{major}/bin"
"""The image's own, by its major version."""


def with_buckets(process: Process, name: str, site: Site, opts: pulumi.ResourceOptions) -> Process:
    """The process that does what the settings ask of buckets; nobody but the schedule's has their keys."""
    backup = site.settings.backup
    if not backup.buckets:
        return process
    # The image of Postgres has neither restic nor any authority's certificate.
    restic = Borrowed(
        f"{name}-restic",
        site.runtime,
        site.images["restic"],
        {"/usr/bin": RESTIC, CERTIFICATES: CERTIFICATES},
        opts,
    )
    path = PATH.format(major=postgres_major(site.images.tag(site.postgres_image)))
    process = replace(
        process,
        environment={**process.environment, "PATH": f"{path}:{RESTIC}"},
        files={**process.files, **scripts.BUCKETS},
        networks=(*process.networks, "egress"),
        mounts=(*process.mounts, *restic.mounts),
    )
    if backup.offsite:
        process = copied_away(process, site, backup.offsite, site.buckets["offsite"])
    if backup.masked:
        process = handed_on(process, backup.masked, site.buckets["masked"])
    if backup.reset and backup.reset.masked:
        process = taken_from(process, site.buckets["masked"])
    return process
