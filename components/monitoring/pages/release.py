"""The last release: what runs since then, and whether anything has been otherwise since."""

from components.monitoring.pages import requests
from components.monitoring.pages.page import DAYS, HOURS, Limits, Page, Panel, Query, Row, There

APPLICATION = 'service=~"api|api-canary|worker|web"'

LAST = Panel(
    "Last release",
    (Query("(time() - (jira_release_good_timestamp_seconds > 0)) / 86400", "recorded as good"),),
    unit=DAYS,
    about="How long ago. What began when a release did, most often is the release.",
)
STARTS = Panel(
    "Starts of containers in an hour",
    (
        Query(
            "topk_max(8, sum by (service) (changes_prometheus(jira_container_start_time_seconds[1h])))",
            "{{service}}",
        ),
    ),
    about="Restarts; a release is a new container and counts as none.",
    limits=Limits(warn=1, bad=4),
)
UNDER_WAY = Panel(
    "Begun, and not good",
    (
        Query(
            "(jira_release_begun_timestamp_seconds > bool jira_release_good_timestamp_seconds)"
            " * (time() - jira_release_begun_timestamp_seconds) / 3600",
            "begun so long ago",
        ),
    ),
    unit=HOURS,
    about="0: none is under way. Beyond an hour and a half it has failed; what served before still serves.",
    limits=Limits(warn=0.5, bad=1.5),
)
CONTAINERS = Panel(
    "Containers that run",
    (
        Query(
            f"count by (service) (jira_container_running{{{APPLICATION}}} == 1)",
            "{{service}}",
        ),
    ),
    about="Two for the time of a release; web's former one stays for the pages that are open.",
)
IMAGES = Panel(
    "Images that run",
    (
        Query(
            f"count by (service, digest) (jira_container_info{{{APPLICATION}}}"
            " and on (id) jira_container_running == 1)",
            "{{service}} {{digest}}",
        ),
    ),
    about="By digest, as `make releases` lists them.",
)
AGE = Panel(
    "Age of the containers",
    (
        Query(
            f"max by (service) (time() - jira_container_start_time_seconds{{{APPLICATION}}}) / 3600",
            "{{service}}",
        ),
    ),
    unit=HOURS,
    about="Of the oldest of each.",
)
DEATHS = Panel(
    "Ends of containers in an hour",
    (Query("sum by (service) (increase_prometheus(jira_container_deaths_total[1h]))", "{{service}}"),),
    about="A release ends one of each service that it replaces; more than three in 15 minutes are an alert.",
    limits=Limits(warn=3, bad=6),
)


def page(there: There) -> Page | None:
    """The page; None where nothing is known of containers."""
    if not there.machine:
        return None
    return Page(
        "release",
        "Release",
        "What runs since the last release, and whether anything has been otherwise since.",
        (
            Row("The last one", (LAST, UNDER_WAY), across=2),
            Row("What runs", (IMAGES, CONTAINERS, AGE, STARTS, DEATHS)),
            Row("Since then", (requests.RATE, requests.FAILING, requests.SLOW)),
            Row("In its processes", (requests.ERRORS, requests.EVENT_LOOP, requests.PROCESS_MEMORY)),
        ),
    )
