"""The state in a bucket: what a run sends there, and that one that was killed is finished by the next."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from pulumi.automation import CommandError

from operations.deployment import Deployment, DeploymentFailed
from rehearsal.s3 import S3Server
from tests.engine.conftest import Bring
from tests.engine.lab import NOTHING, Changes, Lab
from tests.engine.moments import Kill, Request
from tests.engine.test_reality import Hand
from tests.engine.test_release import NEW
from tests.engine.wholeness import HOLDINGS

pytestmark = [pytest.mark.engine, pytest.mark.live]


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    """With the keys and the authority of it exported."""
    with S3Server(("state",)) as server:
        authorities = tmp_path / "authorities.pem"
        authorities.write_text(server.ca_pem)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", server.access_key)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", server.secret_key)
        for name in ("AWS_CA_BUNDLE", "SSL_CERT_FILE"):
            monkeypatch.setenv(name, str(authorities))
        yield server


class Counted:
    """How many requests the bucket has had within."""

    def __init__(self, bucket: S3Server) -> None:
        self._bucket = bucket

    def __enter__(self) -> Counted:
        self._bucket.fault("slow", seconds=0)  # it meets each, and is none
        return self

    def __exit__(self, *_: object) -> None:
        self.requests = self._bucket.struck
        self._bucket.fault(None)


def deployment(lab: Lab, bucket: S3Server, changes: Changes = NOTHING, *, killed: bool = False) -> Deployment:
    made = lab.deployment("uat", changes, checkpoints=True, killed=killed)
    host = bucket.endpoint.removeprefix("https://")  # as .env.template writes it
    url = f"s3://state?region=us-east-1&endpoint={host}&s3ForcePathStyle=true"
    made.environment = {**made.environment, "PULUMI_BACKEND_URL": url}
    return made


def kept(bucket: S3Server, what: str) -> list[Path]:
    """The engine's objects in the bucket, as files."""
    folder = bucket.folder / "state" / ".pulumi" / what
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_state_in_a_bucket_is_small_seldom_sent_and_survives_a_killed_run(
    bring: Bring, bucket: S3Server
) -> None:
    lab = bring("uat", up=False)
    kill = Kill(lab)
    killed = deployment(lab, bucket)
    with kill.at(Request("POST", "/v1/servers")), pytest.raises((DeploymentFailed, CommandError)):
        killed.up()
    assert kill.reached
    assert kept(bucket, "locks")

    after = deployment(lab, bucket, killed=True)
    after.up()
    assert lab.holdings() == HOLDINGS
    assert not after.state().get("pending_operations")
    assert not kept(bucket, "locks")
    (state,) = (path for path in kept(bucket, "stacks") if path.suffix != ".bak")
    assert state.name == "uat.json.gz"
    assert json.loads(gzip.decompress(state.read_bytes()))["checkpoint"]["latest"]["resources"]

    # Four requests for each time that the state is written: to read all anew wrote it for each resource.
    resources = len(after.resources())
    with Counted(bucket) as counted:
        journal = deployment(lab, bucket, {"images.api": NEW["api"]}).up()
    assert journal.changes
    assert counted.requests < resources

    Hand(lab).deletes_a_record()
    journal = deployment(lab, bucket, {"images.api": NEW["api"]}).up()
    assert len(journal.put_back) == 1
    assert lab.holdings() == HOLDINGS


def test_a_bucket_that_does_not_let_it_in_is_told_with_its_place_and_its_keys(
    bring: Bring, bucket: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = bring("uat", up=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "another")
    with pytest.raises(DeploymentFailed) as raised:
        deployment(lab, bucket).up()
    message = str(raised.value)
    assert message.startswith("the state of uat cannot be read: ")
    assert "InvalidAccessKeyId" in message
    assert "it is looked for at s3://state, which AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY open" in message
    assert [str(failure.message) for failure in raised.value.journal.errors] == [message]
