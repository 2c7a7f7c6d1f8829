"""The GraphQL API, and another image of it beside."""

from collections.abc import Sequence

import pulumi

from components.containers import Container
from components.containers.image import CANARY as CANARY_IMAGE
from components.services import application
from components.services.connections import of_a_canary
from components.services.site import Site

CANARY = "api-canary"
"""The service whose image is `release.canary.image`."""


class Api(pulumi.ComponentResource):
    """The API; `after` is what must have happened before it can be ready. Named `CANARY` it is that.

    A canary has the same settings and secrets, and so the same database, with a smaller pool.
    """

    def __init__(
        self,
        name: str,
        site: Site,
        after: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("jira-plus-plus:services:Api", name, {}, opts)
        service, settings = site.settings.services.api, site.settings.application
        pool = of_a_canary(site.settings.services) if name == CANARY else service.database_connections
        self.container = Container(
            name,
            application.serving(
                site,
                service,
                image=CANARY_IMAGE if name == CANARY else "api",
                networks=("edge-api", "data", "workflow", *site.scraped, "egress"),
                alias=name,
                environment={
                    **application.environment(site),
                    **application.traces_environment(site, name),
                    "CORS_ORIGINS": ",".join(settings.cors_origins),
                    "GRAPHQL_INTROSPECTION": str(settings.graphql_introspection).lower(),
                    "GRAPHQL_PLAYGROUND": str(settings.graphql_playground).lower(),
                },
                secrets={
                    **application.secrets(site, site.credentials.pooled_database_url(pool)),
                    **application.traces(site, name),
                },
                ready=(application.READY,),
            ),
            site.runtime,
            site.networks,
            pulumi.ResourceOptions(parent=self),
            depends_on=after,
        )
        self.register_outputs({})
