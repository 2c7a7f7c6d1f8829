"""How often each secret that the program makes was made anew: a higher number is another value."""

from typing import Annotated

from pydantic import Field

from components.settings.number import between
from components.settings.section import Section

Count = Annotated[int, between(0, 10_000, "rotations")]


class Rotations(Section):
    """Numbers that `make rotate` raises; another number is another password, 0 the first."""

    postgres: Count = Field(0, description="of the database's superuser")
    jira: Count = Field(0, description="of the application's login to the database")
    migration: Count = Field(0, description="of the migration's")
    temporal: Count = Field(0, description="of Temporal's")
    backup: Count = Field(0, description="of the backup's")
    monitoring: Count = Field(0, description="of the database's exporter's")
    session: Count = Field(0, description="of the key of sessions: who is signed in signs in anew")
    admin: Count = Field(0, description="of the first user, `application.admin_email`")
    temporal_ui: Count = Field(0, description="of Temporal's interface")
    metrics: Count = Field(0, description="of the interface of the metrics")
    grafana: Count = Field(0, description="of Grafana")
