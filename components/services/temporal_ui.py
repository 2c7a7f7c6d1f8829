"""Temporal's web interface, behind basic authentication at the proxy."""

import pulumi

from components.containers import Container, ContainerArgs, Health, Process, Release
from components.containers.health import http
from components.containers.limits import Limits
from components.services.site import Site
from components.services.temporal import PORT, USER, Temporal

NAME = "admin"
"""Who logs in."""


class TemporalUi(pulumi.ComponentResource):
    """The interface; it sees what the Temporal server serves and keeps nothing."""

    def __init__(
        self, name: str, site: Site, temporal: Temporal, url: str, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("jira-plus-plus:services:TemporalUi", name, {}, opts)
        settings = site.settings.services.temporal_ui
        self.container = Container(
            name,
            ContainerArgs(
                process=Process(
                    image=site.images["temporal_ui"],
                    user=USER,
                    entrypoint=settings.command,
                    environment={
                        "TEMPORAL_ADDRESS": f"temporal:{PORT}",
                        "TEMPORAL_CORS_ORIGINS": url,
                        "TEMPORAL_CSRF_COOKIE_INSECURE": str(url.startswith("http://")).lower(),
                        "TEMPORAL_DEFAULT_NAMESPACE": site.settings.services.temporal.namespace,
                        "TEMPORAL_DISABLE_NEWS_FETCH": "true",  # it has no way out
                        "TEMPORAL_UI_PORT": str(settings.port),
                    },
                    limits=Limits.of(settings),
                    networks=("edge-temporal-ui", "workflow"),
                    aliases=("temporal-ui",),
                    drain_seconds=settings.drain_seconds,
                ),
                health=Health(command=http(settings.port, "/healthz")),
                release=Release(order="cutover", grace=settings.drain_seconds + 10),
                watched_image=site.images.tag("temporal_ui"),
            ),
            site.runtime,
            site.networks,
            pulumi.ResourceOptions(parent=self),
            depends_on=[temporal.server],
        )
        self.register_outputs({})
