"""A bucket as those see it who write to it."""

from dataclasses import dataclass

import pulumi


@dataclass(frozen=True)
class Place:
    """`endpoint` is the URL of the S3 service; `authority` a PEM, if its certificate is of a private one.

    The keys are secret outputs: a human's, or those that the program has made.
    """

    endpoint: str
    bucket: str
    region: str | None
    authority: str | None
    access_key: pulumi.Output[str]
    secret_key: pulumi.Output[str]

    def repository(self, name: str) -> str:
        """Where restic finds the repository of that name in it.

        https://restic.readthedocs.io/en/stable/030_preparing_a_new_repo.html#s3-compatible-storage
        """
        return f"s3:{self.endpoint}/{self.bucket}/{name}"
