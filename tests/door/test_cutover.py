"""The services of the cutover's file, in the proxy that is deployed: who answers what."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from components.services.cutover import BEFORE, COOKIE, configuration
from tests.door.door import Door, opened
from tests.playbook.waiting import seconds_until


@contextmanager
def container(name: str, *assets: str) -> Iterator[tuple[str, int]]:
    """A server that answers with its name; below /assets/ it has these alone. Where it is reached."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            there = not self.path.startswith("/assets/") or self.path in assets
            self.send_response(200 if there else 404)
            self.send_header("Content-Length", str(len(name)))
            self.end_headers()
            self.wfile.write(name.encode())

        do_POST = do_GET  # noqa: N815 # as the server calls it

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[0], server.server_address[1]  # type: ignore[misc]
    finally:
        server.shutdown()
        server.server_close()


def serving(file: str) -> Callable[[dict[str, Any]], None]:
    """Puts the services of the cutover's file in the place of the tests' own."""

    def routes(dynamic: dict[str, Any]) -> None:
        dynamic["http"]["services"] = json.loads(file)["http"]["services"]

    return routes


@pytest.fixture(scope="module")
def released(traefik: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """After a release of the web application, of which each build has one script of its own."""
    with ExitStack() as stack:
        api = stack.enter_context(container("api"))
        web = stack.enter_context(container("new", "/assets/index-new.js", "/assets/react.js"))
        host, port = stack.enter_context(container("old", "/assets/index-old.js", "/assets/react.js"))
        _, servers = configuration({"api": api, "web": web, "temporal-ui": api})
        servers = servers.replace(f"{BEFORE}:{web[1]}", f"{host}:{port}")
        yield stack.enter_context(
            opened(tmp_path_factory.mktemp("released"), traefik, routes=serving(servers))
        )


@pytest.mark.parametrize(
    ("path", "method", "status", "who"),
    [
        ("/", "GET", 200, "new"),
        ("/issues/7", "GET", 200, "new"),
        ("/assets/index-new.js", "GET", 200, "new"),
        ("/assets/react.js", "GET", 200, "new"),
        ("/assets/index-old.js", "GET", 200, "old"),
        ("/assets/index-older.js", "GET", 404, "old"),
        ("/assets/index-old.js", "POST", 404, "new"),
        ("/assets/../index-old.js", "GET", 200, "new"),
    ],
)
def test_what_the_new_build_lacks_of_assets_the_one_before_is_asked_for_and_nothing_else(
    released: Door, path: str, method: str, status: int, who: str
) -> None:
    answer = released.ask("web", path, method=method)
    assert (answer.status, answer.body.decode()) == (status, who)


SHARE = 20


@pytest.fixture(scope="module")
def shared(traefik: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """With a canary, which has its share of the clients."""
    with container("stable") as api, container("canary") as canary:
        found = {"api": api, "web": api, "temporal-ui": api, "api-canary": canary}
        _, servers = configuration(found, SHARE)
        servers = servers.replace(BEFORE, api[0])
        with opened(tmp_path_factory.mktemp("shared"), traefik, routes=serving(servers)) as door:
            yield door


def who(door: Door, cookie: str = "", method: str = "GET") -> tuple[str, str]:
    """Who answers the API's name, and the cookie that came with it."""
    answer = door.ask("api", "/graphql", method=method, headers={"Cookie": cookie} if cookie else {})
    assert answer.status == 200
    return answer.body.decode(), answer.headers.get("Set-Cookie", "")


def test_a_canary_has_its_share_of_new_clients_and_each_stays_where_it_was_sent(shared: Door) -> None:
    asked = [who(shared) for _ in range(200)]
    canary = [cookie for name, cookie in asked if name == "canary"]
    assert len(canary) == 200 * SHARE // 100, "the balancer counts, and throws no dice"
    for name in ("stable", "canary"):
        given = next(cookie for answered, cookie in asked if answered == name)
        assert given.startswith(f"{COOKIE}=")
        assert {part.strip() for part in given.split(";")[1:]} == {
            *("Path=/", "Max-Age=86400", "HttpOnly", "Secure", "SameSite=Lax")
        }
        kept = given.partition(";")[0]
        again = {who(shared, kept, method) for method in ("GET", "POST") for _ in range(20)}
        assert again == {(name, "")}


def test_a_cookie_that_nobody_gave_is_drawn_anew(shared: Door) -> None:
    name, cookie = who(shared, f"{COOKIE}=canary")
    assert name in ("stable", "canary")
    assert cookie, "another one is given"


def test_the_log_tells_which_of_the_two_it_was(shared: Door) -> None:
    answered = {f"api-{who(shared)[0]}@file" for _ in range(3 * 100 // SHARE)}
    assert answered == {"api-stable@file", "api-canary@file"}

    def logged() -> set[str]:
        return {line["ServiceName"] for line in shared.log() if line["RequestPath"] == "/graphql"}

    seconds_until("the last line is written", lambda: logged() == answered, 20)


def test_a_canary_that_ends_loses_its_clients_to_the_api(
    traefik: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with ExitStack() as stack:
        api = stack.enter_context(container("stable"))
        gone = stack.enter_context(ExitStack())
        canary = gone.enter_context(container("canary"))
        _, servers = configuration({"api": api, "web": api, "temporal-ui": api, "api-canary": canary}, SHARE)
        door = stack.enter_context(
            opened(tmp_path_factory.mktemp("ends"), traefik, routes=serving(servers.replace(BEFORE, api[0])))
        )
        asked = dict(who(door) for _ in range(20))
        kept = asked["canary"].partition(";")[0]
        assert who(door, kept)[0] == "canary"
        gone.close()
        seconds_until(
            "its clients are served",
            # A connection that was there before may outlive the server that it came to.
            lambda: door.ask("api", "/graphql", headers={"Cookie": kept}).body == b"stable",
            20,
        )
        assert {who(door, kept)[0] for _ in range(10)} == {"stable"}
        assert {who(door)[0] for _ in range(20)} == {"stable"}, "nor does a new client get it"
