"""What the backup's container needs to hand masked rows on, or to take them."""

from dataclasses import replace

import pulumi

from components.backup import scripts
from components.buckets import Place
from components.containers import Process
from components.settings.masked import Masked

AUTHORITY = "/etc/jira-masked/authority.pem"
RULES = "/etc/jira-masked/rules"
REPOSITORY = "masked"
"""In the bucket: whoever takes from it does not know the name of the stack."""


def handed_on(process: Process, settings: Masked, bucket: Place) -> Process:
    """The process that exports masked rows after each dump of the schedule's."""
    process = taken_from(process, bucket)
    return replace(
        process,
        entrypoint=("bash", f"{scripts.FOLDER}/with-copies.sh"),
        environment={**process.environment, "MASKED_RULES": RULES},
        files={**process.files, RULES: settings.lines()},
    )


def taken_from(process: Process, bucket: Place) -> Process:
    """The process that can be asked to fetch what was exported."""
    return replace(
        process,
        environment={
            **process.environment,
            **({"MASKED_REGION": bucket.region} if bucket.region else {}),
            **({"MASKED_AUTHORITY": AUTHORITY} if bucket.authority else {}),
            "MASKED_REPOSITORY": bucket.repository(REPOSITORY),
        },
        secrets={
            **process.secrets,
            "MASKED_ACCESS_KEY": bucket.access_key,
            "MASKED_SECRET_KEY": bucket.secret_key,
            "MASKED_PASSPHRASE": pulumi.Config().require_secret("masked_passphrase"),
        },
        files={**process.files, **({AUTHORITY: bucket.authority} if bucket.authority else {})},
    )
