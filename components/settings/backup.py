"""When the database is dumped, and how long a dump is kept."""

from pydantic import Field

from components.settings.section import Section


class Retention(Section):
    """How many dumps stay: the last of each of so many days, weeks and months."""

    daily: int = Field(default=7, ge=1, le=366)
    weekly: int = Field(default=4, ge=0, le=520)
    monthly: int = Field(default=6, ge=0, le=120)


class Backup(Section):
    """The nightly dump."""

    schedule: str = "02:00"
    """Time of day, HH:MM, UTC."""
    retention: Retention = Retention()
