"""Where copies of the dumps go that are to survive the machine."""

from typing import Annotated

from pydantic import Field

from components.settings.bucket import Bucket
from components.settings.number import between
from components.settings.retention import Retention


class Offsite(Bucket):
    """A bucket of any service that speaks S3: Hetzner's Object Storage, Cloudflare's R2, others.

    The keys are the secrets `offsite_access_key` and `offsite_secret_key`; what is in the bucket is encrypted
    with `offsite_passphrase`, and is noise without it.
    """

    retention: Retention = Field(Retention(), description="how many copies stay")
    drill_days: Annotated[int, between(1, 90, "days")] = Field(
        7, description="days between two drills, which restore the newest copy in a place that is thrown away"
    )
