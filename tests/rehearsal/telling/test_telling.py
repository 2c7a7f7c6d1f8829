"""Errors and traces of the application reach who looks at them, with the variables that the program gives."""

from __future__ import annotations

import json
import os
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from rehearsal.declared.packed import files
from rehearsal.declared.platform import TELLING, commands, containers, declare
from rehearsal.declared.recording import Recorded
from rehearsal.images import ImageError, npm
from rehearsal.images.catalogue import image
from tests.ports import free_ports
from tests.rehearsal.telling.receivers import Received, envelope, receiving

HERE = Path(__file__).parent
APP = HERE.parents[2] / "rehearsal" / "app"
DIGESTS = {
    service: f"sha256:{letter * 64}" for service, letter in (("api", "a"), ("worker", "b"), ("web", "c"))
}
SDK = """
import * as Sentry from "@sentry/node";
Sentry.init({});
Sentry.captureException(new RangeError("of the worker"));
await Sentry.flush(5000);
"""


@cache
def uat() -> Recorded:
    """UAT, with a digest of its own for each image, and errors and traces told."""
    released = {
        f"images.{service}": f"ghcr.io/x/{service}:1.0.0@{digest}" for service, digest in DIGESTS.items()
    }
    return declare("uat", {**released, **TELLING})


def given(service: str, received: Received) -> dict[str, str]:
    """The environment of a service of UAT, with which it is started by its shim; the addresses are ours."""
    recorded = uat()
    plain = dict(pair.split("=", 1) for pair in containers(recorded)[service].inputs["envs"])
    secret = {
        path.removeprefix("/run/secrets/"): text
        for path, text in files(commands(recorded)[f"{service}-files"]).items()
        if path.startswith("/run/secrets/")
    }
    environment = {"PATH": os.environ["PATH"], **plain, **secret}
    ours = {"SENTRY_DSN": received.dsn, "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{received.port}"}
    return {**environment, **{name: value for name, value in ours.items() if name in environment}}


@pytest.fixture
def received() -> Iterator[Received]:
    with receiving() as received:
        yield received


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stand-in's sources, with its packages."""
    folder = tmp_path_factory.mktemp("app")
    try:
        modules = npm.packages(image("application"), development=False)
    except ImageError as error:
        pytest.skip(str(error))
    for name, target in (("node_modules", modules), ("src", APP / "src"), ("web", APP / "web")):
        (folder / name).symlink_to(target)
    (folder / "package.json").write_text('{"type": "module"}')
    return folder


def node(app: Path, environment: Mapping[str, str], *words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        ["node", "--preserve-symlinks", "--preserve-symlinks-main", *words],
        cwd=app,
        env=dict(environment),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


@contextmanager
def serving(app: Path, script: str, environment: dict[str, str]) -> Iterator[str]:
    """Its address, once it lives."""
    (port,) = free_ports(1)
    process = node(app, environment | {"PORT": str(port), "DRAIN_SECONDS": "0"}, f"src/{script}.js")
    url, end = f"http://127.0.0.1:{port}", time.monotonic() + 20
    while True:
        try:
            urllib.request.urlopen(f"{url}/health", timeout=5).close()
            break
        except OSError:
            assert process.poll() is None, process.communicate()[1].decode()
            assert time.monotonic() < end, "it does not live"
            time.sleep(0.1)
    try:
        yield url
    finally:
        process.kill()
        process.communicate()


def test_each_is_told_where_errors_go_of_which_stack_and_by_its_own_images_digest(received: Received) -> None:
    told = {service: given(service, received) for service in ("api", "worker", "web")}
    assert {one["SENTRY_ENVIRONMENT"] for one in told.values()} == {"uat"}
    assert {service: one["SENTRY_RELEASE"] for service, one in told.items()} == DIGESTS
    assert told["api"]["OTEL_RESOURCE_ATTRIBUTES"] == (
        f"deployment.environment.name=uat,service.version={DIGESTS['api']}"
    )
    assert [told[service].get("OTEL_SERVICE_NAME") for service in told] == [
        "jira-plus-plus-api",
        "jira-plus-plus-worker",
        None,
    ]


def test_an_error_of_the_api_and_the_trace_of_its_request_are_seen(app: Path, received: Received) -> None:
    environment = given("api", received) | {"DATABASE_URL": "postgresql://jira:x@127.0.0.1:9/jira"}
    with serving(app, "server", environment) as url:
        query = 'mutation { login(email: "a@example.com", password: "x") { token } }'
        body = json.dumps({"query": query}).encode()
        asked = urllib.request.Request(f"{url}/graphql", body, {"content-type": "application/json"})
        with urllib.request.urlopen(asked, timeout=20) as answer:
            errors = json.load(answer)["errors"]
        (event,) = received.await_(received.events)
        ((resource, span),) = received.await_(received.spans)
    assert event["event_id"] == errors[0]["extensions"]["eventId"], "by which a user's report is found"
    assert (event["environment"], event["release"]) == ("uat", DIGESTS["api"])
    assert event["exception"]["values"][0]["value"].startswith("connect ECONNREFUSED")
    assert (span["name"], span["kind"]) == ("POST /graphql", 2)
    assert resource == {
        "service.name": "jira-plus-plus-api",
        "service.version": DIGESTS["api"],
        "deployment.environment.name": "uat",
    }
    assert received.headers[0]["authorization"] == "canary-otlp-headers"


def test_an_error_of_the_page_is_seen_with_what_the_server_has_told_it(app: Path, received: Received) -> None:
    with serving(app, "web", given("web", received)) as url:
        with urllib.request.urlopen(f"{url}/config.json", timeout=10) as answer:
            told = json.load(answer)
        script = (
            'import { report } from "./web/src/errors.js";'
            f"const sentry = {json.dumps(told['sentry'])};"
            'await report(sentry, new TypeError("of the page"), "https://app.example.com/7");'
            "await report(undefined, new Error());"  # where none is told nothing is sent
        )
        done = node(app, {"PATH": os.environ["PATH"]}, "--input-type=module", "-e", script)
        assert done.wait(20) == 0, done.communicate()[1].decode()
    assert told["apiUrl"].startswith("https://")
    (event,) = received.await_(received.events)
    assert (event["environment"], event["release"]) == ("uat", DIGESTS["web"])
    assert event["exception"]["values"] == [{"type": "TypeError", "value": "of the page"}]
    assert event["request"]["url"] == "https://app.example.com/7"


def test_an_error_that_ends_the_worker_is_seen_all_the_same(app: Path, received: Received) -> None:
    script = (
        'import { capture, flushed } from "./src/errors.js";'
        'capture(new Error("of the worker")); await flushed(); process.exit(1);'
    )
    done = node(app, given("worker", received), "--input-type=module", "-e", script)
    assert done.wait(20) == 1, done.communicate()[1].decode()
    (event,) = received.events
    assert (event["release"], event["exception"]["values"][0]["value"]) == (
        DIGESTS["worker"],
        "of the worker",
    )


def test_sentrys_own_sdk_reads_the_variables_that_the_worker_has(received: Received, tmp_path: Path) -> None:
    try:
        modules = npm.packages(
            replace(image("application"), name="sentry", source="", folder=str(HERE / "sentry"))
        )
    except ImageError as error:
        pytest.skip(str(error))
    (tmp_path / "node_modules").symlink_to(modules)
    (tmp_path / "error.mjs").write_text(SDK)
    done = node(tmp_path, given("worker", received), "error.mjs")
    assert done.wait(60) == 0, done.communicate()[1].decode()
    (event,) = received.await_(received.events)
    assert event["sdk"]["name"] == "sentry.javascript.node"
    assert (event["environment"], event["release"]) == ("uat", DIGESTS["worker"])
    assert event["exception"]["values"][0]["type"] == "RangeError"
    assert event["exception"]["values"][0]["value"] == "of the worker"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}\n{}\n{}",
        b'{}\n{"type": "event", "length": 9}\n{}',
        b'{}\n{"type": "event", "length": 1}\n{}',
    ],
)
def test_what_is_no_envelope_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"^."):
        envelope(body)


def test_an_envelope_is_taken_apart_with_and_without_lengths() -> None:
    """Both are in Sentry's own examples."""
    body = b'{"event_id":"x"}\n{"type":"attachment","length":3}\na\nb\n{"type":"event"}\n{"a":1}\n'
    assert envelope(body) == (
        {"event_id": "x"},
        [({"type": "attachment", "length": 3}, b"a\nb"), ({"type": "event"}, b'{"a":1}')],
    )
