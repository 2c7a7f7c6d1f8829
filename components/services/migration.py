"""The schema of the release, before its code: a backup that was restored, then the migration."""

import pulumi

from components.containers import Job, JobArgs, Process
from components.containers.limits import Limits
from components.services import application
from components.services.backup import Backup
from components.services.postgres import Postgres
from components.services.site import Site


class Migration(pulumi.ComponentResource):
    """Two jobs, run once a release, and again for a new database; one that fails stops the release."""

    def __init__(
        self,
        name: str,
        site: Site,
        postgres: Postgres,
        backup: Backup,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("jira-plus-plus:services:Migration", name, {}, opts)
        settings = site.settings.services.migration
        image = site.images["api"]
        child = pulumi.ResourceOptions(parent=self)
        # There is no way down from a migration but this. After the container with the schedule, whose first
        # act is a backup, too.
        before = Job(
            f"{name}-backup",
            JobArgs(process=backup.once(), triggers=(image, postgres.container.resource.id)),
            site.runtime,
            site.networks,
            child,
            depends_on=[backup.container],
        )
        self.job = Job(
            name,
            JobArgs(
                process=Process(
                    image=image,
                    user=application.USER,
                    entrypoint=settings.command,
                    environment={
                        **application.environment(site),
                        "SEED_DATA": str(site.settings.application.seed_data).lower(),
                    },
                    secrets=application.secrets(site, site.credentials.migration_database_url),
                    limits=Limits.of(settings),
                    networks=("data",),
                    timeout_seconds=settings.timeout_seconds,
                ),
                triggers=(postgres.container.resource.id,),
            ),
            site.runtime,
            site.networks,
            child,
            depends_on=[before],
        )
        self.register_outputs({})
