"""Where the containers run: a Hetzner server, a server that exists already, or this machine."""

import ipaddress
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from components.settings.catalogue import LOCATIONS
from components.settings.network import Network
from components.settings.number import between
from components.settings.problem import wrong
from components.settings.public_key import PublicKey
from components.settings.section import Section
from components.settings.text import matching

Kind = Literal["hetzner", "existing", "local"]


def _location(value: str) -> str:
    if value not in LOCATIONS:
        raise wrong("is no location of Hetzner's", f"use one of {', '.join(LOCATIONS)}")
    return value


def _address(value: str) -> str:
    try:
        return str(ipaddress.IPv4Address(value))
    except ValueError:
        raise wrong("is no IPv4 address", "write the server's public address, e.g. 198.51.100.7") from None


ServerTypeName = Annotated[
    str,
    matching(r"[a-z]+[0-9]+[a-z0-9-]*", "is no name of a server type", "write it as Hetzner does, e.g. cx23"),
]


class Ssh(Section):
    """Who may reach the server by ssh, and (kind `existing`) how the program itself reaches it."""

    allowed_networks: tuple[Network, ...] = Field(
        (), description="kind hetzner: networks that may reach port 22, that of `pulumi up` among them"
    )
    allow_any_network: bool = Field(
        False, description="kind hetzner: port 22 for the whole world, in place of `allowed_networks`"
    )
    allow_own_address: bool = Field(
        False,
        description="kind hetzner: port 22 also for the address that `make deploy`, `preview` or `drift` "
        "comes from, while it runs; for hosted CI runners. Needs a token that may write",
    )
    authorized_keys: tuple[PublicKey, ...] = Field(
        (), description="public keys of people, beside the key that the program makes for itself"
    )
    user: Annotated[
        str,
        matching(
            r"[a-z_][a-z0-9_-]{0,31}", "is no user name", "use lower-case letters, digits, _ and -, e.g. root"
        ),
    ] = Field("root", description="kind existing: who can log in")
    port: Annotated[int, between(1, 65535)] = Field(22, description="kind existing: the port of sshd")
    host_key: PublicKey | None = Field(
        None, description="kind existing: the server's public host key, `ssh-keyscan -t ed25519 <address>`"
    )


class Volume(Section):
    """The Hetzner volume that holds Postgres' data, apart from the server's life."""

    size_gb: Annotated[int, between(10, 10240, "GB")] = Field(10, description="10 to 10240; it can only grow")
    protected: bool = Field(False, description="Pulumi's protect and Hetzner's delete protection")


class Host(Section):
    """The machine. Which keys apply follows from `kind`; the others must not be set."""

    kind: Kind = Field(
        description="hetzner: ordered by the program; existing: a server you have; local: this machine"
    )
    server_type: ServerTypeName = Field("cx33", description="Hetzner's name, e.g. cx23")
    server_type_fallbacks: tuple[ServerTypeName, ...] = Field(
        (), description="tried in this order when `server_type` is sold out"
    )
    location: Annotated[str, AfterValidator(_location)] = Field(
        "fsn1", description="Hetzner's location, e.g. fsn1"
    )
    image: Literal["debian-13", "debian-12"] = Field(
        "debian-13",
        description="the system of a new server; one that exists keeps its own until `make replace`",
    )
    volume: Volume = Field(Volume(), description="the volume of the database")
    protected: bool = Field(
        False, description="protects server, addresses and volume from deletion, and demands image digests"
    )
    backups: bool = Field(
        False, description="Hetzner's daily backup of the root disk, 20 % of the server's price"
    )
    swap_mb: Annotated[int, between(0, 16384, "MB")] = Field(2048, description="swap file in MB, 0 for none")
    ssh: Ssh = Field(Ssh(), description="access by ssh")
    address: Annotated[str, AfterValidator(_address)] | None = Field(
        None, description="kind existing: public IPv4 address"
    )
    shared: bool = Field(
        False,
        description="kind existing: others use the server, too; Docker's configuration, logins, time zone, "
        "logs, upgrades and reboots stay theirs",
    )
    memory_mb: Annotated[int, between(1024, 1048576, "MB")] | None = Field(
        None,
        description="kind existing: the server's memory in MB; kind local: what the containers may use; "
        "kind hetzner: that of a `server_type` which is newer than this program",
    )
    http_port: Annotated[int, between(1024, 65535)] = Field(
        8080, description="kind local: the port on 127.0.0.1 that serves all three names"
    )
