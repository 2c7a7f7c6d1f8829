"""What stands in the way at Hetzner."""

import http.client
from collections.abc import Iterator

from components.clouds import Api
from components.preflight.finding import Finding
from components.settings.permissions import HETZNER
from components.settings.problem import NOT_SHOWN, Problem

TOKEN = "HCLOUD_TOKEN"  # noqa: S105 # its name
_NOBODY = "/ssh_keys/0"
"""Ids begin at 1: a change of this object changes nothing, and tells whether a token may write."""


def findings(hetzner: Api, writes: bool) -> Iterator[Finding]:
    """A token that Hetzner does not know, or (where the run `writes`) one that may only read."""
    answer = hetzner.ask(_NOBODY, "PUT" if writes else "GET")
    code = ((answer.body or {}).get("error") or {}).get("code")
    if code == "token_readonly":
        wrong = "may only read, and this run orders and changes things"
    elif answer.status in (http.client.UNAUTHORIZED, http.client.FORBIDDEN):
        wrong = "is no token that Hetzner knows (any more)"
    else:
        return
    yield Finding(
        Problem(
            TOKEN,
            NOT_SHOWN,
            wrong,
            f"export a token of the project in Hetzner's console (Security, API tokens, {HETZNER})",
        )
    )
