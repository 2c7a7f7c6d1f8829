"""What a container may use of the machine."""

from dataclasses import dataclass
from typing import Protocol


class Sized(Protocol):
    """A section of the stack file that names limits; see `components.settings.services.Service`."""

    @property
    def memory_mb(self) -> int:
        """MiB."""

    @property
    def cpus(self) -> float:
        """Cores."""


@dataclass(frozen=True)
class Limits:
    """Memory in MiB and a share of cpu cores. Swap adds nothing to it: a leak ends where it is seen."""

    memory_mb: int
    cpus: float

    @classmethod
    def of(cls, settings: Sized) -> "Limits":
        """The limits of a service's section in the stack file."""
        return cls(settings.memory_mb, settings.cpus)

    @property
    def cpus_text(self) -> str:
        """As Docker takes it and as its provider reads it back: `0.5`, `1`, not `1.0`."""
        return f"{self.cpus:g}"
