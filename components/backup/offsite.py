"""What the backup's container needs to copy dumps off the machine."""

from dataclasses import replace

import pulumi

from components.backup import scripts
from components.containers import Process
from components.containers.borrowed import Borrowed
from components.services.site import Site
from components.settings.offsite import Offsite

RESTIC = "/opt/restic"
CERTIFICATES = "/etc/ssl/certs"
AUTHORITY = "/etc/jira-offsite/authority.pem"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/postgresql/15/bin"
"""The image's own."""


def copied_away(
    process: Process, name: str, site: Site, settings: Offsite, opts: pulumi.ResourceOptions
) -> Process:
    """The process that copies dumps to a bucket as well; nobody but the schedule's has the keys."""
    # The image of Postgres has neither restic nor any authority's certificate.
    restic = Borrowed(
        f"{name}-restic",
        site.runtime,
        site.images["restic"],
        {"/usr/bin": RESTIC, CERTIFICATES: CERTIFICATES},
        opts,
    )
    config = pulumi.Config()
    authority = settings.certificate_authority
    return replace(
        process,
        entrypoint=("bash", f"{scripts.FOLDER}/with-copies.sh"),
        environment={
            **process.environment,
            **({"AWS_DEFAULT_REGION": settings.region} if settings.region else {}),
            **({"RESTIC_CACERT": AUTHORITY} if authority else {}),
            **settings.retention.variables("OFFSITE"),
            "PATH": f"{PATH}:{RESTIC}",
            # https://restic.readthedocs.io/en/stable/030_preparing_a_new_repo.html#s3-compatible-storage
            "RESTIC_REPOSITORY": f"s3:{settings.endpoint}/{settings.bucket}/{site.runtime.stack}",
        },
        secrets={
            **process.secrets,
            "AWS_ACCESS_KEY_ID": config.require_secret("offsite_access_key"),
            "AWS_SECRET_ACCESS_KEY": config.require_secret("offsite_secret_key"),
            "RESTIC_PASSWORD": config.require_secret("offsite_passphrase"),
        },
        files={
            **process.files,
            **scripts.OFFSITE,
            **({AUTHORITY: authority} if authority else {}),
        },
        networks=(*process.networks, "egress"),
        mounts=(*process.mounts, *restic.mounts),
    )
