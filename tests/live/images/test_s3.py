"""The S3 server of a rehearsal: restic keeps its copies there, and each fault happens when asked for."""

from __future__ import annotations

import hashlib
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest

from components.clouds import Unreachable
from components.clouds.bucket import Bucket
from components.preflight import copies
from components.settings.offsite import Offsite
from rehearsal.machines.docker import network
from rehearsal.s3 import Fault, S3Server
from rehearsal.storage import Storage
from tests.live.images.asking import finished
from tests.live.images.conftest import LABELS

PATH_AND_KEYS = ("backup.offsite", "offsite")
pytestmark = pytest.mark.live

CONTENT = b"a dump of the database\n" * 1000
UNTRUSTED, EMPTY_REPLY, PARTIAL = 60, 52, 18
"""Of curl's exit codes."""


@pytest.fixture(scope="module")
def images(built: Callable[..., dict[str, str]]) -> dict[str, str]:
    return built("s3", "restic")


@pytest.fixture(scope="module")
def running(images: dict[str, str]) -> Iterator[S3Server]:
    with S3Server() as server:
        yield server


@pytest.fixture
def server(running: S3Server) -> Iterator[S3Server]:
    yield running
    running.fault(None)


Curl = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def curl(server: S3Server, tmp_path: Path) -> Curl:
    """Asks for an object, with `-w`'s status last; `put` stores it, `secret` is the key that signs."""
    (tmp_path / "ca.pem").write_text(server.ca_pem)
    (tmp_path / "content").write_bytes(CONTENT)

    def curl(name: str, *, put: bool = False, secret: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [
                *("curl", "-sS", "--cacert", str(tmp_path / "ca.pem"), "-w", "\n%{http_code}"),
                *("--aws-sigv4", "aws:amz:us-east-1:s3"),
                *("-u", f"{server.access_key}:{secret or server.secret_key}"),
                *("-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD"),
                *(("-T", str(tmp_path / "content")) if put else ()),
                f"{server.endpoint}/copies/{name}",
            ],
            capture_output=True,
            text=True,
            timeout=60,
        )

    return curl


def status(answer: subprocess.CompletedProcess[str]) -> int:
    assert answer.returncode == 0, answer.stderr
    return int(answer.stdout.rpartition("\n")[2])


def test_restic_keeps_a_copy_there_and_finds_one_that_was_damaged(
    server: S3Server, images: dict[str, str], client: docker.DockerClient, tmp_path: Path
) -> None:
    (tmp_path / "ca.pem").write_text(server.ca_pem)
    (tmp_path / "dump").write_bytes(CONTENT)

    def restic(script: str) -> str:
        container = client.containers.run(
            images["restic"],
            ["-c", script],
            entrypoint="sh",
            labels=LABELS,
            network=network.NAME,  # from where a booted machine asks
            volumes={str(tmp_path): {"bind": "/here", "mode": "ro"}},
            environment={
                "RESTIC_REPOSITORY": f"s3:{server.endpoint}/copies/dumps",
                "RESTIC_PASSWORD": "secret",
                "RESTIC_CACERT": "/here/ca.pem",
                "AWS_ACCESS_KEY_ID": server.access_key,
                "AWS_SECRET_ACCESS_KEY": server.secret_key,
            },
            detach=True,
        )
        try:
            return finished(container)
        finally:
            container.remove(force=True, v=True)

    restic("restic init -q && restic backup -q /here/dump && restic check -q --read-data")
    expected = hashlib.sha256(CONTENT).hexdigest()
    assert restic("restic dump latest /here/dump | sha256sum").startswith(expected)

    packs = [path for path in (server.folder / "copies" / "dumps" / "data").rglob("*") if path.is_file()]
    for pack in packs:
        content = bytearray(pack.read_bytes())
        content[len(content) // 2] ^= 1
        pack.write_bytes(content)
    with pytest.raises(AssertionError, match="exit code 1: "):
        restic("restic check -q --read-data")


def test_it_answers_who_trusts_its_authority_and_signs_with_its_key(server: S3Server, curl: Curl) -> None:
    assert status(curl("kept", put=True)) == 200
    assert (server.folder / "copies" / "kept").read_bytes() == CONTENT
    assert status(curl("kept", secret="another")) == 403
    stranger = subprocess.run(["curl", "-sS", server.endpoint], capture_output=True)
    assert stranger.returncode == UNTRUSTED


@pytest.mark.parametrize(
    ("fault", "put", "get"), [("slow_down", 503, 503), ("forbidden", 403, 403), ("full", 507, 200)]
)
def test_a_refusal_is_answered(server: S3Server, curl: Curl, fault: Fault, put: int, get: int) -> None:
    assert status(curl("there", put=True)) == 200
    server.fault(fault)
    assert status(curl(fault, put=True)) == put
    assert status(curl("there")) == get
    server.fault(None)
    assert status(curl(fault)) == 404, "what was refused is not stored"


def test_what_is_forgotten_was_taken_as_usual(server: S3Server, curl: Curl) -> None:
    server.fault("forgets")
    assert status(curl("forgotten", put=True)) == 200
    assert status(curl("forgotten")) == 404


def test_an_answer_is_late(server: S3Server, curl: Curl) -> None:
    server.fault("slow", seconds=1)
    started = time.monotonic()
    assert status(curl("late", put=True)) == 200
    assert time.monotonic() - started >= 1


def test_a_body_ends_in_its_middle(server: S3Server, curl: Curl) -> None:
    server.fault("cut")
    assert status(curl("whole", put=True)) == 200
    answer = curl("whole")
    assert answer.returncode == PARTIAL
    assert answer.stdout.startswith(CONTENT[: len(CONTENT) // 2].decode())
    assert len(answer.stdout) < len(CONTENT)


def test_a_connection_ends_without_an_answer(server: S3Server, curl: Curl) -> None:
    server.fault("down")
    assert curl("nothing", put=True).returncode == EMPTY_REPLY
    assert curl("nothing").returncode == EMPTY_REPLY


def test_a_fault_is_over_after_as_many_requests_as_it_was_to_meet(server: S3Server, curl: Curl) -> None:
    server.fault("slow_down", count=2)
    assert [status(curl("passing", put=True)) for _ in range(4)] == [503, 503, 200, 200]
    assert server.struck == 2


def test_nothing_stays_of_one_that_ended(images: dict[str, str], client: docker.DockerClient) -> None:
    with S3Server(("one", "two")) as server:
        mine = {"label": f"jira-plus-plus.storage={server.folder.parent}"}
        assert len(client.containers.list(all=True, filters=mine)) == 1
        assert sorted(path.name for path in server.folder.iterdir() if path.name[0] != ".") == ["one", "two"]
    assert not server.folder.exists()
    assert client.containers.list(all=True, filters=mine) == []


def test_one_that_was_killed_goes_on_with_what_it_kept(
    images: dict[str, str], client: docker.DockerClient, tmp_path: Path
) -> None:
    """A rehearsal's bucket outlives its processes: keys, place and objects are the same."""
    storage = Storage.of(tmp_path / "storage")
    killed = S3Server(("copies",), storage).__enter__()
    (killed.folder / "copies" / "object").write_text("kept")
    (container,) = client.containers.list(filters={"label": f"jira-plus-plus.storage={storage.home}"})
    killed._proxy.server_close()  # type: ignore[union-attr] # as the kernel closes it
    killed._proxy.shutdown()  # type: ignore[union-attr]
    with S3Server(("copies",), Storage.of(tmp_path / "storage")) as server:
        assert (server.endpoint, server.secret_key) == (storage.endpoint, storage.secret_key)
        assert (server.folder / "copies" / "object").read_text() == "kept"
        left = client.containers.list(all=True, filters={"label": f"jira-plus-plus.storage={storage.home}"})
        assert container.id not in {one.id for one in left}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({}, []),
        ({"bucket": "other"}, ['backup.offsite.bucket: got "other"; is no bucket at https://10.77.0.1:']),
        (
            {"access": "AKIANOBODY"},
            ["offsite_access_key: got (not shown); is not known at https://10.77.0.1:"],
        ),
        (
            {"secret": "x" * 40},
            ["offsite_secret_key: got (not shown); does not belong to offsite_access_key; "],
        ),
    ],
    ids=["good", "no bucket", "no key", "another's secret"],
)
def test_a_preview_finds_what_the_first_copy_would_be_refused_for(
    server: S3Server, wrong: dict[str, str], said: list[str]
) -> None:
    offsite = Offsite.model_validate(
        {
            "endpoint": server.endpoint,
            "bucket": wrong.get("bucket", "copies"),
            "certificate_authority": server.ca_pem,
        }
    )
    keys = wrong.get("access", server.access_key), wrong.get("secret", server.secret_key)
    found = [str(finding.problem) for finding in copies.findings(*PATH_AND_KEYS, offsite, *keys)]
    assert [text[: len(start)] for text, start in zip(found, said, strict=True)] == said


def test_a_bucket_that_does_not_answer_stops_no_run(server: S3Server) -> None:
    """It is a warning: an outage of its own is to stop no release."""
    given = {"endpoint": server.endpoint, "bucket": "copies", "certificate_authority": server.ca_pem}
    for fault in ("slow_down", "down"):
        server.fault(fault)
        with pytest.raises(Unreachable, match="cannot be asked"):
            list(
                copies.findings(
                    *PATH_AND_KEYS, Offsite.model_validate(given), server.access_key, server.secret_key
                )
            )
    server.fault(None)
    with pytest.raises(Unreachable, match="CERTIFICATE_VERIFY_FAILED"):
        list(
            copies.findings(
                *PATH_AND_KEYS,
                Offsite.model_validate({**given, "certificate_authority": None}),
                server.access_key,
                server.secret_key,
            )
        )


def test_a_key_opens_the_buckets_that_it_is_for_and_is_gone_once_it_is_ended(tmp_path: Path) -> None:
    """As a token of R2's, which the embedded Cloudflare gives out."""
    storage, key, secret = Storage.of(tmp_path), "ab" * 16, hashlib.sha256(b"value").hexdigest()
    with S3Server(("copies", "log"), storage) as server:

        def refusal(bucket: str, secret_key: str = secret) -> str | None:
            return Bucket(server.endpoint, bucket, None, server.ca_pem, key, secret_key).refusal()

        assert refusal("copies") == "InvalidAccessKeyId"
        storage.change({key: {"secret": secret, "buckets": ["copies"], "write": True}})
        assert refusal("copies") is None
        assert refusal("log") == "AccessDenied"
        assert refusal("copies", "0" * 64) == "SignatureDoesNotMatch"
        storage.change({key: None})
        assert refusal("copies") == "InvalidAccessKeyId"
