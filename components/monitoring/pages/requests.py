"""What users ask, and what they get: as the proxy sees it, and the API by itself."""

from components.monitoring.pages.page import (
    A_SECOND,
    BYTES,
    BYTES_A_SECOND,
    CORES,
    PERCENT,
    REQUESTS_A_SECOND,
    SECONDS,
    Limits,
    Page,
    Panel,
    Query,
    Row,
    There,
    or_none,
)

ALL = "sum by (service) (rate(traefik_service_requests_total[5m]))"
FAILED = (
    '(sum by (service) (rate(traefik_service_requests_total{code=~"5.."}[5m]))'
    f" or {ALL} * 0)"
)  # where none failed: nought
BUCKETS = 'sum by (service, le) (rate(traefik_service_request_duration_seconds_bucket{code!="101"}[5m]))'
"""Without WebSockets, which last as long as their pages are open."""

RATE = Panel(
    "Requests",
    (Query("sum by (service) (rate(traefik_service_requests_total[2m]))", "{{service}}"),),
    unit=REQUESTS_A_SECOND,
    about="By what answered them; `api@file` is the API. A release does not interrupt them.",
)
FAILING = Panel(
    "Requests that fail",
    (Query(f"{FAILED} / {ALL} * 100", "{{service}}"),),
    unit=PERCENT,
    about="Answered with 500 or more. Beyond 5 % for two minutes is an alert.",
    limits=Limits(warn=1, bad=5),
)
SLOW = Panel(
    "Slowest of twenty requests",
    (Query(f"histogram_quantile(0.95, {BUCKETS})", "{{service}}"),),
    unit=SECONDS,
    about="Beyond 1.2 s at the API for ten minutes is an alert.",
    limits=Limits(warn=0.5, bad=1.2),
)
MEDIAN = Panel(
    "Middle one of the requests",
    (Query(f"histogram_quantile(0.5, {BUCKETS})", "{{service}}"),),
    unit=SECONDS,
    about="Half of them take less.",
)
CODES = Panel(
    "Answers",
    (Query("sum by (service, code) (rate(traefik_service_requests_total[2m]))", "{{service}} {{code}}"),),
    unit=REQUESTS_A_SECOND,
    about="By status. Of 499 the client went away.",
)
REFUSED = Panel(
    "Requests that the proxy refuses",
    (
        Query(
            or_none(
                "sum by (code)"
                ' (rate(traefik_entrypoint_requests_total{entrypoint=~"web.*",code=~"4.."}[5m]))',
                "code",
            ),
            "{{code}}",
        ),
    ),
    unit=REQUESTS_A_SECOND,
    about="And what the services refuse. 429: beyond the limit of an address; 401: a wrong password.",
)
OPEN = Panel(
    "Open connections",
    (Query("sum by (entrypoint) (traefik_open_connections)", "{{entrypoint}}"),),
    about="Of browsers and Cloudflare. They grow where requests wait.",
)
SENT = Panel(
    "Sent to clients",
    (Query("sum by (service) (rate(traefik_service_responses_bytes_total[2m]))", "{{service}}"),),
    unit=BYTES_A_SECOND,
)
API_RATE = Panel(
    "Requests to the API, as it counts them",
    (Query('sum by (path, status) (rate(http_requests_total{job="api"}[2m]))', "{{path}} {{status}}"),),
    unit=REQUESTS_A_SECOND,
    about="With the health checks, which do not come through the proxy.",
)
API_SLOW = Panel(
    "Slowest of twenty, in the API",
    (
        Query(
            "histogram_quantile(0.95, sum by (path, le)"
            ' (rate(http_request_duration_seconds_bucket{job="api"}[5m])))',
            "{{path}}",
        ),
    ),
    unit=SECONDS,
    about="What the proxy waits beyond this, it waits for the connection.",
)
ERRORS = Panel(
    "Errors that were captured",
    (Query("sum by (job) (rate(captured_errors_total[5m]))", "{{job}}"),),
    unit=A_SECOND,
    about="Each has an event in Sentry, where that is set up, and in the log.",
)
PROCESS_CORES = Panel(
    "Cores of the processes",
    (
        Query(
            'rate(process_cpu_seconds_total{job=~"api|worker"}[2m])',
            "{{job}} {{instance}}",
        ),
    ),
    unit=CORES,
    about="A process of Node has one: at 1.0 it is the bound.",
    limits=Limits(warn=0.8, bad=0.95),
)
PROCESS_MEMORY = Panel(
    "Memory of the processes",
    (Query('process_resident_memory_bytes{job=~"api|worker"}', "{{job}} {{instance}}"),),
    unit=BYTES,
    about="What only grows, from release to release, is a leak.",
)
EVENT_LOOP = Panel(
    "Event loop, slowest of a hundred turns",
    (Query("nodejs_eventloop_lag_p99_seconds", "{{job}} {{instance}}"),),
    unit=SECONDS,
    about="For so long a process of Node does nothing else. Some 10 ms are its resolution.",
    limits=Limits(warn=0.1, bad=0.5),
)


def page(_: There) -> Page:
    """The page."""
    return Page(
        "requests",
        "Requests",
        "What users ask, what they get, and how soon.",
        (
            Row("At the proxy", (RATE, FAILING, SLOW, CODES, REFUSED, MEDIAN, OPEN, SENT)),
            Row(
                "In the API",
                (API_RATE, API_SLOW, ERRORS, EVENT_LOOP, PROCESS_CORES, PROCESS_MEMORY),
            ),
        ),
    )
