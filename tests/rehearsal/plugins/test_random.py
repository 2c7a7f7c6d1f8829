"""The stand-in for random."""

from __future__ import annotations

import base64
import string
import sys
from collections.abc import Iterator
from typing import Any

import bcrypt
import pytest

from rehearsal.plugins import marshal
from rehearsal.plugins.marshal import Secret
from tests.rehearsal.plugins.driver import Driver, started

PASSWORD = "random:index/randomPassword:RandomPassword"


@pytest.fixture
def driver() -> Iterator[Driver]:
    with started([sys.executable, "-m", "rehearsal.plugins", "random"], {}) as one:
        assert one.configure("random") == []
        yield one


def made(driver: Driver, token: str, **inputs: Any) -> dict[str, Any]:
    [entry] = driver.apply({"x": (token, inputs)})
    outputs: dict[str, Any] = entry["outputs"]
    return outputs


def test_a_password_is_secret_and_has_its_hash(driver: Driver) -> None:
    outputs = made(driver, PASSWORD, length=24)
    assert len(outputs["result"]) == 24
    assert outputs["id"] == "none", "the id must not give it away"
    assert bcrypt.checkpw(outputs["result"].encode(), outputs["bcryptHash"].encode())
    state = driver.state["x"].outputs
    assert isinstance(state["result"], Secret)
    assert isinstance(state["bcryptHash"], Secret)


def test_a_password_has_the_characters_it_must_have(driver: Driver) -> None:
    wanted = {"minUpper": 3, "minLower": 3, "minNumeric": 3, "minSpecial": 3, "overrideSpecial": "_-"}
    text = made(driver, PASSWORD, length=12, **wanted)["result"]
    for characters in (string.ascii_uppercase, string.ascii_lowercase, string.digits, "_-"):
        assert sum(character in characters for character in text) == 3


def test_a_password_has_no_characters_that_are_switched_off(driver: Driver) -> None:
    text = made(driver, PASSWORD, length=64, special=False, upper=False)["result"]
    assert set(text) <= set(string.ascii_lowercase + string.digits)


def test_a_length_below_the_minimum_is_refused(driver: Driver) -> None:
    [entry] = driver.apply({"x": (PASSWORD, {"length": 3, "minUpper": 4})})
    assert entry["failures"] == ["Attribute length value must be at least 4, got: 3"]


def test_no_characters_at_all_is_an_error(driver: Driver) -> None:
    off = dict.fromkeys(("lower", "upper", "numeric", "special"), False)
    [entry] = driver.apply({"x": (PASSWORD, {"length": 3, **off})})
    assert "switch on lower, upper, numeric or special" in entry["error"]


def test_nothing_is_made_twice(driver: Driver) -> None:
    first = made(driver, PASSWORD, length=24)["result"]
    [entry] = driver.apply({"x": (PASSWORD, {"length": 24})})
    assert entry["op"] == "same"
    driver.refresh()
    assert marshal.plain(driver.state["x"].outputs)["result"] == first


@pytest.mark.parametrize("change", [{"length": 25}, {"keepers": {"a": "2"}}, {"special": False}])
def test_every_input_replaces(driver: Driver, change: dict[str, Any]) -> None:
    before = {"length": 24, "keepers": {"a": "1"}}
    first = made(driver, PASSWORD, **before)["result"]
    [entry] = driver.apply({"x": (PASSWORD, {**before, **change})})
    assert entry["op"] == "replace"
    assert entry["diff"]["replaces"] == list(change)
    assert entry["outputs"]["result"] != first


def test_a_preview_knows_nothing_of_it(driver: Driver) -> None:
    [entry] = driver.apply({"x": (PASSWORD, {"length": 24})}, preview=True)
    assert entry["outputs"]["result"] == "UNKNOWN"
    assert not driver.state


def test_an_id_has_all_its_forms(driver: Driver) -> None:
    outputs = made(driver, "random:index/randomId:RandomId", byteLength=8, prefix="p-")
    raw = bytes.fromhex(outputs["hex"].removeprefix("p-"))
    assert len(raw) == 8
    assert outputs["dec"] == f"p-{int.from_bytes(raw, 'big')}"
    assert outputs["b64Std"] == f"p-{base64.b64encode(raw).decode()}"
    assert outputs["b64Url"] == f"p-{outputs['id']}"


def test_strings_bytes_and_uuids(driver: Driver) -> None:
    text = made(driver, "random:index/randomString:RandomString", length=9, special=False)
    assert text["id"] == text["result"]
    driver.apply({})
    raw = made(driver, "random:index/randomBytes:RandomBytes", length=16)
    assert base64.b64decode(raw["base64"]) == bytes.fromhex(raw["hex"])
    assert isinstance(driver.state["x"].outputs["hex"], Secret)
    driver.apply({})
    assert len(made(driver, "random:index/randomUuid:RandomUuid")["result"]) == 36
