"""The bucket for copies off the machine: whether it is there, and lets its keys in."""

import re
from collections.abc import Iterator

from components.clouds.bucket import Bucket
from components.preflight.finding import Finding
from components.settings.offsite import Offsite
from components.settings.problem import NOT_SHOWN, Problem

ACCESS_KEY = "offsite_access_key"
SECRET_KEY = "offsite_secret_key"  # noqa: S105 # its name


def rehearsed(offsite: Offsite) -> bool:
    """Whether the service is at an address and has no name, as a rehearsal's: that asks no other."""
    return re.fullmatch(r"https://[\d.]+(:\d+)?", offsite.endpoint) is not None


def findings(offsite: Offsite, access_key: str, secret_key: str) -> Iterator[Finding]:
    """What the first copy would be refused for, a minute after a deploy that looks good."""
    bucket = Bucket(
        offsite.endpoint,
        offsite.bucket,
        offsite.region,
        offsite.certificate_authority,
        access_key,
        secret_key,
    )
    set_it = "and `pulumi config set --secret"
    unknown = Problem(
        ACCESS_KEY,
        NOT_SHOWN,
        f"is not known at {offsite.endpoint}",
        f"make a key there, {set_it} {ACCESS_KEY}` and `{SECRET_KEY}`",
    )
    # https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList
    # https://developers.cloudflare.com/r2/api/error-codes/
    problems = {
        "NoSuchBucket": Problem(
            "backup.offsite.bucket",
            f'"{offsite.bucket}"',
            f"is no bucket at {offsite.endpoint}",
            "make it there, private, or write the name and the endpoint of one that is",
        ),
        "InvalidAccessKeyId": unknown,
        "Unauthorized": unknown,
        "SignatureDoesNotMatch": Problem(
            SECRET_KEY,
            NOT_SHOWN,
            f"does not belong to {ACCESS_KEY}",
            f"take both of one key, {set_it} {SECRET_KEY}`",
        ),
        "AccessDenied": Problem(
            ACCESS_KEY,
            NOT_SHOWN,
            f"may not list the bucket {offsite.bucket}",
            f"give it the right to read, write and delete there, or make another, {set_it} {ACCESS_KEY}`",
        ),
    }
    if (problem := problems.get(bucket.refusal() or "")) is not None:
        yield Finding(problem)
