"""What the backup's container needs to hand masked rows on, or to take them."""

from dataclasses import replace

import pulumi

from components.backup import scripts
from components.containers import Process
from components.settings.bucket import Bucket
from components.settings.masked import Masked

AUTHORITY = "/etc/jira-masked/authority.pem"
RULES = "/etc/jira-masked/rules"
REPOSITORY = "masked"
"""In the bucket: whoever takes from it does not know the name of the stack."""


def handed_on(process: Process, settings: Masked) -> Process:
    """The process that exports masked rows after each dump of the schedule's."""
    process = taken_from(process, settings)
    return replace(
        process,
        entrypoint=("bash", f"{scripts.FOLDER}/with-copies.sh"),
        environment={**process.environment, "MASKED_RULES": RULES},
        files={**process.files, RULES: settings.lines()},
    )


def taken_from(process: Process, bucket: Bucket) -> Process:
    """The process that can be asked to fetch what was exported."""
    config = pulumi.Config()
    authority = bucket.certificate_authority
    return replace(
        process,
        environment={
            **process.environment,
            **({"MASKED_REGION": bucket.region} if bucket.region else {}),
            **({"MASKED_AUTHORITY": AUTHORITY} if authority else {}),
            "MASKED_REPOSITORY": bucket.repository(REPOSITORY),
        },
        secrets={
            **process.secrets,
            "MASKED_ACCESS_KEY": config.require_secret("masked_access_key"),
            "MASKED_SECRET_KEY": config.require_secret("masked_secret_key"),
            "MASKED_PASSPHRASE": config.require_secret("masked_passphrase"),
        },
        files={**process.files, **({AUTHORITY: authority} if authority else {})},
    )
