"""What `make release` asks a registry: one on loopback, with a login and images for two machines."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from components.settings.images import parse
from operations.registry import HUB, Login, NotThere, look, split
from operations.release import NoRelease, architecture, checked, with_canary

INDEX = "application/vnd.oci.image.index.v1+json"
TOKEN = "a-token"  # nobody's
WHO = "Basic " + base64.b64encode(b"puller:secret").decode()


class Registry(ThreadingHTTPServer):
    """Has what is `put`; with `private` only for who brings the token that the login is given."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.objects: dict[str, bytes] = {}
        self.private = False
        self._waited_for: set[str] = set()
        self._meeting = threading.Barrier(1)
        self.host = f"127.0.0.1:{self.server_address[1]}"

    def meet(self, images: set[str]) -> None:
        """Whoever asks for one of these first waits until all of them were asked for."""
        self._waited_for, self._meeting = images, threading.Barrier(len(images))

    def arrive(self, image: str) -> None:
        """Waits, if that is to be waited for."""
        if image in self._waited_for:
            self._waited_for.remove(image)
            self._meeting.wait(timeout=60)

    def put(self, content: Any) -> str:
        raw = json.dumps(content).encode()
        digest = f"sha256:{hashlib.sha256(raw).hexdigest()}"
        self.objects[digest] = raw
        return digest

    def image(self, name: str, *architectures: str, **labels: str) -> str:
        """A reference to a new image; of several architectures it is an index."""
        manifests = {
            one: self.put(
                {
                    "name": name,
                    "config": {
                        "digest": self.put(
                            {
                                "os": "linux",
                                "architecture": one,
                                "config": {
                                    "Labels": {f"org.opencontainers.image.{k}": v for k, v in labels.items()}
                                },
                            }
                        )
                    },
                }
            )
            for one in architectures
        }
        digest = next(iter(manifests.values()))
        if len(manifests) > 1:
            entries = [
                {"digest": of, "platform": {"os": "linux", "architecture": one}}
                for one, of in manifests.items()
            ]
            digest = self.put({"mediaType": INDEX, "manifests": entries})
        return f"{self.host}/jira/{name}:1.1.0@{digest}"


class Handler(BaseHTTPRequestHandler):
    server: Registry

    def do_GET(self) -> None:
        login = self.headers.get("Authorization", "")
        if self.path.startswith("/token"):
            assert "scope=repository%3Ajira%2F" in self.path
            self._answer(200 if login == WHO else 401, json.dumps({"token": TOKEN}).encode())
        elif self.server.private and login != f"Bearer {TOKEN}":
            realm = f'Bearer realm="http://{self.server.host}/token",service="registry"'
            self._answer(401, b"{}", {"WWW-Authenticate": realm})
        else:
            found = re.fullmatch(r"/v2/jira/([a-z]+)/(?:manifests|blobs)/(sha256:[0-9a-f]+)", self.path)
            raw = self.server.objects.get(found[2]) if found else None
            if found:
                self.server.arrive(found[1])
            self._answer(200 if raw else 404, raw or b"{}")

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def registry() -> Iterator[Registry]:
    server = Registry()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_three_of_one_build_are_good(registry: Registry) -> None:
    wanted = {
        "api": registry.image("api", "amd64", revision="abc", version="1.1.0"),
        "worker": registry.image("worker", "arm64", "amd64", revision="abc"),
        "web": registry.image("web", "amd64"),  # has no labels: nothing speaks against it
    }
    found = checked(wanted, "amd64", None)
    assert {name: image.reference for name, image in found.items()} == wanted
    assert found["api"].labels["org.opencontainers.image.version"] == "1.1.0"
    for reference in wanted.values():
        parse(reference)


def test_those_of_two_builds_are_told_apart(registry: Registry) -> None:
    wanted = {name: registry.image(name, "amd64", revision=f"of-{name}") for name in ("api", "web")}
    with pytest.raises(
        NoRelease, match=r"image\.revision is of-api in api, of-web in web; give the three of one"
    ):
        checked(wanted, "amd64", None)


def test_all_that_are_missing_are_named(registry: Registry) -> None:
    gone = f"{registry.host}/jira/api:1.1.0@sha256:{'0' * 64}"
    wanted = {"api": gone, "worker": registry.image("worker", "arm64"), "web": "ghcr.io/jira/web:1.1.0"}
    with pytest.raises(NotThere) as error:
        checked(wanted, "amd64", None)
    api, worker, web = str(error.value).splitlines()
    assert api.startswith(f"API: {gone}: {registry.host} does not have it; look whether it was pushed")
    assert "is for linux/arm64, and the server is linux/amd64" in worker
    assert web.startswith("WEB: ghcr.io/jira/web:1.1.0: has no digest")


def test_an_index_without_the_servers_architecture(registry: Registry) -> None:
    with pytest.raises(NotThere, match="is for linux/arm64, linux/s390x, and the server is linux/amd64"):
        look(registry.image("api", "arm64", "s390x"), "amd64")


def test_a_private_registry_is_logged_in_to(registry: Registry) -> None:
    registry.private = True
    reference = registry.image("api", "amd64")
    assert look(reference, "amd64", Login(registry.host, "puller", "secret")).reference == reference
    with pytest.raises(NotThere, match=r"does not let in puller \(registry.username\); set `registry`"):
        look(reference, "amd64", Login(registry.host, "puller", "wrong"))
    with pytest.raises(NotThere, match="does not let in who is not logged in"):
        look(reference, "amd64", Login("ghcr.io", "puller", "secret"))


def test_one_that_does_not_answer() -> None:
    with pytest.raises(NotThere, match=r"127\.0\.0\.1:1 cannot be asked: .*; try again, or correct the host"):
        look(f"127.0.0.1:1/jira/api:1@sha256:{'0' * 64}", "amd64")


@pytest.mark.parametrize(
    ("name", "registry_host", "repository"),
    [
        ("postgres:15", HUB, "library/postgres"),
        ("temporalio/ui:2", HUB, "temporalio/ui"),
        ("docker.io/temporalio/ui:2", HUB, "temporalio/ui"),
        ("ghcr.io/example-org/api:1", "ghcr.io", "example-org/api"),
        ("localhost:5000/api:1", "localhost:5000", "api"),
    ],
)
def test_where_a_reference_leads(name: str, registry_host: str, repository: str) -> None:
    digest = f"sha256:{'0' * 64}"
    assert split(f"{name}@{digest}") == (registry_host, repository, digest)


def test_the_architecture_is_that_of_the_server_type() -> None:
    assert architecture({"kind": "hetzner", "server_type": "cx23"}) == "amd64"
    assert architecture({"kind": "hetzner", "server_type": "cax11"}) == "arm64"


OLD, NEW = "x/api:1.0.0", "x/api:1.1.0"
THERE = {"image": NEW, "share": 5}


@pytest.mark.parametrize(
    ("wanted", "there", "asked", "becomes"),
    [
        ({}, {}, (NEW, 5), ({}, THERE)),
        ({}, THERE, ("", 20), ({}, {"image": NEW, "share": 20})),
        ({}, THERE, (OLD, None), ({}, {"image": OLD, "share": 5})),
        ({}, THERE, ("none", None), ({}, {})),
        ({}, THERE, ("promote", None), ({"api": NEW}, {})),
        ({"web": "x/web:2"}, THERE, ("promote", None), ({"web": "x/web:2", "api": NEW}, {})),
        ({"web": "x/web:2"}, THERE, ("", None), ({"web": "x/web:2"}, THERE)),
        ({"api": NEW}, THERE, ("", None), ({"api": NEW}, {})),
        ({"web": "x/web:2"}, {}, ("", None), ({"web": "x/web:2"}, {})),
    ],
)
def test_a_canary_comes_changes_goes_and_is_promoted(
    wanted: dict[str, str],
    there: dict[str, Any],
    asked: tuple[str, int | None],
    becomes: tuple[dict[str, str], dict[str, Any]],
) -> None:
    assert with_canary(wanted, there, *asked) == becomes


@pytest.mark.parametrize(
    ("wanted", "there", "asked", "message"),
    [
        ({}, {}, ("none", None), "CANARY: got none; the stack file has no release.canary"),
        ({}, {}, ("promote", None), "CANARY: got promote; the stack file has no release.canary"),
        ({}, THERE, ("none", 5), "SHARE: got 5; has no meaning with CANARY=none"),
        ({"api": OLD}, THERE, ("promote", None), "CANARY: got promote, and API= another image"),
        ({}, {}, (NEW, None), "SHARE: got nothing; a canary has an image and a share"),
        ({}, {}, ("", 5), "CANARY: got nothing; a canary has an image and a share"),
        ({}, {}, (NEW, 51), "SHARE: got 51; must be 1 to 50 percent"),
    ],
)
def test_what_is_asked_of_a_canary_in_vain(
    wanted: dict[str, str], there: dict[str, Any], asked: tuple[str, int | None], message: str
) -> None:
    with pytest.raises(NoRelease, match=re.escape(message)):
        with_canary(wanted, there, *asked)
