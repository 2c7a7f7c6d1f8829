"""For how long nobody is served while Postgres, Temporal or Traefik gets another image: see docs/bench.md."""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Callable
from dataclasses import dataclass

import docker

from bench.up import up
from operations import stack_file
from operations.deployment import Deployment
from operations.gaps import GAPS
from rehearsal.images import registry
from rehearsal.run import STACKS
from tests.playbook.asking import PAUSE_SECONDS, Asked, asking
from tests.playbook.graphql import Api
from tests.playbook.target import Target

SERVICES = tuple(GAPS)
PATIENCE_SECONDS = 2.0
"""For an answer: what hangs ends then, and is asked anew."""
TIMES = 2.0
"""Limit: of what previews say of a service (`operations/gaps.py`), by the worst of the three questions."""


@dataclass(frozen=True)
class Seen:
    """A change of one image."""

    service: str
    up: float
    """Seconds from the command to its end."""
    page: Asked
    query: Asked
    workflow: Asked

    @property
    def worst(self) -> float:
        """The longest gap, in seconds."""
        return max(one.gap for one in (self.page, self.query, self.workflow))

    def line(self) -> str:
        """Of the table."""
        parts = (
            f"{one.gap:.1f} s ({one.lost} of {len(one.answers)})"
            for one in (self.page, self.query, self.workflow)
        )
        return f"| {self.service} | {' | '.join(parts)} | {self.up:.0f} s |"


def main() -> int:
    """Exit codes: 0 within the limits, 1 not."""
    parser = argparse.ArgumentParser(prog="python -m bench.gap", description=__doc__)
    parser.add_argument("--stack", choices=STACKS, default="local", help="rehearsed, and up")
    parser.add_argument("--services", nargs="+", choices=SERVICES, default=SERVICES)
    parser.add_argument("--runs", type=int, default=1, help="there and back, of each (default: 1)")
    arguments = parser.parse_args()
    seen = []
    with up(arguments.stack) as (deployment, target):
        print(
            "| image of | a page | a query | a workflow begins | the command |\n|---|---|---|---|---|",
            flush=True,
        )
        for service in arguments.services:
            for image in _there_and_back(deployment, service, arguments.runs):
                seen.append(_change(deployment, target, service, image))
                print(seen[-1].line(), flush=True)
    return 0 if all(one.worst <= TIMES * GAPS[one.service].seconds for one in seen) else 1


def _there_and_back(deployment: Deployment, service: str, runs: int) -> list[str]:
    file = deployment.project / f"Pulumi.{deployment.stack}.yaml"
    before = stack_file.images(file)[service]
    return [_another(before), before] * runs


def _another(reference: str) -> str:
    """The same image with one more label, which has another digest, in the registry of this machine."""
    client = docker.from_env()
    repository, _, tag = reference.partition("@")[0].rpartition(":")
    text = f'FROM {reference}\nLABEL gap="measured"\n'
    image, _ = client.images.build(fileobj=io.BytesIO(text.encode()), rm=True)
    image.tag(repository, f"{tag}-gap")
    return registry.send(client, repository, f"{tag}-gap")


def _change(deployment: Deployment, target: Target, service: str, image: str) -> Seen:
    """Deploys the image, and asks meanwhile."""
    file = deployment.project / f"Pulumi.{deployment.stack}.yaml"
    with target.http() as client:
        api = Api(target, client).login()
        issue = api.create("while an image changes")
    stack_file.write_images(file, {service: image})

    def page() -> None:
        with target.http() as fresh:
            fresh.get(target.url("web"), timeout=PATIENCE_SECONDS).raise_for_status()

    def question(work: Callable[[Api], object]) -> Callable[[], None]:
        def ask() -> None:
            with target.http() as fresh:
                fresh.timeout = PATIENCE_SECONDS
                session = Api(target, fresh)
                session.token = api.token
                work(session)

        return ask

    with (
        asking(page) as pages,
        asking(question(lambda session: session.run("{ issues(first: 1) { id } }"))) as queries,
        asking(question(lambda session: session.triage(issue)), pause=4 * PAUSE_SECONDS) as workflows,
    ):
        time.sleep(2)
        began = time.monotonic()
        deployment.up()
        took = time.monotonic() - began
        time.sleep(5)
    return Seen(service, took, pages, queries, workflows)


if __name__ == "__main__":
    raise SystemExit(main())
