"""The web application: static files, and where they find the API."""

import pulumi

from components.containers import Container
from components.services import application
from components.services.site import Site


class Web(pulumi.ComponentResource):
    """The static server. It depends on nothing, and knows no secret but Sentry's DSN, which it tells."""

    def __init__(
        self, name: str, site: Site, api_url: str, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("jira-plus-plus:services:Web", name, {}, opts)
        service = site.settings.services.web
        self.container = Container(
            name,
            application.serving(
                site,
                service,
                image="web",
                networks=("edge-web",),
                alias="web",
                environment={
                    **application.sentry_environment(site),
                    "API_URL": api_url,
                    "ENVIRONMENT": site.runtime.stack,
                    "LOG_LEVEL": site.settings.application.log_level,
                    "NODE_ENV": "production",
                },
                secrets={},
                drains_itself=False,  # a static server may know nothing of it
            ),
            site.runtime,
            site.networks,
            pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({})
