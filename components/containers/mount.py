"""What of the host a container sees."""

from dataclasses import dataclass
from typing import Literal

import pulumi
import pulumi_docker as docker


@dataclass(frozen=True, kw_only=True)
class Mount:
    """A host path (`bind`) or a named volume (`volume`) at `target`.

    Docker refuses to start a container whose bind source is missing, where a `volumes` entry would create it:
    a database never starts on an empty folder because a disk was not mounted.
    """

    source: pulumi.Input[str]
    target: str
    kind: Literal["bind", "volume"] = "bind"
    read_only: bool = False

    def inputs(self) -> docker.ContainerMountArgs:
        """The mount as the provider takes it."""
        return docker.ContainerMountArgs(
            type=self.kind, source=self.source, target=self.target, read_only=self.read_only
        )

    def flag(self, source: str) -> str:
        """The mount as `docker run --mount` takes it, once its source is known."""
        read_only = ",readonly" if self.read_only else ""
        return f"type={self.kind},source={source},target={self.target}{read_only}"


@dataclass(frozen=True)
class Port:
    """A published port: `external` on the host's address `ip`, `internal` in the container; TCP."""

    internal: int
    external: int
    ip: str

    def inputs(self) -> docker.ContainerPortArgs:
        """The port as the provider takes it."""
        return docker.ContainerPortArgs(
            internal=self.internal, external=self.external, ip=self.ip, protocol="tcp"
        )
