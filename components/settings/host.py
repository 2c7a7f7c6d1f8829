"""Where the containers run: a Hetzner server, a server that exists already, or this machine."""

from typing import Literal

from pydantic import Field

from components.settings.section import Section

Kind = Literal["hetzner", "existing", "local"]


class Ssh(Section):
    """Who may reach the server by ssh, and (kind `existing`) how the program itself reaches it."""

    allowed_networks: tuple[str, ...] = ()
    allow_any_network: bool = False
    authorized_keys: tuple[str, ...] = ()
    user: str = "root"
    port: int = Field(default=22, ge=1, le=65535)
    host_key: str | None = None


class Volume(Section):
    """The Hetzner volume that holds Postgres' data, apart from the server's life."""

    size_gb: int = Field(default=10, ge=10, le=10240)
    protected: bool = False


class Host(Section):
    """The machine. Which keys apply follows from `kind`; the others must not be set."""

    kind: Kind
    server_type: str = "cx33"
    server_type_fallbacks: tuple[str, ...] = ()
    location: str = "fsn1"
    image: str = "debian-12"
    volume: Volume = Volume()
    protected: bool = False
    backups: bool = False
    swap_mb: int = Field(default=2048, ge=0, le=16384)
    ssh: Ssh = Ssh()
    address: str | None = None
    memory_mb: int | None = None
    http_port: int = Field(default=8080, ge=1024, le=65535)
