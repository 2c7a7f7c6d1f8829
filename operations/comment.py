"""One comment on a pull request that is edited in place: found by the marker in its first line, or created.

    python -m operations.comment --pull-request 12 preview-uat.md preview-prod.md

Needs `GITHUB_TOKEN` (pull-requests: write), `GITHUB_REPOSITORY`, and where it is not github.com's
`GITHUB_API_URL`.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import requests

MARKER = "<!-- jira-plus-plus previews -->"
LONGEST = 65_536
"""Characters that GitHub takes in a comment (it answers 422 to more)."""
CUT = "\n\n… cut here: the whole text is in the run's artifacts."


class CommentError(Exception):
    """The comment could not be written; the message says what GitHub answered and what to do."""


class PullRequest:
    """A pull request's comments, over GitHub's REST API (docs.github.com/rest/issues/comments)."""

    def __init__(self, repository: str, number: int, token: str, api: str = "https://api.github.com") -> None:
        self.comments = f"{api}/repos/{repository}/issues/{number}/comments"
        self.comment = f"{api}/repos/{repository}/issues/comments"
        self.session = requests.Session()
        self.session.headers.update(
            {
                "Authorization": f"Bearer {token}",
                "Accept": "application/vnd.github+json",
                "X-GitHub-Api-Version": "2022-11-28",
            }
        )

    def put(self, text: str) -> str:
        """Edits our comment, or creates it, and returns its URL."""
        body = f"{MARKER}\n{text}"
        if len(body) > LONGEST:
            body = body[: LONGEST - len(CUT)] + CUT
        for comment in self._all():
            if comment["body"].startswith(MARKER):
                return str(self._ask("PATCH", f"{self.comment}/{comment['id']}", {"body": body})["html_url"])
        return str(self._ask("POST", self.comments, {"body": body})["html_url"])

    def _all(self) -> Iterator[dict[str, Any]]:
        page = 1
        while found := self._ask("GET", f"{self.comments}?per_page=100&page={page}"):
            yield from found
            page += 1

    def _ask(self, method: str, url: str, body: dict[str, str] | None = None) -> Any:
        response = self.session.request(method, url, json=body, timeout=30)
        if response.status_code in (401, 403, 404):
            raise CommentError(
                f"GitHub answered {response.status_code} to {method} {url}: the token needs "
                "`pull-requests: write` (a fork's never has it: its preview is in the run's summary)"
            )
        if not response.ok:
            raise CommentError(
                f"GitHub answered {response.status_code} to {method} {url}: {response.text[:200]}"
            )
        return response.json()


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes the files, one below the other, as the comment; the exit code is 1 where GitHub refused."""
    parser = argparse.ArgumentParser(
        prog="python -m operations.comment", description=(__doc__ or "").split("\n\n")[0]
    )
    parser.add_argument("--pull-request", type=int, required=True, metavar="N")
    parser.add_argument(
        "files", nargs="+", type=Path, help="Markdown files, in the order in which they are shown"
    )
    options = parser.parse_args(arguments)
    missing = [name for name in ("GITHUB_TOKEN", "GITHUB_REPOSITORY") if not os.environ.get(name)]
    missing += [str(path) for path in options.files if not path.is_file()]
    if missing:
        print(f"not there: {', '.join(missing)}", file=sys.stderr)
        return 2
    pull_request = PullRequest(
        os.environ["GITHUB_REPOSITORY"],
        options.pull_request,
        os.environ["GITHUB_TOKEN"],
        os.environ.get("GITHUB_API_URL", "https://api.github.com"),
    )
    try:
        print(pull_request.put("\n\n".join(path.read_text() for path in options.files)))
    except (CommentError, requests.ConnectionError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
