"""Where the containers run: a Hetzner server, a server that existed before, or this machine."""

from components.host.host import Host, HostArgs

__all__ = ["Host", "HostArgs"]
