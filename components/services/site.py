"""What every service is built from."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from components.buckets import Place
from components.containers import Images, Networks, Runtime
from components.services.credentials import Credentials
from components.settings import Settings
from components.settings.backup import Backup


@dataclass(frozen=True)
class Site:
    """The stack's settings and the parts that the services share."""

    settings: Settings
    runtime: Runtime
    networks: Networks
    images: Images
    credentials: Credentials
    buckets: Mapping[str, Place] = field(default_factory=dict)
    """By what the names of its secrets begin with: `offsite`, `archive`, `masked`."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """A developer's own, for the application's processes; each counts as secret."""

    @property
    def scraped(self) -> tuple[str, ...]:
        """The network on which api, worker and temporal are asked for their metrics, where they are."""
        return ("metrics-application",) if self.settings.monitored else ()

    @property
    def postgres_image(self) -> str:
        """The name among `images` of the database's and its backup's."""
        return postgres_image(self.settings.backup)


def postgres_image(backup: Backup) -> str:
    """Where the database's log is archived, the image with the program that does it."""
    return "postgres_archiving" if backup.point_in_time else "postgres"
