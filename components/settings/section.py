"""The base of every section of the settings tree."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """One mapping of a stack file: frozen, strict in types, and closed to keys it does not know."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")
