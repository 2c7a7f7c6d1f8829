"""Whether a stack is whole, whether its data is the same, and how long it takes to be whole again."""

from __future__ import annotations

import shlex

from .target import Target
from .waiting import seconds_until

LIMIT = 120
"""Seconds within which a stack must be whole again."""
CRASH = "sudo kill -9 $(docker inspect --format '{{{{.State.Pid}}}}' {name})"
"""In the shell: as when the process itself ends."""


OUT_OF_MEMORY = """
main=$(docker inspect --format '{{{{.State.Pid}}}}' {name})
for pid in $main $(pgrep -P $main); do echo 1000 | sudo tee /proc/$pid/oom_score_adj >/dev/null; done
timeout 60 docker exec {name} sh -c 'x=aaaaaaaa; while :; do x=$x$x; done' || true
"""
"""The same, bounded at 60 s: the main process is named as the first to go, then memory is filled."""


def signal_all(target: Target, service: str, signal: str) -> None:
    """Sends a signal to every process of a container: its first is an init that would not pass STOP on."""
    target.ssh(f"docker top {target.containers()[service]} -eo pid | tail -n +2 | xargs sudo kill -{signal}")


def digest(target: Target) -> str:
    """A digest of all rows of users and issues, so that two moments can be compared."""
    query = (
        "SELECT (SELECT md5(coalesce(string_agg(i::text, ',' ORDER BY id), '')) FROM issues i) "
        "|| (SELECT md5(coalesce(string_agg(u.email, ',' ORDER BY id), '')) FROM users u)"
    )
    return sql(target, query)


def sql(target: Target, query: str) -> str:
    """What the application's database answers, as its superuser: lines, with `|` between columns."""
    return target.ssh(
        f"docker exec {target.containers()['postgres']} "
        f"psql -h /var/run/postgresql -U postgres -d jira -Atqc {shlex.quote(query)}"
    ).strip()


def served(target: Target) -> bool:
    """Whether a user's request is answered, by an API that reaches the database and Temporal."""
    with target.http() as client:
        return (
            client.get(target.url("api") + "/health").status_code == 200
            and client.get(target.url("web")).status_code == 200
            and target.inside("api", "/ready")[0] == 200
        )


def whole(target: Target) -> bool:
    """Whether every declared container is healthy and a request is served."""
    health = target.health()
    return (
        set(health) == set(target.outputs["containers"])
        and set(health.values()) == {"healthy"}
        and served(target)
    )


def restarts(target: Target, service: str, name: str | None = None) -> tuple[int, str]:
    """How often Docker restarted the container and when it last started."""
    count, started = target.ssh(
        "docker inspect --format '{{.RestartCount}} {{.State.StartedAt}}' "
        + (name or target.containers()[service])
    ).split()
    return int(count), started


def killed(target: Target, service: str, way: str) -> float:
    """Kills the service's container in a way of the shell; the seconds until the stack is whole again."""
    name, (_, started) = target.containers()[service], restarts(target, service)
    target.ssh(way.format(name=name))
    return seconds_until(
        f"{service} is healthy again",
        # By name: until it is started again, it is none of the running ones.
        lambda: restarts(target, service, name)[1] != started and whole(target),
        LIMIT,
    )
