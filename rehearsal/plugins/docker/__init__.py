"""Stand-in for the plugin `docker` 5.2: its resources on a Docker engine that runs, or on a recorded one.

What it does is what terraform-provider-docker 4.5.0 does beneath the official plugin, down to what replaces,
what is silently not applied, and the text of its errors. Left out is a delay of the original that only costs
time: 2 s before each network is read or removed.
"""

from __future__ import annotations

from rehearsal.plugins.docker.provider import DockerProvider


def provider() -> DockerProvider:
    """The plugin."""
    return DockerProvider()


__all__ = ["provider"]
