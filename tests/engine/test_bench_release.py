"""What the benchmark of releases counts: every request that was sent, and each that was lost, once."""

from __future__ import annotations

import threading
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from bench import traffic
from bench.losses import Turn, explained
from bench.picture import LOST, Panel, svg
from bench.traffic import Load, Request, Seen
from bench.watch import Step, noted
from operations.golang import BuildFailed, GoMissing

RIGHT = b'{"data":{"__typename":"Query"}}'


def test_what_is_lost_is_counted_apart_from_what_is_slow() -> None:
    seen = Seen()
    answered = [Request("new", n, 100 + n / 100, n / 1000, 200, "") for n in range(1, 201)]
    long = Request("slow", 0, 100.0, 3.5, 200, "")
    lost = [
        Request("http2", 1, 101.0, 10.0, 0, "timeout"),
        Request("keep-alive", 2, 101.5, 0.1, 502, "status 502"),
        Request("subscription", 1, 90.0, 12.5, 200, "closed"),
    ]
    seen.add([*answered, long, *lost], began=100.0)
    assert (seen.sent, seen.lost) == (204, 3)
    assert seen.reasons == {"timeout": 1, "status 502": 1, "closed": 1}
    assert seen.slowest == 0.2, "of the steady kinds, and of what was answered"
    assert seen.within(0.99) == 0.198
    assert seen.lost_at == {1: 2, 2: 1}, "a subscription is lost when it ends"
    seen.add([Request("new", 1, 200.0, 0.1, 503, "status 503")], began=199.0, before=50.0)
    assert seen.lost_at[51] == 1, "loads follow one another"


def test_a_line_that_is_half_written_is_read_when_it_is_whole(tmp_path: Path) -> None:
    file = tmp_path / "requests.jsonl"
    load = Load(file)
    assert load.taken() == []
    file.write_text('["new",1,5.0,0.01,200,""]\n["new",2,5.1,0')
    assert [request.number for request in load.taken()] == [1]
    with file.open("a") as handle:
        handle.write('.01,502,"status 502"]\n')
    assert [request.number for request in load.taken()] == [2]
    assert load.taken() == []


def test_a_lost_request_is_told_with_its_container_and_what_came_before_it() -> None:
    steps = [
        noted({"Action": action, "timeNano": at * 10**9, "Actor": {"ID": container}})
        for action, at, container in (
            ("health_status: healthy", 10, "b"),
            ("exec_start: node", 11, "b"),
            ("kill", 12, "a"),
            ("die", 17, "a"),
        )
    ]
    taken = [step for step in steps if step]
    assert taken[1] == Step(12.0, "a", "told to end")
    log = [
        '{"request_User-Agent":"bench/new/7","DownstreamStatus":502,"ServiceAddr":"172.18.0.4:4000"}',
        "no JSON, but bench/new/8 is in it",
        '{"request_User-Agent":"bench/new/9","DownstreamStatus":502,"ServiceAddr":"172.18.0.4:4000"}',
    ]
    lost = [
        Request("new", 7, 16.9, 0.2, 502, "status 502"),
        Request("new", 8, 17.5, 0.2, 0, "reset"),
        Request("new", 9, 29.0, 4.0, 502, "status 502"),
    ]
    turns = [Turn(1, 8.0, "a", "b"), Turn(2, 30.0, "b", "c")]
    later = Step(31.0, "c", "made")
    held = {"a": ["172.18.0.4"], "b": ["172.18.0.5"], "c": ["172.18.0.4"]}
    first, second, third = explained(lost, log, turns, [*taken, later], held)
    assert first.cause == "status 502, sent to: old, after: old told to end"
    assert first.around["old ended"] == pytest.approx(-0.1)
    assert second.cause == "reset, sent to none, after: old ended, not in the log of the proxy"
    assert (third.release, third.container) == (1, "old"), "sent before the next one had that address"


def test_the_picture_marks_each_second_that_lost_requests() -> None:
    text = svg(
        [
            Panel("one & only", {0: 200, 1: 199, 2: 200}, {1: 1}, [(0.5, 2.0)]),
            Panel("a peer", {0: 200}, {1: 200, 2: 200}, []),
        ]
    )
    rectangles = ElementTree.fromstring(text).iter("{http://www.w3.org/2000/svg}rect")
    marks = [float(each.attrib["height"]) for each in rectangles if each.attrib["fill"] == LOST]
    assert len(marks) == 3
    assert min(marks) >= 4, "a single one is seen"


@dataclass
class Server:
    """Answers as an API would, except to some: what it did to whom."""

    url: str
    refused: set[str] = field(default_factory=set)
    cut: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def server() -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            agent = self.headers["User-Agent"]
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.headers.get("Transfer-Encoding") == "chunked":
                while size := int(self.rfile.readline(), 16):
                    self.rfile.read(size + 2)
                self.rfile.readline()
            _, kind, number = agent.split("/")
            found.asked.append(agent)
            if kind in ("keep-alive", "new") and int(number) % 7 == 0:
                found.refused.add(agent)
                self.send_error(503)
            elif kind in ("keep-alive", "new") and int(number) % 11 == 0 and agent not in found.cut:
                found.cut.add(agent)  # a second time it is answered
                self.close_connection = True
            else:
                self.send_response(200)
                self.send_header("Content-Length", str(len(RIGHT)))
                self.end_headers()
                self.wfile.write(RIGHT)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    class Patient(ThreadingHTTPServer):
        request_queue_size = 128  # of 5, as it is else, a busy machine drops some

    http = Patient(("127.0.0.1", 0), Handler)
    found = Server(f"http://127.0.0.1:{http.server_port}")
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    yield found
    http.shutdown()
    http.server_close()


def test_every_request_that_was_not_answered_well_is_lost_and_no_other(
    server: Server, tmp_path: Path
) -> None:
    try:
        traffic.program()
    except (GoMissing, BuildFailed) as error:
        pytest.skip(str(error))
    with traffic.load(server.url, "api.localhost", 50, tmp_path / "requests.jsonl") as load:
        time.sleep(3)
    requests = load.taken()
    by = {request.agent: request for request in requests}
    assert len(by) == len(requests), "each once"
    steady = [request for request in requests if request.kind in ("keep-alive", "new")]
    assert {r.kind for r in steady} == {"keep-alive", "new"}
    assert {r.agent for r in steady} == {a for a in server.asked if "keep-alive" in a or "new" in a}
    assert server.refused
    assert server.cut
    assert {r.agent for r in steady if r.lost} == server.refused | server.cut
    assert {by[agent].error for agent in server.refused} == {"status 503"}
    assert {by[agent].error for agent in server.cut} <= {
        "closed",
        "reset",
        "sent again: its connection was closed",
    }
    assert all(r.lost for r in requests if r.kind == "http2"), "it speaks no HTTP/2"
    assert all(r.lost for r in requests if r.kind == "subscription"), "it sends no events"
    assert sorted(r.number for r in steady if r.kind == "new") == [
        n for n in range(max(r.number for r in requests if r.kind in traffic.STEADY) + 1) if n % 10 in (3, 7)
    ], "at the rate, none left out"
