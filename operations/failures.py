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


_TURNED_AWAY = re.compile(
    r"kex_exchange_identification|banner exchange|Not allowed at this time|handshake failed: (?:EOF|read tcp)"
    r"|reset by peer[^\n]*\bport\b|\bssh\b[^\n]*reset by peer",
    re.IGNORECASE,
)


_NO_ANSWER = re.compile(r"dial tcp \S+:\d+: i/o timeout|connect to host [^\n]*timed out", re.IGNORECASE)


_NOT_HEALTHY = "container failed to be in healthy state"
"""What Docker's provider says, and no word of the check."""


def hint(failures: Iterable[Failure]) -> str | None:
    """What a person should look at where the words of a failure do not say it."""
    failures = list(failures)
    if any(_NO_ANSWER.search(failure.message) for failure in failures):
        return (
            "a firewall drops what this machine sends to the server's ssh port: `curl -4 "
            "https://1.1.1.1/cdn-cgi/trace` tells its address, and host.ssh.allowed_networks (or "
            "host.ssh.allow_own_address) whether that is let in"
        )
    if any(_TURNED_AWAY.search(failure.message) for failure in failures):
        return (
            "the server lets connections begin and drops them: a limit takes a deploy for an attack. Look "
            "there for fail2ban (`fail2ban-client status sshd`), `ufw status` (LIMIT on the ssh port) and "
            "sshd's MaxStartups and PerSourcePenalties, and exempt the address that this machine comes from"
        )
    if waited := sorted({failure.name for failure in failures if _NOT_HEALTHY in failure.message}):
        return _unhealthy(waited)
    return None


def _unhealthy(names: list[str]) -> str:
    """Where the check's own words are."""
    return (
        f"what the check of {', '.join(names)} got: docker inspect --format "
        "'{{range .State.Health.Log}}{{.Output}}{{end}}' <container>, of the newest one in docker ps -a "
        "(docs/runbook.md, A container is unhealthy)"
    )


def vanished(failures: Iterable[Failure]) -> list[str]:
    """URNs of what the cloud does not know (any more), though an operation was to change it."""
    return [cause.urn for cause in failures if cause.type.startswith(_CLOUDS) and _GONE.search(cause.message)]


def halfway(failures: Iterable[Failure]) -> list[str]:
    """URNs of what may have been changed in part: an action failed after the request was accepted."""
    return [cause.urn for cause in failures if _passing(cause)]


def _passing(cause: Failure) -> bool:
    return cause.type.startswith(_CLOUDS) and _TRANSIENT.search(cause.message) is not None
