"""Temporal: whether work is taken, how it ends, and whether the server keeps up."""

from components.monitoring.pages.page import (
    A_SECOND,
    NUMBER,
    SECONDS,
    Limits,
    Page,
    Panel,
    Query,
    Row,
    There,
    or_none,
)

USERS = 'namespace!="temporal-system"'
"""In a selector: not what Temporal does for itself."""

OLDEST = Panel(
    "Oldest task that waits for a worker",
    (Query(f"max by (taskqueue) (approximate_backlog_age_seconds{{{USERS}}})", "{{taskqueue}}"),),
    unit=SECONDS,
    about="Beyond two minutes nobody takes them, or not fast enough.",
    limits=Limits(warn=30, bad=120),
)
BACKLOG = Panel(
    "Tasks that wait for a worker",
    (
        Query(
            f"sum by (taskqueue, task_type) (approximate_backlog_count{{{USERS}}})",
            "{{taskqueue}} {{task_type}}",
        ),
    ),
    unit=NUMBER,
)
ENDED = Panel(
    "Workflows that completed",
    (
        Query(
            f"sum by (namespace) (rate(workflow_success_total{{{USERS}}}[5m]))",
            "{{namespace}}",
        ),
    ),
    unit=A_SECOND,
)
NOT_WELL = Panel(
    "Workflows that did not complete, in an hour",
    tuple(
        # One that never happened is not there yet: a line at nought, and no empty panel.
        Query(f"sum(increase(workflow_{what}_total{{{USERS}}}[1h])) or vector(0)", said)
        for what, said in (
            ("failed", "failed"),
            ("timeout", "out of time"),
            ("terminate", "terminated"),
            ("cancel", "cancelled"),
        )
    ),
    about="Failed, or out of time. Its history in Temporal's interface says why.",
    limits=Limits(warn=1, bad=10),
)
BY_APPLICATION = Panel(
    "Workflows, as the application counts them",
    (Query("sum by (status) (rate(temporal_workflows_total[5m]))", "{{status}}"),),
    unit=A_SECOND,
)
ASKED = Panel(
    "What the server is asked",
    (Query("topk(8, sum by (operation) (rate(service_requests_total[5m])))", "{{operation}}"),),
    unit=A_SECOND,
    about="The eight most frequent. Polls of the workers are most of them.",
)
LATENCY = Panel(
    "Slowest of twenty answers of the server",
    (
        Query(
            "histogram_quantile(0.95, sum by (service_name, le)"
            ' (rate(service_latency_seconds_bucket{operation!~".*Poll.*"}[5m])))',
            "{{service_name}}",
        ),
    ),
    unit=SECONDS,
    about="Without polls, which wait on purpose.",
)
STORE = Panel(
    "Slowest of twenty questions to the database",
    (
        Query(
            "topk(8, histogram_quantile(0.95, sum by (operation, le)"
            " (rate(persistence_latency_seconds_bucket[5m]))))",
            "{{operation}}",
        ),
    ),
    unit=SECONDS,
    about="The eight slowest operations. Where all are slow, the database is.",
)
ERRORS = Panel(
    "Errors of the server",
    (
        Query(
            or_none("sum by (error_type) (rate(service_error_with_type_total[5m]))", "error_type"),
            "{{error_type}}",
        ),
    ),
    unit=A_SECOND,
    about="Some are ordinary: what was asked for is not there, a workflow has been started already.",
)


def page(_: There) -> Page:
    """The page."""
    return Page(
        "workflows",
        "Workflows",
        "Whether work is taken, how it ends, and whether the server keeps up.",
        (
            Row("Is it taken?", (OLDEST, BACKLOG), across=2),
            Row("How it ends", (ENDED, NOT_WELL, BY_APPLICATION)),
            Row("The server", (ASKED, LATENCY, STORE, ERRORS), across=2),
        ),
    )
