"""The image of each container, as `repository:tag@sha256:digest`."""

from components.settings.section import Section


class Images(Section):
    """Full references, one a service. They have no default: the versions live in the stack files."""

    api: str
    worker: str
    web: str
    postgres: str
    temporal: str
    temporal_admin_tools: str
    temporal_ui: str
    traefik: str
    socket_proxy: str
    autoheal: str
    watchtower: str
