"""What a container runs and may do: the part that a service, which stays, and a job, which ends, share."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi

from components.containers.limits import Limits
from components.containers.mount import Mount

SECRETS = "/run/secrets"
SHIM = "/run/jira/entrypoint.sh"


@dataclass(frozen=True, kw_only=True)
class Process:
    """A process in a sandbox. What is not granted here is denied; see `components.containers.hardening`."""

    # What runs
    image: pulumi.Input[str]
    """The image's id."""
    user: str
    """`uid:gid`, in numbers: what the image calls its user must not matter."""
    entrypoint: tuple[str, ...]
    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    """Plain text, by type: `docker inspect` shows it, so no secret can get in."""

    # What it is given
    secrets: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    """Name to value; a file each in /run/secrets, which the shim turns into the process's environment."""
    files: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    """Absolute path in the container to content; their folders hold nothing else and are read-only."""

    # What it may use
    limits: Limits
    tmpfs: Mapping[str, str] = field(default_factory=lambda: {"/tmp": "size=16m"})  # noqa: S108
    """Path to mount options: the only places that it may write to, besides its mounts."""
    shm_mb: int | None = None
    """Size of /dev/shm in MiB; None for Docker's 64."""

    # What it may reach
    networks: tuple[str, ...]
    """Names of `components.containers.networks.NETWORKS`."""
    aliases: tuple[str, ...] = ()
    """The names under which others on these networks find it."""

    # What it keeps
    mounts: tuple[Mount, ...] = ()

    # How it ends
    drain_seconds: int = 0
    """How long the shim keeps a process that does not drain by itself serving after the stop signal."""
    timeout_seconds: int = 0
    """After how long the shim ends the process; 0 for never."""

    @property
    def shim_arguments(self) -> tuple[str, ...]:
        """The options of the entrypoint shim."""
        return (
            *(("--drain", str(self.drain_seconds)) if self.drain_seconds else ()),
            *(("--timeout", str(self.timeout_seconds)) if self.timeout_seconds else ()),
            "--",
        )

    @property
    def shimmed(self) -> bool:
        """Whether the entrypoint shim stands before the process."""
        return bool(self.secrets or self.drain_seconds or self.timeout_seconds)

    @property
    def whole_entrypoint(self) -> tuple[str, ...]:
        """The entrypoint with the shim before it."""
        return ("/bin/sh", SHIM, *self.shim_arguments, *self.entrypoint) if self.shimmed else self.entrypoint

    def all_files(self, shim: str) -> dict[str, pulumi.Input[str]]:
        """Every file that it is given: its own, its secrets and, where that is used, the text of the shim."""
        return {
            **self.files,
            **{f"{SECRETS}/{name}": value for name, value in self.secrets.items()},
            **({SHIM: shim} if self.shimmed else {}),
        }
