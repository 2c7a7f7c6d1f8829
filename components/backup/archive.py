"""What the backup's container needs to make backups of the whole cluster, beside the log of the server's."""

from dataclasses import replace

from components.backup import scripts
from components.containers import Process
from components.services.archive import Archive
from components.services.postgres import DATA, Postgres
from components.settings.point_in_time import PointInTime


def archived(process: Process, postgres: Postgres, archive: Archive, settings: PointInTime) -> Process:
    """The process that makes these backups as well: it reads the server's files, and has its socket."""
    return replace(
        process,
        entrypoint=("bash", f"{scripts.FOLDER}/with-copies.sh"),
        environment={
            **process.environment,
            **archive.environment,
            "DIFFERENTIAL_HOURS": str(settings.differential_hours),
            "DRILL_LOG_DAYS": str(settings.drill_days),
            "FULL_DAYS": str(settings.full_days),
            "INCREMENTAL_HOURS": str(settings.incremental_hours),
        },
        files={**process.files, **archive.files, **scripts.ARCHIVE},
        tmpfs={path: options for path, options in process.tmpfs.items() if path != DATA},
        networks=tuple(dict.fromkeys((*process.networks, "egress"))),
        mounts=(
            *process.mounts,
            replace(postgres.data, read_only=True),
            replace(archive.socket, read_only=True),
        ),
    )
