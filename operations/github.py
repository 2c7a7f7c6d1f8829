"""Runs of GitHub Actions, as the machines of this project's workflows are named after theirs.

A hosted runner bears the name of its image, which all the world's runners share. `.github/actions/setup`
names it `github-run-<id>-<attempt>` before anything is locked, so the lock says whose it is.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

import requests

MACHINE = re.compile(r"github-run-(?P<run>\d+)-(?P<attempt>\d+)")


def tell(outputs: Mapping[str, str], environment: Mapping[str, str] = os.environ) -> None:
    """Makes these the outputs of the step of a workflow that this runs in; elsewhere nothing."""
    if target := environment.get("GITHUB_OUTPUT"):
        with Path(target).open("a", encoding="utf-8") as handle:
            handle.writelines(f"{name}={value}\n" for name, value in outputs.items())


class Unanswered(Exception):
    """GitHub did not say whether the run is over; the message has its answer."""


def is_over(machine: str, environment: Mapping[str, str]) -> bool:
    """Whether `machine` was a runner of this repository's whose run has ended; False for any other name.

    Asks with `GITHUB_TOKEN` (`actions: read`) for a run of `GITHUB_REPOSITORY`.

    Raises:
        Unanswered: it is a runner's name, and GitHub cannot be asked, or refuses.
    """
    found = MACHINE.fullmatch(machine)
    if found is None:
        return False
    token, repository = environment.get("GITHUB_TOKEN"), environment.get("GITHUB_REPOSITORY")
    if not (token and repository):
        raise Unanswered("GITHUB_TOKEN and GITHUB_REPOSITORY are not there to ask with")
    api = environment.get("GITHUB_API_URL") or "https://api.github.com"
    url = f"{api}/repos/{repository}/actions/runs/{found['run']}/attempts/{found['attempt']}"
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/vnd.github+json"}
    try:
        answer = requests.get(url, headers=headers, timeout=30)
    except requests.RequestException as error:
        raise Unanswered(str(error)) from None
    if not answer.ok:
        raise Unanswered(f"{answer.status_code} from {url} (the token needs `actions: read`)")
    return bool(answer.json()["status"] == "completed")
