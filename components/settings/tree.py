"""The settings of a stack, whole."""

from components.settings.application import Application
from components.settings.backup import Backup
from components.settings.development import Development
from components.settings.domain import Domain
from components.settings.edge import Edge
from components.settings.host import Host
from components.settings.images import Images
from components.settings.monitoring import Monitoring
from components.settings.notifications import Notifications
from components.settings.registry import Registry
from components.settings.release import Release
from components.settings.rotations import Rotations
from components.settings.section import Section
from components.settings.services import Services
from components.settings.tls import Tls


class Settings(Section):
    """Every value of `Pulumi.<stack>.yaml`, at the same path. Frozen; holds no secret."""

    host: Host
    domain: Domain
    edge: Edge = Edge()
    tls: Tls
    images: Images
    services: Services = Services()
    application: Application
    backup: Backup = Backup()
    monitoring: Monitoring = Monitoring()
    notifications: Notifications = Notifications()
    registry: Registry | None = None
    release: Release = Release()
    rotations: Rotations = Rotations()
    development: Development = Development()

    @property
    def monitored(self) -> bool:
        """Whether the stack has metrics."""
        return self.monitoring.runs_on(self.host)

    @property
    def logged(self) -> bool:
        """Whether the stack keeps its logs where they can be searched."""
        return self.monitoring.logs_on(self.host)

    @property
    def shown(self) -> bool:
        """Whether Grafana shows them."""
        return self.monitoring.shown_on(self.host)
