"""What could be had back, how much would be lost, and how long it would take."""

from components.monitoring.pages.page import (
    BYTES,
    DAYS,
    HOURS,
    SECONDS,
    Limits,
    Page,
    Panel,
    Query,
    Row,
    There,
)

DRILL = "min(jira_drill_good_timestamp_seconds)"
"""When what is off the machine was restored on trial for the first time; 0: not yet."""

LAST = Panel(
    "Last good backup",
    (Query("(time() - (jira_backup_finished_timestamp_seconds > 0)) / 3600", "{{kind}}"),),
    unit=HOURS,
    about="How long ago. Beyond 26 hours the backup is unhealthy.",
    limits=Limits(warn=25, bad=26),
)
FAILED = Panel(
    "Whether the last one failed",
    (Query("jira_backup_failed", "{{kind}}"),),
    about="1: it failed; the one before is still there, and grows older.",
    limits=Limits(bad=1),
)
ROOM = Panel(
    "Room where dumps are kept",
    (Query('jira_disk_available_bytes{disk="root"}', "{{disk}}"),),
    unit=BYTES,
    about="A dump that finds too little fails, and leaves those before it alone.",
    limits=Limits(warn=4 * 2**30, bad=2 * 2**30, below=True),
)
DAMAGED = Panel(
    "Copies that are damaged",
    (Query("jira_backup_copies_damaged", "in the bucket"),),
    about="1: the check of the bucket found some.",
    limits=Limits(bad=1),
)
WAITING = Panel(
    "Log that has not left the machine yet",
    (Query("jira_wal_archive_waiting_seconds", "the oldest of it"),),
    unit=SECONDS,
    about="So much of what was committed would be lost with the machine, if it were lost now.",
    limits=Limits(warn=120, bad=300),
)
GAP = Panel(
    "Gap in the log",
    (Query("jira_wal_archive_gap", "in the bucket"),),
    about="1: moments behind it cannot be had back until the next whole backup.",
    limits=Limits(bad=1),
)
POINTS = Panel(
    "Named moments that can be had back",
    (Query("jira_restore_points", "kept"),),
    about="Before each release, and by hand. Between them any moment can be had, to the commit.",
)
DRILLED = Panel(
    "Last good drill",
    (Query("(time() - (jira_drill_good_timestamp_seconds > 0)) / 86400", "{{kind}}"),),
    unit=DAYS,
    about="How long ago what is off the machine was restored on trial, and was whole.",
    limits=Limits(warn=8, bad=9),
    after=f"{DRILL} > 0",
)
DRILL_GOOD = Panel(
    "Whether the last drill was good",
    (Query("jira_drill_good", "{{kind}}"),),
    limits=Limits(bad=1, below=True),
)
RTO = Panel(
    "From nothing to checked",
    (Query("jira_drill_rto_seconds", "{{kind}}"),),
    unit=SECONDS,
    about="As the last drill measured it: for so long nobody is served.",
    after=f"{DRILL} > 0",
)
RPO = Panel(
    "What would have been lost",
    (Query("jira_drill_rpo_seconds", "{{kind}}"),),
    unit=SECONDS,
    about="As the last drill measured it: what was written in so long a time.",
    after=f"{DRILL} > 0",
)


def page(there: There) -> Page | None:
    """The page; None where nothing is known of them."""
    if not there.machine:
        return None
    away = (
        *((DAMAGED,) if there.copies else ()),
        *((WAITING, GAP, POINTS) if there.archive else ()),
    )
    return Page(
        "backups",
        "Backups",
        "What could be had back, how much would be lost, and how long it would take.",
        (
            Row("Dumps", (LAST, FAILED, ROOM)),
            *((Row("Off the machine", away, across=2),) if away else ()),
            *((Row("Drills", (DRILLED, DRILL_GOOD, RTO, RPO), across=2),) if there.drills else ()),
        ),
    )
