"""What a developer adds to the stack on their own machine: variables, and sources that are watched."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from components.settings.section import Section
from components.settings.services import Command
from components.settings.text import matching

FOLDER = Path(__file__).resolve().parents[2]
"""The project's, which the paths of this section are relative to."""


class Source(Section):
    """A folder of this machine in place of one of the image's, and a command that watches it."""

    path: str = Field(description="folder on this machine, relative to the project's")
    target: Annotated[
        str,
        matching(
            r"(/(?!\.\.?(/|$))[A-Za-z0-9._-]+)+",
            "is no folder in the container",
            "write it from the root, e.g. /app/dist",
        ),
    ] = Field(description="folder of the image that it takes the place of, read-only")
    command: Command = Field(
        description="in place of the service's own; starts anew on a change, e.g. [node, --watch, x.js]"
    )

    @property
    def folder(self) -> Path:
        """Where `path` is."""
        return located(self.path)


class Sources(Section):
    """The services that run from sources; the others run from their image."""

    api: Source | None = Field(None, description="the API; the migration stays its image's")
    worker: Source | None = Field(None, description="the worker")
    web: Source | None = Field(None, description="the web application")


class Development(Section):
    """Kind local alone: a developer's own variables, and sources that are run while they are edited."""

    env_file: str = Field(
        ".env.local",
        description="lines NAME=value for API, worker and migration; the default need not be there",
    )
    sources: Sources = Field(Sources(), description="services that run from sources")


def located(path: str) -> Path:
    """Where a path of this section leads."""
    return FOLDER / Path(path).expanduser()
