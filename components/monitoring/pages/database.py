"""The database: who is in it, what it does, how large it is."""

from components.monitoring.pages.page import (
    A_SECOND,
    BYTES,
    PERCENT,
    SECONDS,
    Limits,
    Page,
    Panel,
    Query,
    Row,
    There,
)

OURS = 'datname!~"template.*|"'
"""In a selector: the databases that somebody uses."""

ANSWERS = Panel(
    "Answers",
    (Query("pg_up", "Postgres"),),
    about="1. With 0 neither API nor worker nor Temporal can do anything.",
    limits=Limits(bad=1, below=True),
    now=True,
)
SINCE = Panel(
    "Since its last start",
    (Query("time() - pg_postmaster_start_time_seconds", "Postgres"),),
    unit=SECONDS,
    now=True,
)
SHARES = Panel(
    "Sessions of the database, of each role's share",
    (
        Query(
            'sum by (usename) (pg_stat_activity_count{usename!=""}) / on (usename)'
            ' label_move(pg_roles_connection_limit > 0, "rolname", "usename") * 100',
            "{{usename}}",
        ),
    ),
    unit=PERCENT,
    about="A release takes the double. Who has used up its share is refused.",
    limits=Limits(warn=80, bad=90),
)
SESSIONS = Panel(
    "Sessions",
    (
        Query(
            'sum by (usename, state) (pg_stat_activity_count{usename!=""}) > 0',
            "{{usename}} {{state}}",
        ),
    ),
    about="`idle in transaction` for long is a client that forgot to commit.",
)
ALL_SESSIONS = Panel(
    "Sessions of all roles, of max_connections",
    (
        Query(
            "sum(pg_stat_activity_count) / on() max(pg_settings_max_connections) * 100",
            "of all",
        ),
    ),
    unit=PERCENT,
    limits=Limits(warn=75, bad=85),
    now=True,
)
TRANSACTIONS = Panel(
    "Transactions",
    (
        Query(
            f"sum by (datname) (rate(pg_stat_database_xact_commit{{{OURS}}}[2m]))", "{{datname}} committed"
        ),
        Query(
            f"sum by (datname) (rate(pg_stat_database_xact_rollback{{{OURS}}}[2m]))",
            "{{datname}} rolled back",
        ),
    ),
    unit=A_SECOND,
)
ROWS = Panel(
    "Rows that are written",
    tuple(
        Query(
            f"sum by (datname) (rate(pg_stat_database_tup_{what}{{{OURS}}}[2m]))",
            f"{{{{datname}}}} {what}",
        )
        for what in ("inserted", "updated", "deleted")
    ),
    unit=A_SECOND,
)
READ = Panel(
    "Blocks that were found in memory",
    (
        Query(
            f"sum by (datname) (increase(pg_stat_database_blks_hit{{{OURS}}}[10m])) / (sum by (datname)"
            f" (increase(pg_stat_database_blks_hit{{{OURS}}}[10m]) +"
            f" increase(pg_stat_database_blks_read{{{OURS}}}[10m]))) * 100",
            "{{datname}}",
        ),
    ),
    unit=PERCENT,
    about="What is not found is read from the disk, or from the kernel's memory.",
    limits=Limits(warn=95, bad=85, below=True),
)
LOCKS = Panel(
    "Locks",
    (Query(f"sum by (datname, mode) (pg_locks_count{{{OURS}}}) > 0", "{{datname}} {{mode}}"),),
    about="`accessexclusivelock` keeps everybody else from a table: a migration has it, for a moment.",
)
OLDEST = Panel(
    "Oldest transaction",
    (Query("max(pg_long_running_transactions_oldest_timestamp_seconds)", "for so long"),),
    unit=SECONDS,
    about="While it lasts nothing is tidied up that is newer. The nightly dump is one.",
    limits=Limits(warn=300, bad=3600),
)
DEADLOCKS = Panel(
    "Deadlocks in ten minutes",
    (Query(f"sum by (datname) (increase(pg_stat_database_deadlocks{{{OURS}}}[10m]))", "{{datname}}"),),
    about="Postgres has ended one of two that waited for each other; it must try again.",
    limits=Limits(warn=1, bad=10),
)
SIZE = Panel(
    "Size",
    (Query(f"pg_database_size_bytes{{{OURS}}}", "{{datname}}"),),
    unit=BYTES,
    about="What was deleted makes room for what comes, and shrinks nothing.",
)
WAL = Panel(
    "Its log",
    (Query("pg_wal_size_bytes", "on the disk"),),
    unit=BYTES,
    about="Without trouble at most 1.5 GB. It grows where it does not leave the machine, or a slot holds it.",
    limits=Limits(warn=1.5 * 2**30, bad=2 * 2**30),
)
ARCHIVED = Panel(
    "Segments of the log that were archived",
    (
        Query("increase_prometheus(pg_stat_archiver_archived_count[10m])", "archived in ten minutes"),
        Query("increase_prometheus(pg_stat_archiver_failed_count[10m])", "failed in ten minutes"),
    ),
)


def page(there: There) -> Page:
    """The page."""
    return Page(
        "database",
        "Database",
        "Who is in the database, what it does, and how large it is.",
        (
            Row("Is it well?", (ANSWERS, SINCE, ALL_SESSIONS)),
            Row("Who is in it", (SHARES, SESSIONS, OLDEST)),
            Row("What it does", (TRANSACTIONS, ROWS, READ, LOCKS, DEADLOCKS)),
            Row("How large it is", (SIZE, WAL, *((ARCHIVED,) if there.archive else ()))),
        ),
    )
