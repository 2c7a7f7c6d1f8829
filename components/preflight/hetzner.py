"""What stands in the way at Hetzner."""

from collections.abc import Iterator

from components.clouds import Api
from components.host.labels import prefix
from components.preflight.finding import Finding
from components.settings.catalogue import RETIRED, known
from components.settings.host import Host
from components.settings.permissions import HETZNER
from components.settings.problem import NOT_SHOWN, Problem
from components.settings.rules import IS_RETIRED, use_instead

TOKEN = "HCLOUD_TOKEN"  # noqa: S105 # its name
PATH = "host.server_type"
_NOBODY = "/ssh_keys/0"
"""Ids begin at 1: a change of this object changes nothing, and tells whether a token may write."""


def findings(hetzner: Api, host: Host, stack: str, writes: bool) -> Iterator[Finding]:
    """A token that may not do what the run needs, else a server type that cannot be had."""
    refused = list(_token(hetzner, writes))
    yield from refused
    if not refused and host.server_type in RETIRED:
        yield _retired(hetzner, host, stack)
    elif not refused and known(host.server_type) is None:
        yield from _newer(hetzner, host)


def _token(hetzner: Api, writes: bool) -> Iterator[Finding]:
    """One that Hetzner does not know, or (where the run `writes`) one that may only read."""
    answer = hetzner.ask(_NOBODY, "PUT" if writes else "GET")
    code = (answer.body.get("error") or {}).get("code")
    if code == "token_readonly":
        wrong = "may only read, and this run orders and changes things"
    elif code in ("unauthorized", "forbidden"):
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


def _retired(hetzner: Api, host: Host, stack: str) -> Finding:
    """A retired type stops a run that would order it, and is said of a server that runs on it."""
    answer = hetzner.ask(f"/servers?name={prefix(stack)}")
    runs = [server["server_type"]["name"] for server in answer.body["servers"]] if answer.found else []
    shown, instead = f'"{host.server_type}"', use_instead(RETIRED[host.server_type])
    if host.server_type in runs:
        wrong = f"{IS_RETIRED}. The server runs on, but a new one could not be had"
        return Finding(Problem(PATH, shown, wrong, f"see when a change suits you, to {instead}"), stops=False)
    if runs:
        wrong = f"{IS_RETIRED}, and the server is of type {runs[0]}"
        return Finding(Problem(PATH, shown, wrong, f"use {runs[0]}"))
    wrong = f"{IS_RETIRED}, and there is no server of this stack that is one"
    return Finding(Problem(PATH, shown, wrong, f"use {instead}"))


def _newer(hetzner: Api, host: Host) -> Iterator[Finding]:
    """A type that this program does not know, and that Hetzner does not either, not here, or otherwise."""
    answer = hetzner.ask(f"/server_types?name={host.server_type}")
    if not answer.found:
        return
    path, shown = PATH, f'"{host.server_type}"'
    if not answer.body["server_types"]:
        wrong, remedy = "is no server type of Hetzner's", "see `hcloud server-type list`"
    else:
        (found,) = answer.body["server_types"]
        sold = [price["location"] for price in found["prices"]]
        memory_mb = int(found["memory"] * 1024)
        if host.location not in sold:
            wrong, remedy = f"is not sold at host.location {host.location}", f"it is at {', '.join(sold)}"
        elif memory_mb < (host.memory_mb or 0):
            path, shown = "host.memory_mb", str(host.memory_mb)
            wrong, remedy = f"is more than {host.server_type} has", f"set it to {memory_mb}"
        else:
            return
    yield Finding(Problem(path, shown, wrong, remedy))
