"""What the backup's container needs to copy dumps off the machine."""

from dataclasses import replace

import pulumi

from components.backup import scripts
from components.containers import Process
from components.services.postgres import ROLES
from components.services.site import Site
from components.settings.offsite import Offsite

AUTHORITY = "/etc/jira-offsite/authority.pem"


def copied_away(process: Process, site: Site, settings: Offsite) -> Process:
    """The process that copies dumps to a bucket as well."""
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
            "DRILL_DAYS": str(settings.drill_days),
            "ROLES": " ".join(ROLES),
            "RESTIC_REPOSITORY": settings.repository(site.runtime.stack),
        },
        secrets={
            **process.secrets,
            "AWS_ACCESS_KEY_ID": config.require_secret("offsite_access_key"),
            "AWS_SECRET_ACCESS_KEY": config.require_secret("offsite_secret_key"),
            "RESTIC_PASSWORD": config.require_secret("offsite_passphrase"),
        },
        files={**process.files, **({AUTHORITY: authority} if authority else {})},
    )
