"""The addresses that a person types."""

from collections.abc import Mapping

from components.settings.tls import Mode


def urls(host_names: Mapping[str, str], mode: Mode, port: int | None) -> dict[str, str]:
    """The URL of each name. `port` is None where the scheme's own is served."""
    scheme = "http" if mode == "none" else "https"
    suffix = f":{port}" if port is not None else ""
    return {purpose: f"{scheme}://{host_name}{suffix}" for purpose, host_name in host_names.items()}
