"""The stand-in for cloudflare: R2's buckets and their keys, against the embedded Cloudflare."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.rehearsal.cloud.harness import TOKEN, Embedded
from tests.rehearsal.plugins.driver import Driver, started

BUCKET = "cloudflare:index/r2Bucket:R2Bucket"
KEY = "cloudflare:index/accountToken:AccountToken"
WRITE = "2efd5506f9c8494dacb1fa10a3e7d5b6"


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Embedded]:
    one = Embedded(tmp_path / "cloud")
    yield one
    one.close()


@pytest.fixture
def driver(cloud: Embedded) -> Iterator[Driver]:
    command = [sys.executable, "-m", "rehearsal.plugins", "cloudflare"]
    environment = {"CLOUDFLARE_API_TOKEN": TOKEN, "CLOUDFLARE_BASE_URL": f"{cloud.url}/cf"}
    with started(command, environment) as one:
        assert one.configure("cloudflare") == []
        yield one


def bucket(cloud: Embedded, **inputs: Any) -> tuple[str, dict[str, Any]]:
    return BUCKET, {"accountId": cloud.cloud.account, "name": "the-copies", **inputs}


def key(cloud: Embedded, name: str = "key", bucket: str = "the-copies") -> tuple[str, dict[str, Any]]:
    resource = f"com.cloudflare.edge.r2.bucket.{cloud.cloud.account}_default_{bucket}"
    one = {
        "effect": "allow",
        "permissionGroups": [{"id": WRITE}],
        "resources": json.dumps({resource: "*"}, separators=(",", ":")),
    }
    return KEY, {"accountId": cloud.cloud.account, "name": name, "policies": [one]}


def test_a_bucket_stays_where_it_is(driver: Driver, cloud: Embedded) -> None:
    [entry] = driver.apply({"b": bucket(cloud, location="weur")})
    assert (entry["op"], entry["outputs"]["location"]) == ("create", "WEUR")
    assert driver.state["b"].resource_id == "the-copies"
    driver.refresh()
    assert driver.apply({"b": bucket(cloud, location="eeur")})[0]["op"] == "same"
    assert driver.apply({"b": bucket(cloud)})[0]["op"] == "same"


def test_a_bucket_s_storage_class_is_changed_by_a_header(driver: Driver, cloud: Embedded) -> None:
    driver.apply({"b": bucket(cloud)})
    [entry] = driver.apply({"b": bucket(cloud, storageClass="InfrequentAccess")})
    assert entry["op"] == "update"
    assert cloud.cloud.store.all("r2_bucket")[0]["storage_class"] == "InfrequentAccess"


def test_a_bucket_that_is_there_is_refused_and_can_be_imported(driver: Driver, cloud: Embedded) -> None:
    driver.apply({"b": bucket(cloud)})
    driver.state.clear()
    [entry] = driver.apply({"b": bucket(cloud)})
    assert '"code": 10004' in entry["error"]
    found = driver.imported("b", BUCKET, f"{cloud.cloud.account}/the-copies/default")
    assert (found["id"], found["outputs"]["name"]) == ("the-copies", "the-copies")
    assert "invalid id the-copies" in driver.imported("b", BUCKET, "the-copies")["error"]


def test_a_key_keeps_its_value_and_has_no_difference_after_a_refresh(driver: Driver, cloud: Embedded) -> None:
    [entry] = driver.apply({"k": key(cloud)})
    value = entry["outputs"]["value"]
    assert len(value) == 40
    driver.refresh()
    assert driver.apply({"k": key(cloud)})[0]["op"] == "same"
    [entry] = driver.apply({"k": key(cloud, bucket="another")})
    assert (entry["op"], entry["outputs"]["value"]) == ("update", value), "its rights change, and it stays"


def test_a_key_that_was_ended_or_is_of_no_use_is_made_anew(driver: Driver, cloud: Embedded) -> None:
    driver.apply({"k": key(cloud)})
    [there] = cloud.cloud.store.all("account_token")
    cloud.cloud.store.put("account_token", {**there, "status": "expired"})
    assert driver.refresh()[0]["op"] == "gone"
    assert "is no longer usable" in driver.engine.lines[-1][1]


def test_a_key_of_another_account_is_another_key(driver: Driver, cloud: Embedded) -> None:
    driver.apply({"k": key(cloud)})
    token, inputs = key(cloud)
    [entry] = driver.apply({"k": (token, {**inputs, "accountId": "f" * 32})}, preview=True)
    assert (entry["op"], entry["diff"]["replaces"]) == ("replace", ["accountId"])
