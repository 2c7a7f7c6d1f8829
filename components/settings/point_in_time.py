"""Where the database's log goes, from which any moment can be had back."""

from typing import Annotated

from pydantic import Field

from components.settings.bucket import Bucket
from components.settings.number import between


class PointInTime(Bucket):
    """A bucket for the log and for backups of the whole cluster: another than that of `backup.offsite`.

    The keys are the secrets `archive_access_key` and `archive_secret_key`; what is in the bucket is encrypted
    with `archive_passphrase`, and is noise without it. The database's image is `images.postgres_archiving`.
    """

    keep_days: Annotated[int, between(1, 365)] = Field(
        14, description="any moment of so many days can be had back"
    )
    archive_seconds: Annotated[int, between(10, 3600)] = Field(
        60, description="what was committed longer ago is off the machine, while anything is written"
    )
    full_days: Annotated[int, between(1, 90)] = Field(7, description="days between two full backups")
    differential_hours: Annotated[int, between(1, 720)] = Field(
        24, description="hours between two backups of what changed since the last full one"
    )
    incremental_hours: Annotated[int, between(1, 720)] = Field(
        6, description="hours between two backups of what changed since the last one"
    )
    drill_days: Annotated[int, between(1, 90, "days")] = Field(
        7,
        description="days between two drills, which replay the log on the newest backup in a place that is "
        "thrown away",
    )
