"""Buckets in a Cloudflare account, and a key to each alone: made, kept by a destroy, found again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from operations.deployment import DeploymentFailed
from tests.engine.conftest import Bring
from tests.engine.lab import ACCOUNT_ID, Lab

pytestmark = pytest.mark.engine
OTHER_TOKEN = "o" * 64
ZONE = ["#zone:read", "#zone_settings:edit", "#dns_records:edit", "#ssl:edit"]
CHANGES: dict[str, Any] = {
    "backup.r2": {"account_id": ACCOUNT_ID},
    "backup.offsite": {"bucket": "uat-copies"},
    "backup.point_in_time": {"bucket": "uat-log"},
}
BUCKETS = f"/client/v4/accounts/{ACCOUNT_ID}/r2/buckets"


def buckets(lab: Lab) -> dict[str, str]:
    """Name to the time of creation, which says whether it is the same one."""
    return {one["name"]: one["creation_date"] for one in lab.objects("r2_bucket")}


def variables(lab: Lab, service: str) -> dict[str, str]:
    (container,) = (
        one
        for one in lab.recorded("containers")
        if one["Config"]["Labels"]["jira-plus-plus.service"] == service
    )
    return dict(line.split("=", 1) for line in container["Config"]["Env"])


def test_they_are_made_kept_by_a_destroy_and_found_again_without_the_state(bring: Bring) -> None:
    lab = bring("uat", up=False)
    lab.ask("POST", BUCKETS, {"name": "uat-log", "locationHint": "eeur"})  # somebody's, of that name
    log = buckets(lab)["uat-log"]
    lab.deployment("uat", CHANGES).up()

    made = {one["name"]: one for one in lab.objects("r2_bucket")}
    assert set(made) == {"uat-copies", "uat-log"}
    assert (made["uat-copies"]["location"], made["uat-log"]["location"]) == ("WEUR", "EEUR")
    assert made["uat-log"]["creation_date"] == log, "taken over, and not refused"
    assert "uat-log is in eeur; write eeur" in "\n".join(lab.output)
    tokens = {one["name"]: one for one in lab.objects("account_token")}
    assert {
        name: [list(policy["resources"]) for policy in token["policies"]] for name, token in tokens.items()
    } == {
        f"jira-plus-plus uat {keys}": [[f"com.cloudflare.edge.r2.bucket.{ACCOUNT_ID}_default_{bucket}"]]
        for keys, bucket in (("offsite", "uat-copies"), ("archive", "uat-log"))
    }
    endpoint = f"{ACCOUNT_ID}.r2.cloudflarestorage.com"
    assert variables(lab, "backup")["RESTIC_REPOSITORY"] == f"s3:https://{endpoint}/uat-copies/uat"
    assert variables(lab, "postgres")["PGBACKREST_REPO1_S3_ENDPOINT"] == endpoint
    secret = tokens["jira-plus-plus uat offsite"]["secret"]
    assert secret not in json.dumps(lab.checkpoint()), "the state has it encrypted"
    assert secret not in "\n".join(lab.output)

    # Days later: the keys were used, and nothing is to do.
    for token in lab.objects("account_token"):
        lab.cloud.store.put("account_token", {**token, "last_used_on": "2026-11-28T03:00:00Z"})
    journal = lab.deployment("uat", CHANGES).up()
    assert (journal.changes, journal.strayed) == (0, {})

    before = buckets(lab)
    lab.deployment("uat", CHANGES).destroy()
    assert buckets(lab) == before, "the last copies outlive the stack"
    assert not lab.objects("account_token"), "the keys to them end with it"
    said = "\n".join(lab.output)
    for name in before:
        assert f"the bucket {name} stays at Cloudflare" in said

    lab.deployment("uat", CHANGES).up()
    assert buckets(lab) == before, "the same ones, taken over"
    assert len(lab.objects("account_token")) == 2
    assert lab.deployment("uat", CHANGES).up().changes == 0


def test_a_preview_says_what_would_be_made_and_makes_nothing(bring: Bring) -> None:
    lab = bring("uat", up=False)
    journal = lab.deployment("uat", CHANGES).preview()
    made = {
        step.name for step in journal.steps if step.op == "create" and step.type.startswith("cloudflare:")
    }
    assert {"bucket-offsite", "bucket-offsite-key", "bucket-archive", "bucket-archive-key"} <= made
    assert not buckets(lab)
    assert not lab.objects("account_token")


@pytest.mark.parametrize(
    ("held", "said"),
    [
        (
            [],
            "lacks Account / Workers R2 Storage / Edit, Account / Account API Tokens / Edit for the account",
        ),
        (["#workers_r2:edit"], "lacks Account / Account API Tokens / Edit for the account"),
    ],
)
def test_a_token_that_may_not_make_them_is_told_before_anything_is_made(
    bring: Bring, monkeypatch: pytest.MonkeyPatch, held: list[str], said: str
) -> None:
    lab = bring("uat", up=False)
    deployment = lab.deployment("uat", CHANGES)
    lab.cloud.tokens.add(OTHER_TOKEN, "cloudflare", [*ZONE, *held])
    environment = {**deployment.environment, "CLOUDFLARE_API_TOKEN": OTHER_TOKEN}
    monkeypatch.setattr(deployment, "environment", environment)
    with pytest.raises(DeploymentFailed, match=f"CLOUDFLARE_API_TOKEN: got .*; {said} {ACCOUNT_ID}"):
        deployment.preview()
    assert not lab.holdings()


def test_another_s_account_is_told_with_that_of_the_zone(bring: Bring) -> None:
    lab = bring("uat", up=False)
    with pytest.raises(DeploymentFailed) as failed:
        lab.deployment("uat", {**CHANGES, "backup.r2": {"account_id": "f" * 32}}).preview()
    assert f'backup.r2.account_id: got "{"f" * 32}"; is not the account of example.com' in str(failed.value)
    assert f"write {ACCOUNT_ID}" in str(failed.value)


def test_a_key_that_is_made_anew_is_there_before_the_old_one_goes(bring: Bring) -> None:
    lab = bring("uat", up=False)
    lab.deployment("uat", CHANGES).up()
    (old,) = (one for one in lab.objects("account_token") if one["name"].endswith("offsite"))
    lab.cloud.audit.clear()
    urn = next(r["urn"] for r in lab.resources() if r["urn"].endswith("::bucket-offsite-key"))
    lab.deployment("uat", CHANGES).up(replace=urn)
    (new,) = (one for one in lab.objects("account_token") if one["name"].endswith("offsite"))
    assert new["id"] != old["id"]
    asked = [r["m"] for r in lab.changing() if "/tokens" in r["p"]]
    assert asked == ["POST", "DELETE"]


def test_a_key_that_was_made_unseen_is_ended_before_another_try(bring: Bring) -> None:
    lab = bring("uat", up=False)
    changes = {name: value for name, value in CHANGES.items() if name != "backup.point_in_time"}
    # The provider itself tries a request three times.
    lab.fault(
        {"kind": "dropped_connection", "when": "after", "method": "POST", "path": "/tokens$", "count": 3}
    )
    lab.deployment("uat", changes).up()
    (key,) = lab.objects("account_token")
    assert key["id"] in {resource.get("id") for resource in lab.resources()}
