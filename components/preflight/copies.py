"""The buckets at a service that the settings name: whether they are there, and let their keys in."""

import re
from collections.abc import Iterator

from components.clouds.bucket import Bucket
from components.preflight.finding import Finding
from components.settings.bucket import Bucket as Settings
from components.settings.problem import NOT_SHOWN, Problem


def rehearsed(endpoint: str) -> bool:
    """Whether the service is at an address and has no name, as a rehearsal's: that asks no other."""
    return re.fullmatch(r"https://[\d.]+(:\d+)?", endpoint) is not None


def findings(path: str, keys: str, settings: Settings, access: str, secret: str) -> Iterator[Finding]:
    """What the first copy would be refused for, a minute after a deploy that looks good.

    The keys `access` and `secret` are the secrets whose names begin with `keys`.
    """
    assert settings.endpoint is not None
    bucket = Bucket(
        settings.endpoint, settings.bucket, settings.region, settings.certificate_authority, access, secret
    )
    access_key, secret_key = f"{keys}_access_key", f"{keys}_secret_key"
    rights = "read" if path == "backup.reset.masked" else "read, write and delete"
    set_it = "and `pulumi config set --secret"
    unknown = Problem(
        access_key,
        NOT_SHOWN,
        f"is not known at {settings.endpoint}",
        f"make a key there, {set_it} {access_key}` and `{secret_key}`",
    )
    # https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList
    # https://developers.cloudflare.com/r2/api/error-codes/
    problems = {
        "NoSuchBucket": Problem(
            f"{path}.bucket",
            f'"{settings.bucket}"',
            f"is no bucket at {settings.endpoint}",
            "make it there, private, or write the name and the endpoint of one that is",
        ),
        "InvalidAccessKeyId": unknown,
        "Unauthorized": unknown,
        "SignatureDoesNotMatch": Problem(
            secret_key,
            NOT_SHOWN,
            f"does not belong to {access_key}",
            f"take both of one key, {set_it} {secret_key}`",
        ),
        "AccessDenied": Problem(
            access_key,
            NOT_SHOWN,
            f"may not list the bucket {settings.bucket}",
            f"give it the right to {rights} there, or make another, {set_it} {access_key}`",
        ),
    }
    if (problem := problems.get(bucket.refusal() or "")) is not None:
        yield Finding(problem)
