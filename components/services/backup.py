"""The nightly dump: restored on trial before it counts, and pruned by day, week and month."""

from pathlib import Path

import pulumi

from components.containers import Container, ContainerArgs, Health, Process, Release
from components.containers.limits import Limits
from components.containers.storage import Storage
from components.services.postgres import DATA, DATABASES, USER, Postgres
from components.services.site import Site

HERE = Path(__file__).parent
FOLDER = "/srv/jira/backups"
"""On the host's root disk: another one than the data's."""
TARGET = "/backups"
MAXIMUM_AGE_HOURS = 26
"""Of the last good backup: a day, and two hours for the dump itself. Beyond, the container is unhealthy."""
ONCE_TIMEOUT_SECONDS = 3600


class Backup(pulumi.ComponentResource):
    """The container with the schedule. It is healthy once a backup that was restored is young enough."""

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
            site.images["postgres"],
            child,
        )
        self.container = Container(
            name,
            ContainerArgs(
                process=self._process("/etc/jira/scheduler.sh"),
                # Its first act is a backup, if there is none that is young enough.
                health=Health(
                    command=("bash", "/etc/jira/healthcheck.sh"), interval=3, start_period=600, wait=600
                ),
                release=Release(order="stop-first", grace=30),
                # Unhealthy means that there is no backup: someone must look, and a restart would hide it.
                autoheal=False,
                watched_image=site.images.tag("postgres"),
            ),
            site.runtime,
            site.networks,
            child,
            depends_on=[postgres.roles, *after],
        )
        self.register_outputs({})

    def once(self) -> Process:
        """The process that makes one backup now and ends."""
        return self._process("/etc/jira/backup.sh", timeout_seconds=ONCE_TIMEOUT_SECONDS)

    def _process(self, script: str, timeout_seconds: int = 0) -> Process:
        settings = self._site.settings.backup
        return Process(
            image=self._site.images["postgres"],
            user=USER,
            entrypoint=("bash", script),
            environment={
                "BACKUPS": TARGET,
                "DATABASES": " ".join(DATABASES),
                "KEEP_DAILY": str(settings.retention.daily),
                "KEEP_MONTHLY": str(settings.retention.monthly),
                "KEEP_WEEKLY": str(settings.retention.weekly),
                "MAXIMUM_AGE_HOURS": str(MAXIMUM_AGE_HOURS),
                "PGHOST": "postgres",
                "PGUSER": "backup",
                "SCHEDULE": settings.schedule,
            },
            secrets={"PGPASSWORD": self._site.credentials.backup},
            files={
                f"/etc/jira/{file}": (HERE / file).read_text(encoding="utf-8")
                for file in ("backup.sh", "healthcheck.sh", "scheduler.sh")
            },
            limits=Limits.of(self._site.settings.services.backup),
            # The image declares a volume there; without this each container would leave an anonymous one.
            tmpfs={"/tmp": "size=64m", DATA: "size=1m"},  # noqa: S108
            networks=("data",),
            mounts=(self._files.mount(TARGET),),
            timeout_seconds=timeout_seconds,
        )
