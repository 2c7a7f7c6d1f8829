"""What the store's own interface shows first: whether all is well, on one page.

https://github.com/VictoriaMetrics/VictoriaMetrics/tree/v1.151.0/app/vmui/packages/vmui/public/dashboards
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

COLUMNS = 12
"""Of a row."""


@dataclass(frozen=True)
class Panel:
    """A chart of one or more queries in MetricsQL, `width` of the twelve columns wide."""

    title: str
    queries: tuple[str, ...]
    unit: str = ""
    about: str = ""
    width: int = 4


@dataclass(frozen=True)
class Row:
    """Panels under one heading."""

    title: str
    panels: tuple[Panel, ...]


WELL = Row(
    "Is it well?",
    (
        Panel(
            "Services that are not healthy",
            ("sum by (service) (1 - jira_service_healthy)",),
            about="0 each. 1: none of its containers is healthy, or none is there",
        ),
        Panel(
            "Starts of containers in an hour",
            ("sum by (service) (changes_prometheus(jira_container_start_time_seconds[1h]))",),
            about="a restart; a release is a new container and counts as none",
        ),
        Panel("Who does not tell its metrics", ("1 - up",), about="0 each"),
        Panel(
            "Last good backup",
            ("(time() - jira_backup_finished_timestamp_seconds) / 3600",),
            unit="h",
            about="beyond 26 hours the backup is unhealthy",
        ),
        Panel(
            "Certificates",
            ("(min by (cn) (traefik_tls_certs_not_after) - time()) / 86400",),
            unit="days left",
        ),
        Panel(
            "Last release",
            ("(time() - jira_release_good_timestamp_seconds) / 86400",),
            unit="days ago",
            about="the last that was recorded as good",
        ),
    ),
)
REQUESTS = Row(
    "Requests, at the proxy",
    (
        Panel(
            "Requests per second",
            ("sum by (service, code) (rate(traefik_service_requests_total[1m]))",),
            width=6,
        ),
        Panel(
            "Errors of the server per second",
            (
                "sum by (service) (rate(traefik_service_requests_total[1m]) *"
                ' (label_value(traefik_service_requests_total, "code") >=bool 500))',
            ),
            about="what was answered with 500 or more",
            width=6,
        ),
        Panel(
            "Slowest of twenty",
            (
                "histogram_quantile(0.95, sum by (service, le)"
                " (rate(traefik_service_request_duration_seconds_bucket[5m])))",
            ),
            unit="s",
            width=6,
        ),
        Panel("Open connections", ("sum by (entrypoint) (traefik_open_connections)",), width=6),
    ),
)
APPLICATION = Row(
    "Application and workflows",
    (
        Panel("Event loop, slowest of a hundred", ("nodejs_eventloop_lag_p99_seconds",), unit="s"),
        Panel(
            "Memory of the processes", ("sum by (job, instance) (process_resident_memory_bytes)",), unit="B"
        ),
        Panel(
            "Tasks that wait for a worker",
            ("sum by (taskqueue, task_type) (approximate_backlog_count)",),
        ),
    ),
)
DATABASE = Row(
    "Database",
    (
        Panel("Sessions", ('sum by (usename, state) (pg_stat_activity_count{usename!=""})',)),
        Panel(
            "Transactions per second",
            (
                "sum by (datname) (rate(pg_stat_database_xact_commit[1m]))",
                "sum by (datname) (rate(pg_stat_database_xact_rollback[1m]))",
            ),
        ),
        Panel("Size", ("pg_database_size_bytes", "pg_wal_size_bytes"), unit="B"),
    ),
)
MACHINE = Row(
    "Machine",
    (
        Panel(
            "Cores in use",
            ('sum by (mode) (rate(node_cpu_seconds_total{mode!="idle"}[1m]))',),
            about="of all processors together",
        ),
        Panel(
            "Memory that can be had",
            ("node_memory_MemAvailable_bytes", "node_memory_MemTotal_bytes"),
            unit="B",
        ),
        Panel("Room on the disks", ("jira_disk_available_bytes / jira_disk_size_bytes * 100",), unit="%"),
        Panel(
            "Memory of the containers, of what each may have",
            ("max by (service) (jira_container_memory_bytes / jira_container_memory_limit_bytes) * 100",),
            unit="%",
            width=6,
        ),
        Panel(
            "Cores of the containers",
            ("sum by (service) (rate(jira_container_cpu_seconds_total[1m]))",),
            width=6,
        ),
    ),
)
DRILLS = Row(
    "Drills",
    (
        Panel(
            "Last good drill",
            ("(time() - jira_drill_good_timestamp_seconds) / 86400",),
            unit="days ago",
            width=6,
        ),
        Panel("From nothing to checked", ("jira_drill_rto_seconds",), unit="s", width=6),
    ),
)
LOGS = Row(
    "Logs",
    (
        Panel("Lines per second", ("sum(rate(jira_logs_shipped_lines_total[1m]))",)),
        Panel(
            "Behind",
            ("jira_logs_behind_seconds",),
            unit="s",
            about="the age of what is not in their store yet",
        ),
        Panel(
            "Lines lost in an hour",
            ("sum by (reason) (increase(jira_logs_lost_lines_total[1h]))",),
            about="journal: gone before they were read; rate: left out by journald; store: refused",
        ),
    ),
)


def rows(*, drills: bool, logs: bool) -> tuple[Row, ...]:
    """What the overview has.

    `drills`: whether copies leave the machine, which are restored on trial. `logs`: whether there is a store
    of logs.
    """
    besides = (*((DRILLS,) if drills else ()), *((LOGS,) if logs else ()))
    return (WELL, REQUESTS, APPLICATION, DATABASE, MACHINE, *besides)


def overview(found: Sequence[Row]) -> str:
    """The page as the interface reads it, JSON."""
    page = {
        "title": "Overview",
        "rows": [
            {
                "title": row.title,
                "panels": [
                    {
                        "title": panel.title,
                        "description": panel.about,
                        "unit": panel.unit,
                        "expr": list(panel.queries),
                        "width": panel.width,
                    }
                    for panel in row.panels
                ],
            }
            for row in found
        ],
    }
    return json.dumps(page, indent=2) + "\n"
