"""The scripts of the backup, as files in its container."""

from pathlib import Path

FOLDER = "/etc/jira"


def _read(*names: str) -> dict[str, str]:
    here = Path(__file__).parent
    return {f"{FOLDER}/{name}": (here / name).read_text(encoding="utf-8") for name in names}


_DRILL = ("drill.sh", "evidence.sh")
BUCKETS = _read(
    *_DRILL,
    "drill-copies.sh",
    "masked.sh",
    "masking.sql",
    "offsite.sh",
    "restic.sh",
    "with-copies.sh",
)
"""What copies dumps off the machine, restores the copies on trial, and hands masked rows on."""
ARCHIVE = _read(
    *_DRILL, "archive.sh", "drill-log.sh", "moment.sh", "replay.sh", "repository.sh", "with-copies.sh"
)
"""What makes backups of the whole cluster there, tries them, and makes dumps of it as it was at a moment."""
DUMPS = _read(
    "backup.sh",
    "content.sh",
    "healthcheck.sh",
    "log.sh",
    "postgres.sh",
    "retention.sh",
    "scheduler.sh",
    "scratch.sh",
    "service.conf",
)
"""What makes them, proves them, and says how old the last good one is."""
