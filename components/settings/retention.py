"""How many dumps stay."""

from typing import Annotated

from pydantic import Field

from components.settings.number import between
from components.settings.section import Section


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

    def variables(self, prefix: str) -> dict[str, str]:
        """The numbers as a script takes them: `<prefix>_DAILY` and so on."""
        return {
            f"{prefix}_{name.upper()}": str(getattr(self, name)) for name in sorted(type(self).model_fields)
        }
