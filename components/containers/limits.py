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
    def go_memory(self) -> str:
        """What Go's collector keeps a process below, for GOMEMLIMIT: three quarters, in MiB.

        Without, the heap may double before it collects, and the kernel ends the process at the limit. The
        rest is for what the runtime does not count. https://go.dev/doc/gc-guide#Memory_limit
        """
        return f"{self.memory_mb * 3 // 4}MiB"

    @property
    def cpus_text(self) -> str:
        """As the provider reads it back: any other spelling differs from it at every run (`1.0`, `0.25`).

        https://github.com/kreuzwerker/terraform-provider-docker, `nanoInt64ToDecimalString`.
        """
        digits = f"{self.cpus:.9f}"
        return f"{self.cpus:.1f}" if digits.count("0") == 9 else digits.rstrip("0")
