"""The Temporal worker: it serves no one but its health."""

from collections.abc import Sequence

import pulumi

from components.containers import Container
from components.services import application
from components.services.site import Site


class Worker(pulumi.ComponentResource):
    """The worker; `after` is what must have happened before it can be ready."""

    def __init__(
        self,
        name: str,
        site: Site,
        after: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("jira-plus-plus:services:Worker", name, {}, opts)
        service = site.settings.services.worker
        self.container = Container(
            name,
            application.serving(
                site,
                service,
                image="worker",
                networks=("data", "workflow", *site.scraped, "egress"),
                alias="worker",
                environment={
                    **application.environment(site),
                    **application.traces_environment(site, name),
                },
                ready=(application.READY,),
                secrets={
                    **application.secrets(
                        site, site.credentials.pooled_database_url(service.database_connections)
                    ),
                    **application.traces(site, name),
                },
            ),
            site.runtime,
            site.networks,
            pulumi.ResourceOptions(parent=self),
            depends_on=after,
        )
        self.register_outputs({})
