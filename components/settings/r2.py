"""The account at Cloudflare in which the program makes buckets and their keys."""

from typing import Annotated, Literal

from pydantic import Field

from components.settings.section import Section
from components.settings.text import matching

Location = Literal["apac", "eeur", "enam", "oc", "weur", "wnam"]
Jurisdiction = Literal["default", "eu", "fedramp"]


class R2(Section):
    """Each bucket that names no endpoint is made there, with a key to it alone."""

    account_id: Annotated[
        str,
        matching(
            r"[0-9a-f]{32}",
            "is no id of an account",
            "copy the account's id from Cloudflare's overview page of the zone: 32 hexadecimal digits",
        ),
    ] = Field(description="account at Cloudflare with R2 enabled; its overview page of the zone shows the id")
    # https://developers.cloudflare.com/r2/reference/data-location/: without a hint it is where the request
    # comes from, and that may be a runner of GitHub's in another part of the world.
    location: Location = Field(
        "weur", description="where a bucket is to lie that is made: of one that is there it changes nothing"
    )
    jurisdiction: Jurisdiction = Field(
        "default", description="eu or fedramp: objects never leave it; default: no such promise"
    )

    @property
    def endpoint(self) -> str:
        """Its S3 service: https://developers.cloudflare.com/r2/api/tokens/."""
        within = "" if self.jurisdiction == "default" else f".{self.jurisdiction}"
        return f"https://{self.account_id}{within}.r2.cloudflarestorage.com"
