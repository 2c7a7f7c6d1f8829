"""Which failures of a run are worth another try, from the words of the providers.

Hetzner's codes: https://docs.hetzner.cloud/reference/cloud#errors. Cloudflare and the transports speak HTTP.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum

from operations.journal import Failure


class Verdict(Enum):
    """What to do after a failure."""

    SOLD_OUT = "the server type is sold out: try the next one"
    TRANSIENT = "it may pass: try the same again"
    FINAL = "trying again would fail again"


_SOLD_OUT = re.compile(
    r"resource_unavailable|placement_error|server type[^\n]*(?:sold out|unavailable|not available)",
    re.IGNORECASE,
)
_TRANSIENT = re.compile(
    r"""
    rate_limit_exceeded | too\ many\ requests
  | \b(?:429|500|502|503|504)\b
  | internal\ server\ error | bad\ gateway | service\ unavailable | gateway\ time-?out
  | \(unavailable\b | service_error | server_error | maintenance | robot_unavailable
  | \bconflict\b | \blocked\b
  | \baction\b[^\n]*\bfailed\b | action_failed
  | connection\ (?:reset|refused|aborted|closed|error|timed\ out) | remote\ end\ closed | broken\ pipe
  | \bEOF\b | time-?out | timed\ out | deadline\ exceeded | no\ such\ host | temporary\ failure
    """,
    re.IGNORECASE | re.VERBOSE,
)
_GONE = re.compile(r"not[_ ]found|\b404\b|does not exist", re.IGNORECASE)
SERVER = "hcloud:index/server:Server"
"""The engine's name for the type of a server."""
# Only the clouds are asked again: a container that stays unhealthy or a script that fails would do so again.
_CLOUDS = ("hcloud:", "cloudflare:")


def verdict(failures: Iterable[Failure]) -> Verdict:
    """One final error makes another try pointless; a sold-out type is answered before anything else."""
    causes = [failure for failure in failures if failure.urn]
    # A volume or an address that cannot be had says the same, and another server type would not help it.
    if any(_SOLD_OUT.search(cause.message) for cause in causes if cause.type == SERVER):
        return Verdict.SOLD_OUT
    if causes and all(_passing(cause) for cause in causes):
        return Verdict.TRANSIENT
    return Verdict.FINAL


def vanished(failures: Iterable[Failure]) -> list[str]:
    """URNs of what the cloud does not know (any more), though an operation was to change it."""
    return [cause.urn for cause in failures if cause.type.startswith(_CLOUDS) and _GONE.search(cause.message)]


def halfway(failures: Iterable[Failure]) -> list[str]:
    """URNs of what may have been changed in part: an action failed after the request was accepted."""
    return [cause.urn for cause in failures if _passing(cause)]


def _passing(cause: Failure) -> bool:
    return cause.type.startswith(_CLOUDS) and _TRANSIENT.search(cause.message) is not None
