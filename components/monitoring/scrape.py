"""What is asked for its metrics: the configuration of the store, as Prometheus has it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

INTERVAL_SECONDS = 15
TIMEOUT_SECONDS = 10
NOT_KEPT = {
    # Some hundred settings of the server, of which a rule needs one.
    "postgres": '{__name__=~"pg_settings_.+",__name__!="pg_settings_max_connections"}',
    # Of 18,000 samples of a scrape of UAT 14,000 were Temporal's, and most of them such parts of histograms.
    "temporal": '{__name__=~".+_bucket",__name__!~"(service|persistence)_latency_seconds_bucket"}',
}
"""By job, what of its metrics is dropped."""


def config(
    *, asked: Mapping[str, str], found: Mapping[str, tuple[str, int]], labels: Mapping[str, str]
) -> str:
    """The configuration, as JSON, which is YAML.

    `asked` are addresses by job, of what is there once: one that does not answer is `up 0`. `found` are names
    in Docker's DNS, and ports: of these there are two during a release, each with an `instance` of its own,
    for two counters that answer in turn under one name would be taken for one that jumps. `labels` are more
    of the job `host`.

    https://docs.victoriametrics.com/victoriametrics/sd_configs/, `scrape_config`
    """
    jobs: list[dict[str, Any]] = []
    for job, address in asked.items():
        target: dict[str, Any] = {"targets": [address]}
        if job == "host":
            target["labels"] = dict(labels)
        jobs.append({"job_name": job, "static_configs": [target], **_dropped(job)})
    for job, (name, port) in found.items():
        jobs.append(
            {
                "job_name": job,
                "dns_sd_configs": [{"names": [name], "type": "A", "port": port}],
                **_dropped(job),
            }
        )
    configuration = {
        "global": {
            "scrape_interval": f"{INTERVAL_SECONDS}s",
            "scrape_timeout": f"{TIMEOUT_SECONDS}s",
        },
        "scrape_configs": jobs,
    }
    return json.dumps(configuration, indent=2) + "\n"


def _dropped(job: str) -> dict[str, Sequence[Mapping[str, str]]]:
    condition = NOT_KEPT.get(job)
    return {"metric_relabel_configs": [{"action": "drop", "if": condition}]} if condition else {}
