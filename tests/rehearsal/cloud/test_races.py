"""Clients that race get answers that some order of their requests explains."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from tests.rehearsal.cloud.harness import Answer, Client, Embedded, public_key


def race(cloud: Embedded, runners: int, work: Callable[[Client, int], Answer]) -> list[Answer]:
    """Runs `work` at once in several clients."""
    clients = [Client(cloud.url) for _ in range(runners)]
    with ThreadPoolExecutor(runners) as pool:
        return list(pool.map(work, clients, range(runners)))


def test_one_name_goes_to_one_client(slow: Embedded) -> None:
    answers = race(
        slow,
        8,
        lambda client, _: client.ask("POST", "/v1/ssh_keys", {"name": "one", "public_key": public_key()}),
    )
    assert Counter(answer.status for answer in answers) == {201: 1, 409: 7}
    assert slow.state()["counts"]["ssh_key"] == 1


def test_one_address_goes_to_one_server(slow: Embedded) -> None:
    body = {"name": "a", "type": "ipv4", "location": "fsn1"}
    address = slow.good("POST", "/v1/primary_ips", body)["primary_ip"]["id"]

    def make(client: Client, number: int) -> Answer:
        server = {"name": f"s{number}", "server_type": "cx23", "image": "debian-12", "location": "fsn1"}
        net = {"ipv4": address, "enable_ipv6": False}
        return client.ask("POST", "/v1/servers", {**server, "public_net": net})

    answers = race(slow, 6, make)
    assert Counter(answer.status for answer in answers) == {201: 1, 422: 5}
    assert {answer.code for answer in answers if answer.status == 422} == {"primary_ip_assigned"}
    slow.settle()
    assert slow.state()["counts"]["server"] == 1


def test_one_volume_goes_to_one_server(slow: Embedded) -> None:
    first, second, volume = slow.server("a")["id"], slow.server("b")["id"], slow.volume()["id"]
    answers = race(
        slow,
        2,
        lambda client, n: client.ask(
            "POST", f"/v1/volumes/{volume}/actions/attach", {"server": (first, second)[n]}
        ),
    )
    assert sorted(answer.status for answer in answers) in ([201, 422], [201, 423])
    slow.settle()
    assert slow.good("GET", f"/v1/volumes/{volume}")["volume"]["server"] in (first, second)


def test_different_requests_do_not_wait_for_each_other(slow: Embedded) -> None:
    answers = race(
        slow,
        8,
        lambda client, n: client.ask(
            "POST", "/v1/volumes", {"name": f"v{n}", "size": 10, "location": "fsn1"}
        ),
    )
    assert {answer.status for answer in answers} == {201}
    ids = [answer.body["volume"]["id"] for answer in answers] + [
        answer.body["action"]["id"] for answer in answers
    ]
    assert len(set(ids)) == 16, "no id is given twice"
    slow.settle()
    assert {volume["status"] for volume in slow.good("GET", "/v1/volumes")["volumes"]} == {"available"}


def test_one_record_is_made_once(cloud: Embedded) -> None:
    record = {"type": "A", "name": "api", "content": "203.0.113.9", "ttl": 1, "proxied": True}
    answers = race(cloud, 6, lambda client, _: client.zone("POST", "/dns_records", record))
    assert Counter(answer.status for answer in answers) == {200: 1, 400: 5}
    assert {answer.code for answer in answers if answer.status == 400} == {81058}
