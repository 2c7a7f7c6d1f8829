"""The private registry of the application's images; its password is the secret `registry_password`."""

from typing import Annotated

from pydantic import Field

from components.settings.section import Section
from components.settings.text import matching


class Registry(Section):
    """Where and as whom images are pulled."""

    server: Annotated[
        str,
        matching(
            r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:\d{1,5})?",
            "is no registry",
            "write its host alone, e.g. ghcr.io",
        ),
    ] = Field(description="host of the registry, e.g. ghcr.io")
    username: Annotated[
        str, matching(r"\S+", "is no user name", "write the name that the password belongs to")
    ] = Field(description="who pulls")
