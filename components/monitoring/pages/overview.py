"""Is it well? What whoever is woken looks at first."""

from components.monitoring.pages import backups, database, host, release, requests, workflows
from components.monitoring.pages.page import DAYS, Limits, Page, Panel, Query, Row, There, or_none

NOT_HEALTHY = Panel(
    "Services that are not healthy",
    (
        # The worst eight of the time that is shown: one that is well again has 0 for its last.
        Query("topk_max(8, sum by (service) (1 - jira_service_healthy))", "{{service}}"),
    ),
    about="1: none of its containers is healthy, or none is there.",
    limits=Limits(bad=1),
)
ALERTS = Panel(
    "Alerts that fire",
    (
        Query(
            or_none('count by (alertname) (ALERTS{alertstate="firing",severity!="none"})', "alertname"),
            "{{alertname}}",
        ),
    ),
    about="Each has its page in docs/runbook.md.",
    limits=Limits(bad=1),
)
NOT_TOLD = Panel(
    "Who does not tell its metrics",
    (Query("topk_max(8, sum by (job) (1 - up))", "{{job}}"),),
    about="What such a service should tell is not known.",
    limits=Limits(bad=1),
)
CERTIFICATES = Panel(
    "Certificates",
    (Query("(max by (sans) (traefik_tls_certs_not_after) - time()) / 86400", "{{sans}}"),),
    unit=DAYS,
    about="How long they last. With less than 14 days their renewal has failed.",
    limits=Limits(warn=14, bad=7, below=True),
)


def page(there: There) -> Page:
    """The page."""
    of_machine = there.machine
    return Page(
        "overview",
        "Overview",
        "Is it well? Whatever is not has a page of its own beside this one.",
        (
            Row(
                "Is it well?",
                (
                    *((NOT_HEALTHY,) if of_machine else ()),
                    ALERTS,
                    NOT_TOLD,
                    *((release.STARTS, backups.LAST) if of_machine else ()),
                    *((CERTIFICATES,) if there.tls else ()),
                ),
            ),
            Row("What users get", (requests.RATE, requests.FAILING, requests.SLOW)),
            Row("Behind it", (database.SHARES, workflows.OLDEST, requests.EVENT_LOOP)),
            Row(
                "The machine",
                (
                    host.CORES_IN_USE,
                    host.MEMORY,
                    *((host.DISKS, host.CONTAINERS_MEMORY, release.LAST) if of_machine else ()),
                ),
            ),
        ),
    )
