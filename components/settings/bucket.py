"""A bucket of a service that speaks S3, as every section that has one names it."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from components.settings.problem import wrong
from components.settings.section import Section
from components.settings.text import matching


def _endpoint(value: str) -> str:
    if not re.fullmatch(r"https://[A-Za-z0-9.-]+(:\d{1,5})?", value):
        raise wrong(
            "is no https URL of a host alone",
            "write the endpoint of the S3 service without the bucket, e.g. https://nbg1.your-objectstorage.com",
        )
    return value


def _certificates(value: str) -> str:
    if "-----BEGIN CERTIFICATE-----" not in value:
        raise wrong("is no certificate", "paste it in PEM, from -----BEGIN CERTIFICATE----- on")
    return value


Region = Annotated[
    str, matching(r"[a-z0-9-]+", "is no region", "write it as the service does, e.g. eu-central-1")
]


class Bucket(Section):
    """Of any such service: Hetzner's Object Storage, Cloudflare's R2, others."""

    endpoint: Annotated[str, AfterValidator(_endpoint)] | None = Field(
        None,
        description="S3 endpoint, e.g. https://nbg1.your-objectstorage.com; elsewhere than the server. "
        "None: the bucket is R2's, in the account of backup.r2",
    )
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
    bucket: Annotated[
        str,
        matching(
            r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
            "is no name of a bucket",
            "write 3 to 63 lower-case letters, digits and inner hyphens",
        ),
    ] = Field(description="bucket that holds nothing else; it exists, unless it is R2's")
    region: Region | None = Field(
        None, description="region of the bucket, where the service wants it said (AWS; auto for R2)"
    )
    certificate_authority: Annotated[str, AfterValidator(_certificates)] | None = Field(
        None, description="PEM of the authority that the endpoint's certificate is of, if it is a private one"
    )
