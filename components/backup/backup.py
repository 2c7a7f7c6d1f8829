"""The container that makes the nightly dump and sends it away, and the job that makes one for a release."""

from dataclasses import replace

import pulumi

from components.backup import scripts
from components.backup.archive import archived
from components.backup.restic import with_buckets
from components.containers import Container, ContainerArgs, Health, Process, Release
from components.containers.limits import Limits
from components.containers.storage import Storage
from components.host.folders import BACKUPS
from components.services.postgres import DATA, DATABASES, USER, Postgres
from components.services.site import Site

FOLDER = BACKUPS
"""On the host's root disk: another one than the data's."""
TARGET = "/backups"
MAXIMUM_AGE_HOURS = 26
"""Of the last good backup: a day, and two hours for the dump itself. Beyond, the container is unhealthy."""


class Backup(pulumi.ComponentResource):
    """The container with the schedule.

    It is healthy while a backup that was proven is young enough, and while the first one is being made: how
    long that takes grows with the data, and nobody is to wait for it.
    """

    def __init__(
        self,
        name: str,
        site: Site,
        postgres: Postgres,
        after: list[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("jira-plus-plus:services:Backup", name, {}, opts)
        self._site = site
        child = pulumi.ResourceOptions(parent=self)
        self._files = Storage(
            f"{name}-dumps",
            site.runtime,
            FOLDER if site.runtime.host.data_path else None,
            USER,
            site.images[site.postgres_image],
            child,
        )
        process = with_buckets(self._process("scheduler.sh"), name, site, child)
        if postgres.archive and site.settings.backup.point_in_time:
            process = archived(process, postgres, postgres.archive, site.settings.backup.point_in_time)
        self.container = Container(
            name,
            ContainerArgs(
                process=process,
                # Its first act is a backup, if there is none that is young enough.
                health=Health(
                    command=("bash", f"{scripts.FOLDER}/healthcheck.sh"),
                    interval=3,
                    start_period=60,
                    wait=120,
                ),
                release=Release(order="stop-first", grace=30),
                # Unhealthy means that there is no backup: someone must look, and a restart would hide it.
                autoheal=False,
                watched_image=site.images.tag(site.postgres_image),
            ),
            site.runtime,
            site.networks,
            child,
            depends_on=[postgres.roles, *after],
        )
        self.register_outputs({})

    def before(self, release: pulumi.Output[str]) -> Process:
        """The process that makes one backup before the migration to the image `release`, and ends."""
        process = self._process("backup.sh", "release")
        return replace(
            process,
            files={**process.files, f"{scripts.FOLDER}/release": release},
            timeout_seconds=self._site.settings.backup.timeout_minutes * 60,
        )

    def _process(self, script: str, *arguments: str) -> Process:
        settings = self._site.settings.backup
        return Process(
            image=self._site.images[self._site.postgres_image],
            user=USER,
            entrypoint=("bash", f"{scripts.FOLDER}/{script}", *arguments),
            environment={
                "BACKUPS": TARGET,
                "DATABASES": " ".join(DATABASES),
                **settings.retention.variables("KEEP"),
                "MAXIMUM_AGE_HOURS": str(MAXIMUM_AGE_HOURS),
                "PGHOST": "postgres",
                "PGUSER": "backup",
                "SCHEDULE": settings.schedule,
            },
            secrets={"PGPASSWORD": self._site.credentials.backup},
            files=scripts.DUMPS,
            limits=Limits.of(self._site.settings.services.backup),
            # The image declares a volume there; without this each container would leave an anonymous one.
            tmpfs={"/tmp": "size=64m", DATA: "size=1m"},  # noqa: S108
            networks=("data",),
            mounts=(self._files.mount(TARGET),),
        )
