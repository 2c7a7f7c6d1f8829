"""The schema of the release, before its code: a backup that was restored, then the migration."""

import shlex

import pulumi

from components.backup.backup import Backup
from components.containers import Job, JobArgs, Process
from components.containers.limits import Limits
from components.services import application
from components.services.postgres import Postgres
from components.services.site import Site

RECORD = "alter database jira set jira_plus_plus.release = '{image}'"
"""A setting of the database: the image that has migrated it. A dump has it, too."""
PSQL = ("psql", "--no-psqlrc", "--quiet", "--username=postgres", "--dbname=postgres")
"""In the server's container, as its superuser."""


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
            JobArgs(process=backup.before(image), triggers=(image, postgres.container.resource.id)),
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
                    secrets={
                        **application.secrets(site, site.credentials.migration_database_url),
                        **application.sentry(site, "api"),
                    },
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
        # Which release these data were migrated by lives with them: it needs no backup a second time, so that
        # a server that was replaced serves as soon as it has its data.
        site.runtime.host.run(
            f"{name}-record",
            create=pulumi.Output.all(postgres.container.name_in_docker, image).apply(
                lambda known: shlex.join(
                    [
                        "docker",
                        "exec",
                        known[0],
                        *PSQL,
                        f"--command={RECORD.format(image=known[1])}",
                    ]
                )
            ),
            triggers=[image, postgres.container.resource.id],
            opts=pulumi.ResourceOptions(parent=self, depends_on=[self.job.resource]),
        )
        self.register_outputs({})
