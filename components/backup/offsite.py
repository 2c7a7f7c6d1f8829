"""What the backup's container needs to copy dumps off the machine."""

from dataclasses import replace

import pulumi

from components.backup import scripts
from components.buckets import Place
from components.containers import Process
from components.services.postgres import ROLES
from components.services.site import Site
from components.settings.offsite import Offsite

AUTHORITY = "/etc/jira-offsite/authority.pem"


def copied_away(process: Process, site: Site, settings: Offsite, bucket: Place) -> Process:
    """The process that copies dumps to a bucket as well."""
    return replace(
        process,
        entrypoint=("bash", f"{scripts.FOLDER}/with-copies.sh"),
        environment={
            **process.environment,
            **({"AWS_DEFAULT_REGION": bucket.region} if bucket.region else {}),
            **({"RESTIC_CACERT": AUTHORITY} if bucket.authority else {}),
            **settings.retention.variables("OFFSITE"),
            "DRILL_COPIES_DAYS": str(settings.drill_days),
            "ROLES": " ".join(ROLES),
            "RESTIC_REPOSITORY": bucket.repository(site.runtime.stack),
        },
        secrets={
            **process.secrets,
            "AWS_ACCESS_KEY_ID": bucket.access_key,
            "AWS_SECRET_ACCESS_KEY": bucket.secret_key,
            "RESTIC_PASSWORD": pulumi.Config().require_secret("offsite_passphrase"),
        },
        files={**process.files, **({AUTHORITY: bucket.authority} if bucket.authority else {})},
    )
