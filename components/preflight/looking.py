"""The look as a whole."""

import os
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pulumi

from components.clouds import Unreachable, accounts
from components.preflight import cloudflare, copies, hetzner, r2, sources
from components.preflight.finding import Finding, InTheWay
from components.settings import Settings


def look(settings: Settings, environment: Mapping[str, str] = os.environ) -> None:
    """Asks both providers, side by side, for what a run would otherwise meet halfway.

    One that does not answer is a warning: it will refuse what it must, and an outage of its API is to stop no
    release that needs nothing of it.

    Raises:
        InTheWay: with all that was found.
    """
    if settings.host.kind == "local":
        return
    at, stack, writes = accounts(environment), pulumi.get_stack(), not pulumi.runtime.is_dry_run()
    parts: list[Callable[[], Iterable[Finding]]] = [
        lambda: cloudflare.findings(at.cloudflare, settings, stack, writes)
    ]
    if settings.tls.mode == "dns-01":
        parts.append(lambda: cloudflare.findings_of_acme(at.acme, settings.domain))
    if settings.host.kind == "hetzner":
        parts.append(lambda: hetzner.findings(at.hetzner, settings.host, stack, writes))
    if settings.backup.r2 is not None:
        parts.append(lambda: r2.findings(at.cloudflare, settings))
    for path, keys, bucket in settings.backup.named:
        if bucket.endpoint and (not at.on_this_machine or copies.rehearsed(bucket.endpoint)):
            given = [pulumi.Config().get(f"{keys}_{name}") or "" for name in ("access_key", "secret_key")]
            parts.append(partial(copies.findings, path, keys, bucket, *given))
    if not at.on_this_machine:  # where a rehearsal plays the visitors
        parts.append(lambda: sources.findings(settings))
    with ThreadPoolExecutor(len(parts)) as pool:
        seen = list(pool.map(_seen, parts))
    found = [finding for findings in seen if not isinstance(findings, Unreachable) for finding in findings]
    for text in sorted({str(failure) for failure in seen if isinstance(failure, Unreachable)}):
        pulumi.log.warn(f"{text}: what stands in the way there was not looked for")
    for finding in found:
        if not finding.stops:
            pulumi.log.warn(str(finding.problem))
    if stopping := [finding.problem for finding in found if finding.stops]:
        raise InTheWay(stopping)


def _seen(part: Callable[[], Iterable[Finding]]) -> list[Finding] | Unreachable:
    try:
        return list(part())
    except Unreachable as failure:
        return failure
