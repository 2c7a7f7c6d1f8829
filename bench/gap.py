"""For how long each service that stops first is not there while it is replaced: see docs/bench.md."""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import docker

from operations.deployment import Deployment
from operations.meaning.plan import CONTAINER
from rehearsal.run import Rehearsal

ROOT = Path(__file__).resolve().parent.parent
STACK = "local"
"""Its containers are this machine's, so that Docker's clock is ours."""
FILE = ROOT / "operations" / "meaning" / "gaps.json"


def main() -> int:
    """Exit code 0; the numbers are printed, and with `--write` kept for the previews."""
    parser = argparse.ArgumentParser(prog="python -m bench.gap", description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="of each (default: 3)")
    parser.add_argument("--write", action="store_true", help=f"also into {FILE.relative_to(ROOT)}")
    arguments = parser.parse_args()
    rehearsal = Rehearsal(ROOT, STACK, say=lambda _: None, show=lambda _: None)
    medians = {}
    with rehearsal.standing() as deployment:
        deployment.up()
        for service in fixed(deployment.resources()):
            seconds = [gap(deployment, service) for _ in range(arguments.runs)]
            medians[service] = round(statistics.median(seconds), 1)
            print(f"{service:<20}{min(seconds):7.1f}{medians[service]:7.1f}{max(seconds):7.1f} s", flush=True)
    if arguments.write:
        FILE.write_text(json.dumps(medians, indent=1, sort_keys=True) + "\n")
    return 0


def fixed(resources: Iterable[Mapping[str, Any]]) -> list[str]:
    """The services whose containers have a fixed name, of which there can be but one."""
    return [
        service
        for resource in resources
        if resource["type"] == CONTAINER
        and (service := str(resource["urn"]).rpartition("::")[2])
        and resource["inputs"].get("name") == f"jira-{STACK}-{service}"
    ]


def gap(deployment: Deployment, service: str) -> float:
    """Replaces the container; seconds from the old one's stop signal until the new one is healthy."""
    (urn,) = (
        str(resource["urn"])
        for resource in deployment.resources()
        if resource["type"] == CONTAINER and str(resource["urn"]).endswith(f"::{service}")
    )
    started = time.time()
    deployment.up(replace=urn)
    labels = [f"jira-plus-plus.stack={STACK}", f"jira-plus-plus.service={service}"]
    with docker.from_env() as client:
        events = list(
            client.events(
                since=started, until=time.time(), filters={"type": "container", "label": labels}, decode=True
            )
        )
    stopped = min(event["timeNano"] for event in events if event["Action"] == "kill")
    healthy = max(event["timeNano"] for event in events if event["Action"] == "health_status: healthy")
    return float(healthy - stopped) / 1e9


if __name__ == "__main__":
    raise SystemExit(main())
