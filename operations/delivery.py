"""What the workflow `release` does: new images of a stack, committed or proposed, as its file says.

    python -m operations.delivery --stack prod --api ghcr.io/example-org/api:1.1.0@sha256:…

Pushes to the repository that it runs in, with `GITHUB_TOKEN` (contents: write); with `release.commit` to the
branch, else to one of the stack's own, for which it opens a pull request (pull-requests: write).
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import requests

from operations import github, stack_file
from operations.at_server import told
from operations.branch import NotDelivered, Repository, listed, title_of
from operations.deployment import Deployment
from operations.engine import engine
from operations.environment import read_env_file
from operations.registry import NotThere
from operations.release import NoRelease, add_images, fitting, images_of, told_of

ROOT = Path(__file__).resolve().parents[1]
STACKS = ("uat", "prod")
"""Those that a pipeline may name."""


class Delivery:
    """Of images to one stack, whose file is in the repository of `checkout`."""

    def __init__(
        self, checkout: Path, stack: str, environment: Mapping[str, str], say: Callable[[str], None] = print
    ) -> None:
        self._checkout, self._stack, self._say = checkout, stack, say
        self._environment = environment
        self._file = f"Pulumi.{stack}.yaml"
        self._branch = environment.get("RELEASE_BRANCH") or "main"
        self.repository = Repository(checkout, self._branch)

    def make(self, wanted: Mapping[str, str], why: str = "") -> dict[str, str]:
        """Checks the images and brings them; what came of it, by name, for the next steps of a workflow.

        `commit` and `base` name the commit and the one below it; with `pull_request` (its number) they are on
        a branch that waits to be merged. Nothing of it: the file names these images already.

        Raises:
            NotThere, NoRelease, NotDelivered, Unwritable: nothing was pushed.
        """
        with self.repository.newest() as tree:
            file = tree.path / self._file
            if not file.is_file():
                raise NotDelivered(f"STACK: got {self._stack}; {self._branch} has no {self._file}")
            found = fitting(file, wanted, self._deployment)
            lines = told_of(found, stack_file.images(file))
            self._say("\n".join([f"{self._file} of {self._branch}:", *lines]))
            commits = stack_file.section(file, "release").get("commit") is True
            to = "" if commits else f"release/{self._stack}"
            pushed = self.repository.deliver(tree, self._file, wanted, to, lambda at: self._over(to, at))
        if pushed is None:
            self._say(f"{self._file} names these images already: nothing was pushed")
            return {}
        outcome = {"commit": pushed.commit, "base": pushed.base}
        self._say(f"pushed {pushed.commit[:8]} to {to or self._branch}")
        if not to:
            return outcome
        body = (
            f"New images for `{self._stack}`, checked in their registry; the preview is in a comment, and a "
            "merge deploys. What is released until then joins them.\n\n"
            f"```\n{listed(pushed.images)}\n```\n\n{why}"
        )
        number = self._propose(to, title_of(self._file, pushed.images), body)
        self._say(f"pull request {number}")
        return outcome | {"head": to, "pull_request": str(number)}

    def _deployment(self) -> Deployment:
        """For a secret of the stack alone, which needs the state and no cloud."""
        own = read_env_file(self._checkout / f".env.{self._stack}")
        return Deployment(self._checkout, self._stack, engine(), {**own, **self._environment})

    # ── GitHub

    def _over(self, head: str, commit: str) -> bool:
        """Whether the pull request of a branch was closed as it is: what it has is merged, or not wanted.

        That none is open says less: another release has pushed, perhaps, and opens its own in a moment.
        """
        return any(pull["head"]["sha"] == commit for pull in self._pulls(head, "closed"))

    def _propose(self, head: str, title: str, body: str) -> int:
        words = {"title": title, "body": body}
        for again in (True, False):
            for pull in self._pulls(head, "open"):
                self._ask("PATCH", f"pulls/{pull['number']}", words)
                return int(pull["number"])
            try:
                made = self._ask("POST", "pulls", {**words, "head": head, "base": self._branch})
            except NotDelivered:
                if not again:  # else another release has opened it just now, perhaps
                    raise
            else:
                return int(made["number"])
        raise AssertionError("unreachable")

    def _pulls(self, head: str, state: str) -> list[dict[str, Any]]:
        owner = self._environment.get("GITHUB_REPOSITORY", "").partition("/")[0]
        query = f"state={state}&head={owner}:{head}&base={self._branch}&per_page=100"
        return list(self._ask("GET", f"pulls?{query}"))

    def _ask(self, method: str, path: str, body: Mapping[str, str] | None = None) -> Any:
        missing = [n for n in ("GITHUB_TOKEN", "GITHUB_REPOSITORY") if not self._environment.get(n)]
        if missing:
            raise NotDelivered(
                f"{', '.join(missing)}: got nothing; a pull request is opened with the token of a workflow "
                "(pull-requests: write), or set release.commit: true"
            )
        api = self._environment.get("GITHUB_API_URL") or "https://api.github.com"
        headers = {
            "Authorization": f"Bearer {self._environment['GITHUB_TOKEN']}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
        }
        url = f"{api}/repos/{self._environment['GITHUB_REPOSITORY']}/{path}"
        try:
            answer = requests.request(method, url, json=body, headers=headers, timeout=30)
        except requests.RequestException as error:
            raise NotDelivered(f"GitHub cannot be asked: {error}; run it again") from None
        if not answer.ok:
            raise NotDelivered(
                f"GitHub answered {answer.status_code} to {method} {url}: {answer.text[:200]}; it takes a "
                "token with `pull-requests: write`, and in the repository's settings (Actions, General) the "
                "leave for workflows to create pull requests"
            )
        return answer.json()


def main() -> int:
    """Exit codes: 0 done, also where there was nothing to do; 1 not done, 130 interrupted."""
    parser = argparse.ArgumentParser(
        prog="python -m operations.delivery", description=(__doc__ or "").split("\n\n")[0]
    )
    parser.add_argument("--stack", required=True, help=" or ".join(STACKS))
    parser.add_argument("--checkout", type=Path, default=ROOT, help="the clone that it works in")
    parser.add_argument("--why", default="", help="a sentence for the pull request: where they come from")
    add_images(parser)
    arguments = parser.parse_args()

    def work() -> int:
        if arguments.stack not in STACKS:
            raise NoRelease(f"STACK: got {arguments.stack}; must be {' or '.join(STACKS)}")
        made = Delivery(arguments.checkout, arguments.stack, os.environ).make(
            images_of(arguments), arguments.why
        )
        github.tell(made)
        return 0

    return told(work, NotThere, "what was pushed is in the repository, and nothing was deployed")


if __name__ == "__main__":
    sys.exit(main())
