"""When the database is dumped, and how long a dump is kept."""

from typing import Annotated

from pydantic import Field

from components.settings.number import between
from components.settings.section import Section
from components.settings.text import matching

TimeOfDay = Annotated[
    str,
    matching(
        r"([01]\d|2[0-3]):[0-5]\d", "is no time of day", 'write HH:MM in 24 hours and in quotes, e.g. "02:00"'
    ),
]


class Retention(Section):
    """How many dumps stay: of the schedule's the last of each of so many days, weeks and months."""

    daily: Annotated[int, between(1, 366)] = Field(7, description="days of which a dump stays, at least 1")
    weekly: Annotated[int, between(0, 520)] = Field(4, description="weeks of which a dump stays")
    monthly: Annotated[int, between(0, 120)] = Field(6, description="months of which a dump stays")
    releases: Annotated[int, between(1, 100)] = Field(
        5, description="dumps before a release that stay, beside those"
    )
    manual: Annotated[int, between(1, 100)] = Field(
        5, description="dumps made by hand that stay, beside those"
    )


class Backup(Section):
    """The nightly dump."""

    schedule: TimeOfDay = Field("02:00", description="time of day, HH:MM, UTC")
    timeout_minutes: Annotated[int, between(1, 1440)] = Field(
        60, description="a release waits so long for the dump before its migration, and fails then"
    )
    retention: Retention = Field(Retention(), description="how many dumps stay")
