"""R2's buckets and an account's tokens, in raw HTTP."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from tests.rehearsal.cloud.harness import Answer, Client, Embedded

NAME = "the-copies"
WRITE = "2efd5506f9c8494dacb1fa10a3e7d5b6"


def ask(cloud: Embedded, method: str, path: str, body: Any = None, **headers: str) -> Answer:
    return cloud.ask(method, f"/cf/accounts/{cloud.cloud.account}{path}", body, **headers)


def policy(cloud: Embedded, **change: Any) -> dict[str, Any]:
    bucket = f"com.cloudflare.edge.r2.bucket.{cloud.cloud.account}_default_{NAME}"
    return {"effect": "allow", "permission_groups": [{"id": WRITE}], "resources": {bucket: "*"}, **change}


def refused(answer: Answer, code: int, status: int) -> None:
    assert (answer.status, answer.code, answer.body["success"]) == (status, code, False), answer.body


def test_a_bucket_is_made_told_and_deleted(cloud: Embedded) -> None:
    made = ask(cloud, "POST", "/r2/buckets", {"name": NAME, "locationHint": "weur"}).body["result"]
    assert made.keys() == {"name", "creation_date", "location", "storage_class", "jurisdiction"}
    assert (made["location"], made["storage_class"], made["jurisdiction"]) == ("WEUR", "Standard", "default")
    assert ask(cloud, "GET", f"/r2/buckets/{NAME}").body["result"] == made
    assert ask(cloud, "GET", "/r2/buckets").body["result"] == {"buckets": [made]}
    assert ask(cloud, "DELETE", f"/r2/buckets/{NAME}").body["result"] == {}
    refused(ask(cloud, "GET", f"/r2/buckets/{NAME}"), 10006, 404)


def test_a_name_that_is_there_is_refused_but_in_another_jurisdiction(cloud: Embedded) -> None:
    ask(cloud, "POST", "/r2/buckets", {"name": NAME})
    refused(ask(cloud, "POST", "/r2/buckets", {"name": NAME}), 10004, 409)
    assert ask(cloud, "POST", "/r2/buckets", {"name": NAME}, **{"cf-r2-jurisdiction": "eu"}).status == 200


def test_a_bucket_that_holds_something_is_not_deleted(cloud: Embedded) -> None:
    ask(cloud, "POST", "/r2/buckets", {"name": NAME})
    folder = cloud.folder / "storage" / "data" / NAME
    folder.mkdir(parents=True)
    (folder / "object").write_text("the last copy")
    refused(ask(cloud, "DELETE", f"/r2/buckets/{NAME}"), 10008, 409)


@pytest.mark.parametrize("name", ["ab", "Capital", "with.dot", "-begin", "a" * 64, None])
def test_what_is_no_name_of_a_bucket_is_refused(cloud: Embedded, name: str | None) -> None:
    refused(ask(cloud, "POST", "/r2/buckets", {"name": name}), 10005, 400)


def test_a_token_s_value_is_told_once_and_kept_nowhere(cloud: Embedded) -> None:
    made = ask(cloud, "POST", "/tokens", {"name": "key", "policies": [policy(cloud)]}).body["result"]
    told = ask(cloud, "GET", f"/tokens/{made['id']}").body["result"]
    assert told == {key: value for key, value in made.items() if key != "value"}
    assert told["policies"][0]["permission_groups"][0]["name"] == "Workers R2 Storage Bucket Item Write"
    kept = json.dumps(cloud.cloud.store.all("account_token"))
    assert made["value"] not in kept
    assert hashlib.sha256(made["value"].encode()).hexdigest() in kept, "as a secret key of S3's"
    assert ask(cloud, "DELETE", f"/tokens/{made['id']}").body["result"] == {"id": made["id"]}
    refused(ask(cloud, "GET", f"/tokens/{made['id']}"), 1003, 404)


def test_a_policy_must_name_what_there_is(cloud: Embedded) -> None:
    for wrong in (
        {"permission_groups": [{"id": "f" * 32}]},
        {"permission_groups": []},
        {"resources": {"com.cloudflare.api.account.zone.*": "*"}},
        {"effect": "perhaps"},
    ):
        body = {"name": "key", "policies": [policy(cloud, **wrong)]}
        refused(ask(cloud, "POST", "/tokens", body), 1001, 400)


def test_accounts_of_others_and_tokens_that_may_not_are_refused(cloud: Embedded) -> None:
    refused(cloud.ask("GET", f"/cf/accounts/{'f' * 32}/r2/buckets"), 10000, 403)
    refused(cloud.ask("GET", "/cf/accounts/not-an-id/tokens"), 7003, 404)
    given = {"token": "given-out", "provider": "cloudflare", "permissions": ["#workers_r2:read"]}
    cloud.good("POST", "/_rehearsal/tokens", given)
    asking, account = Client(cloud.url, "given-out"), cloud.cloud.account
    assert asking.ask("GET", f"/cf/accounts/{account}/r2/buckets").status == 200
    refused(asking.ask("POST", f"/cf/accounts/{account}/r2/buckets", {"name": NAME}), 10000, 403)
    refused(asking.ask("GET", f"/cf/accounts/{account}/tokens"), 10000, 403)
