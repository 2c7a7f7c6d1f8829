"""When the database is dumped, how long a dump is kept, and what goes off the machine."""

from typing import Annotated

from pydantic import Field

from components.settings.bucket import Bucket
from components.settings.masked import Masked
from components.settings.number import between
from components.settings.offsite import Offsite
from components.settings.point_in_time import PointInTime
from components.settings.r2 import R2
from components.settings.reset import Reset
from components.settings.retention import Retention
from components.settings.section import Section
from components.settings.text import matching

TimeOfDay = Annotated[
    str,
    matching(
        r"([01]\d|2[0-3]):[0-5]\d", "is no time of day", 'write HH:MM in 24 hours and in quotes, e.g. "02:00"'
    ),
]


class Backup(Section):
    """The nightly dump."""

    schedule: TimeOfDay = Field("02:00", description="time of day, HH:MM, UTC")
    timeout_minutes: Annotated[int, between(1, 1440)] = Field(
        60, description="a release waits so long for the dump before its migration, and fails then"
    )
    retention: Retention = Field(Retention(), description="how many dumps stay")
    r2: R2 | None = Field(None, description="where the program makes the buckets that name no endpoint")
    offsite: Offsite | None = Field(None, description="a copy of each dump off the machine, encrypted")
    point_in_time: PointInTime | None = Field(
        None, description="the database's log off the machine, encrypted: any moment can be had back"
    )
    masked: Masked | None = Field(
        None, description="what another stack may have of the application's database, masked, each night"
    )
    reset: Reset | None = Field(None, description="where the data of this stack come from anew, each night")

    @property
    def buckets(self) -> bool:
        """Whether restic sends anything off the machine, or fetches it."""
        return bool(self.offsite or self.masked or (self.reset and self.reset.masked))

    @property
    def named(self) -> list[tuple[str, str, Bucket]]:
        """The buckets: the path of each, what the names of its secrets begin with, and itself."""
        found = (
            ("backup.offsite", "offsite", self.offsite),
            ("backup.point_in_time", "archive", self.point_in_time),
            ("backup.masked", "masked", self.masked),
            ("backup.reset.masked", "masked", self.reset.masked if self.reset else None),
        )
        return [(path, keys, bucket) for path, keys, bucket in found if bucket]
