"""Buckets in a Cloudflare account, and a key to each alone."""

import hashlib
import json
from dataclasses import dataclass

import pulumi

from components.buckets.existing import see_to
from components.buckets.place import Place
from components.clouds import Accounts
from components.clouds.cloudflare import AccountToken, R2Bucket
from components.settings.backup import Backup
from components.settings.bucket import Bucket
from components.settings.r2 import R2

# https://developers.cloudflare.com/r2/api/tokens/#permission-groups; their ids are the same in each account
# (https://developers.cloudflare.com/api/resources/accounts/subresources/tokens/subresources/permission_groups/).
WRITE = "2efd5506f9c8494dacb1fa10a3e7d5b6"
"""Workers R2 Storage Bucket Item Write: to read, write, list and delete the objects of a bucket."""
READ = "6a018a9f2fc74eb6b293b0c548f38b39"
"""Workers R2 Storage Bucket Item Read."""
# https://developers.cloudflare.com/r2/api/s3/api/#bucket-region; said, so that restic does not ask for it.
REGION = "us-east-1"
"""R2 takes it for its `auto`, as do services without regions."""


@dataclass(frozen=True)
class R2BucketsArgs:
    """`backup` has `r2`, and a bucket without an endpoint."""

    stack: str
    backup: Backup
    accounts: Accounts


class R2Buckets(pulumi.ComponentResource):
    """A bucket and a token for each that names no endpoint: `places`, by what its secrets would begin with.

    A bucket outlives the stack, for it holds the last copies: a destroy forgets it, and the next up takes
    over what has its name. The token ends with the stack; one that is replaced, after all have the new one.
    """

    def __init__(self, name: str, args: R2BucketsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("jira-plus-plus:buckets:R2", name, {}, opts)
        assert args.backup.r2 is not None
        self._settings, self._args = args.backup.r2, args
        self.places = {
            keys: self._place(f"{name}-{keys}", path, keys, bucket)
            for path, keys, bucket in args.backup.named
            if bucket.endpoint is None
        }
        self.register_outputs({})

    def _place(self, name: str, path: str, keys: str, bucket: Bucket) -> Place:
        settings, ours = self._settings, path != "backup.reset.masked"
        needed = [self._made(name, bucket)] if ours else []
        one = f"{settings.account_id}_{settings.jurisdiction}_{bucket.bucket}"
        token = AccountToken(
            f"{name}-key",
            account_id=settings.account_id,
            title=f"jira-plus-plus {self._args.stack} {keys}",
            permission=WRITE if ours else READ,
            resources=json.dumps(
                {f"com.cloudflare.edge.r2.bucket.{one}": "*"},
                separators=(",", ":"),  # as the API gives it back, or a refresh finds a difference
            ),
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=needed,
                # A day's use is no difference.
                ignore_changes=["lastUsedOn"],
            ),
        )
        # https://developers.cloudflare.com/r2/api/tokens/#get-s3-api-credentials-from-an-api-token
        access_key: pulumi.Output[str] = pulumi.Output.secret(token.id)
        return Place(
            self._args.accounts.r2 or settings.endpoint,
            bucket.bucket,
            REGION,
            bucket.certificate_authority,
            access_key,
            token.value.apply(lambda value: hashlib.sha256(value.encode()).hexdigest()),
        )

    def _made(self, name: str, bucket: Bucket) -> pulumi.Resource:
        settings = self._settings
        there = see_to(self._args.accounts.cloudflare, settings, bucket.bucket, pulumi.runtime.is_dry_run())
        return R2Bucket(
            name,
            account_id=settings.account_id,
            bucket=bucket.bucket,
            jurisdiction=settings.jurisdiction,
            opts=pulumi.ResourceOptions(
                parent=self,
                retain_on_delete=True,  # it holds what is left when all else is gone
                import_=identity(settings, bucket.bucket) if there else None,
            ),
        )


def identity(settings: R2, bucket: str) -> str:
    """Of a bucket, as the provider imports it."""
    return f"{settings.account_id}/{bucket}/{settings.jurisdiction}"
