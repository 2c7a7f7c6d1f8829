"""Each bucket that the settings name, as its place: at a service of a human's, or in R2."""

import os
from collections.abc import Mapping

import pulumi

from components.buckets.place import Place
from components.clouds import accounts
from components.settings.backup import Backup


def places(
    name: str, backup: Backup, stack: str, opts: pulumi.ResourceOptions | None = None
) -> Mapping[str, Place]:
    """By what the names of its secrets begin with: `offsite`, `archive`, `masked`.

    Declares what R2 needs for those that name no endpoint.
    """
    config = pulumi.Config()
    found = {
        keys: Place(
            bucket.endpoint,
            bucket.bucket,
            bucket.region,
            bucket.certificate_authority,
            config.require_secret(f"{keys}_access_key"),
            config.require_secret(f"{keys}_secret_key"),
        )
        for _, keys, bucket in backup.named
        if bucket.endpoint
    }
    if backup.r2 is None:
        return found
    from components.buckets.r2 import R2Buckets, R2BucketsArgs

    made = R2Buckets(name, R2BucketsArgs(stack, backup, accounts(os.environ)), opts)
    return {**found, **made.places}
