"""The GraphQL API."""

from collections.abc import Sequence

import pulumi

from components.containers import Container
from components.services import application
from components.services.site import Site


class Api(pulumi.ComponentResource):
    """The API; `after` is what must have happened before it can be ready."""

    def __init__(
        self,
        name: str,
        site: Site,
        after: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("jira-plus-plus:services:Api", name, {}, opts)
        service, settings = site.settings.services.api, site.settings.application
        self.container = Container(
            name,
            application.serving(
                site,
                service,
                image="api",
                networks=("edge-api", "data", "workflow", *site.scraped, "egress"),
                alias="api",
                environment={
                    **application.environment(site),
                    **application.traces_environment(site, name),
                    "CORS_ORIGINS": ",".join(settings.cors_origins),
                    "GRAPHQL_INTROSPECTION": str(settings.graphql_introspection).lower(),
                    "GRAPHQL_PLAYGROUND": str(settings.graphql_playground).lower(),
                },
                secrets={
                    **application.secrets(
                        site, site.credentials.pooled_database_url(service.database_connections)
                    ),
                    **application.traces(site, name),
                },
                ready=("/ready",),
            ),
            site.runtime,
            site.networks,
            pulumi.ResourceOptions(parent=self),
            depends_on=after,
        )
        self.register_outputs({})
