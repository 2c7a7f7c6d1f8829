"""Where the containers run: a Hetzner server, a server that existed before, or this machine."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from components.host.host import Host, HostArgs

__all__ = ["Host", "HostArgs"]


def __getattr__(name: str) -> Any:
    """`__all__`, once asked for: Docker's SDK comes with it, which who wants a key's folder does without."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from components.host import host

    return getattr(host, name)
