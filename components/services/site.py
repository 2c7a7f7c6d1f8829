"""What every service is built from."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from components.containers import Images, Networks, Runtime
from components.services.credentials import Credentials
from components.settings import Settings


@dataclass(frozen=True)
class Site:
    """The stack's settings and the parts that the services share."""

    settings: Settings
    runtime: Runtime
    networks: Networks
    images: Images
    credentials: Credentials
    variables: Mapping[str, str] = field(default_factory=dict)
    """A developer's own, for the application's processes; each counts as secret."""
