"""Is nothing open that need not be?"""

from __future__ import annotations

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import pytest

from .evidence import Entry
from .guesses import guessing
from .target import Target

pytestmark = pytest.mark.playbook


#: Who may speak with whom: all pairs within a group, in both directions, and no others.
GROUPS = [
    {"traefik", "api"},
    {"traefik", "web"},
    {"traefik", "temporal-ui"},
    {"postgres", "temporal", "api", "worker", "backup", "postgres-exporter"},
    {"temporal", "api", "worker", "temporal-ui"},
    {"traefik", "metrics", "logs"},
    {"traefik", "grafana"},
    {"metrics", "grafana"},
    {"metrics", "api", "worker", "temporal"},
    {"metrics", "postgres-exporter"},
    {"metrics", "node-exporter"},
    {"metrics", "alerts", "alertmanager"},
    {"autoheal", "socket-autoheal"},
    {"watchtower", "socket-watchtower"},
]


def may_reach(source: str, sink: str) -> bool:
    """Whether the two are declared to share a network."""
    return any({source, sink} <= group for group in GROUPS)


def is_open(address: str, port: int) -> bool:
    """Whether a TCP connection is accepted within a second."""
    try:
        with socket.create_connection((address, port), timeout=1):
            return True
    except OSError:
        return False


@pytest.mark.checklist("Security", "Only 80 and 443 answer from outside")
def test_only_the_declared_ports_answer_from_outside(target: Target, evidence: Entry) -> None:
    if target.local:
        evidence.say("A stack on this machine's own Docker publishes on loopback only; there is no outside.")
        return
    address = target.connect or target.outputs["server_ipv4"]
    # All well-known ports and those that containers listen on: a thousand connections, 64 at a time.
    ports = sorted(
        {
            *range(1, 1025),
            *range(2370, 2380),
            3000,
            4000,
            4001,
            5432,
            6933,
            7233,
            7234,
            7235,
            8080,
            8081,
            8082,
            8233,
            9090,
        }
    )
    with ThreadPoolExecutor(64) as pool:
        answers = dict(zip(ports, pool.map(lambda port: is_open(address, port), ports), strict=True))
    found = [port for port, answer in answers.items() if answer]
    evidence.say(f"Of {len(ports)} ports of {address}, these answer: {found}.")
    assert found == [22, 80, 443], (
        "22 is open to this machine's network only; nothing else but 80 and 443 may answer"
    )


@pytest.mark.checklist("Security", "The operator's paths are not published")
def test_metrics_and_readiness_are_asked_inside_and_not_from_outside(target: Target, evidence: Entry) -> None:
    """Report: runtime 18. How they may be spelt, and that nothing else is refused, is tests/door's matter."""
    rows = []
    with target.http() as client:
        for service, path in product(
            ("api", "web"), ("/metrics", "/ready", "/Metrics", "/ready/", "/%6detrics")
        ):
            rows.append([service, path, client.get(target.url(service) + path).status_code])
    for service, path in product(("api", "worker", "web"), ("/metrics", "/ready")):
        rows.append([f"{service}, inside", path, target.inside(service, path)[0]])
    evidence.table(["Asked of", "Path", "Status"], rows)
    expected = [[where, path, 200 if "inside" in where else 404] for where, path, _ in rows]
    assert rows == expected


@pytest.mark.checklist("Security", "Guesses at a password slow nobody down")
def test_the_api_answers_within_a_second_while_forty_clients_guess(target: Target, evidence: Entry) -> None:
    """Report: runtime 13, each guess cost the proxy 50 ms of its half core."""

    def latencies(seconds: float) -> list[float]:
        found = []
        until = time.monotonic() + seconds
        with target.http() as client:
            while time.monotonic() < until:
                before = time.monotonic()
                assert client.get(target.url("api") + "/health").status_code == 200
                found.append(time.monotonic() - before)
                time.sleep(0.05)
        return sorted(found)

    def row(what: str, times: list[float]) -> list[str]:
        return [
            what,
            str(len(times)),
            *(f"{times[int(len(times) * share)] * 1000:.0f}" for share in (0.5, 0.99)),
        ]

    quiet = latencies(5)
    with guessing(target, clients=40) as answers:
        busy = latencies(20)
    evidence.say(f"Guesses by status: {dict(answers)}.")
    evidence.table(
        ["", "Requests to the API", "p50 ms", "p99 ms"], [row("alone", quiet), row("beside", busy)]
    )
    assert set(answers) <= {"401", "429"}
    assert answers["401"] > 100, "the guesses were not the ones intended"
    assert busy[int(len(busy) * 0.99)] < 1, row("beside", busy)


@pytest.mark.checklist("Security", "Each container reaches what is declared, and nothing else")
def test_who_reaches_whom_is_as_declared(target: Target, evidence: Entry) -> None:
    containers = target.containers()
    ports = {
        "api": 4000,
        "worker": 4001,
        "web": 8080,
        "postgres": 5432,
        "temporal": 7233,
        "temporal-ui": 8080,
        "traefik": 8443,
        "metrics": 8428,
        "logs": 9428,
        "grafana": 3000,
        "postgres-exporter": 9187,
        "node-exporter": 9100,
        "alerts": 8880,
        "alertmanager": 9093,
        **{service: 2375 for service in containers if service.startswith("socket-")},
    }
    inspect = (
        "docker inspect --format '{{.State.Pid}} {{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}' "
    )
    facts = {service: target.ssh(inspect + name).split() for service, name in containers.items()}

    # One shell on the machine tries every pair from within the network namespace of the first.
    tries = [
        (source, sink, address, ports[sink])
        for source in sorted(containers)
        for sink in sorted(ports)
        if sink in containers and sink != source
        for address in facts[sink][1:]
    ]
    script = "\n".join(
        f"(sudo nsenter -t {facts[source][0]} -n timeout 2 bash -c '</dev/tcp/{address}/{port}' 2>/dev/null"
        f" && echo {source} {sink}) &" + ("\nwait" if number % 24 == 23 else "")
        for number, (source, sink, address, port) in enumerate(tries)
    )
    measured = {
        tuple(line.split()) for line in target.ssh(script + "\nwait", check=False, timeout=300).splitlines()
    }
    declared = {(a, b) for a in containers for b in ports if b in containers and a != b and may_reach(a, b)}
    head = sorted(sink for sink in ports if sink in containers)
    evidence.table(
        ["from \\ to", *head],
        [
            [source, *("●" if (source, sink) in measured else "" for sink in head)]
            for source in sorted(containers)
        ],
    )
    evidence.say(
        f"{len(tries)} connections tried; {len(measured)} pairs reach one another, "
        f"{len(declared)} are declared."
    )
    assert measured - declared == set(), "reached, but not declared"
    assert declared - measured == set(), "declared, but not reached"
