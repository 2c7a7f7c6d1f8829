"""The stand-in for the plugin `random`. Every input replaces; nothing of it is ever made a second time."""

from __future__ import annotations

import base64
import secrets
import string
import uuid
from pathlib import Path
from typing import Any

from rehearsal.plugins import shapes
from rehearsal.plugins.bridged import Bridged
from rehearsal.plugins.provider import CheckFailure, Provider, ProviderError, Values

_SPECIAL = "!@#$%&*()-_=+[]{}<>:?"
_BCRYPT_COST = 10
_BCRYPT_LONGEST = 72
"""Bytes that bcrypt looks at; the official provider hashes no more either."""


class _Random(Bridged):
    """Something random: there is nothing to look up, to change or to delete."""

    def fetch(self, resource_id: str, state: Values) -> Values | None:
        if not state:
            raise ProviderError(f"{self.shape.token} cannot be imported by the stand-in plugin random")
        return state

    def change(self, resource_id: str, state: Values, plan: Values, changed: set[str]) -> Values:
        return {**state, **plan}

    def remove(self, resource_id: str, state: Values) -> None:
        return


class RandomString(_Random):
    """Characters from chosen classes, some of each at least."""

    def validate(self, inputs: Values) -> list[CheckFailure]:
        minimum = sum(
            _number(inputs.get(name)) for name in ("minLower", "minUpper", "minNumeric", "minSpecial")
        )
        length = inputs.get("length")
        if isinstance(length, int) and length < max(1, minimum):
            return [
                CheckFailure(
                    "length", f"Attribute length value must be at least {max(1, minimum)}, got: {length}"
                )
            ]
        return []

    def plan(self, news: Values, state: Values | None) -> Values:
        """`number` is the old name of `numeric`."""
        if "number" in news and "numeric" not in news:
            news = {**news, "numeric": news["number"]}
        plan = super().plan(news, state)
        return {**plan, "number": plan["numeric"]}

    def make(self, plan: Values) -> tuple[str, Values]:
        result = _text(plan)
        return result, {**plan, "id": result, "result": result}


class RandomPassword(RandomString):
    """The same, secret, with its bcrypt hash. Its id says nothing."""

    def make(self, plan: Values) -> tuple[str, Values]:
        import bcrypt

        result = _text(plan)
        hashed = bcrypt.hashpw(
            result.encode()[:_BCRYPT_LONGEST], bcrypt.gensalt(_BCRYPT_COST, b"2a")
        ).decode()
        return "none", {**plan, "id": "none", "result": result, "bcryptHash": hashed}


class RandomId(_Random):
    """Bytes as text in several bases, behind a prefix."""

    def make(self, plan: Values) -> tuple[str, Values]:
        raw = secrets.token_bytes(plan["byteLength"])
        prefix = plan.get("prefix", "")
        identity = base64.urlsafe_b64encode(raw).decode().rstrip("=")
        return identity, {
            **plan,
            "id": identity,
            "b64Std": prefix + base64.b64encode(raw).decode(),
            "b64Url": prefix + identity,
            "dec": prefix + str(int.from_bytes(raw, "big")),
            "hex": prefix + raw.hex(),
        }


class RandomBytes(_Random):
    """Secret bytes."""

    def make(self, plan: Values) -> tuple[str, Values]:
        raw = secrets.token_bytes(plan["length"])
        return "none", {**plan, "id": "none", "base64": base64.b64encode(raw).decode(), "hex": raw.hex()}


class RandomUuid(_Random):
    """A UUID."""

    def make(self, plan: Values) -> tuple[str, Values]:
        result = str(uuid.uuid4())
        return result, {**plan, "id": result, "result": result}


_RESOURCES: dict[str, type[_Random]] = {
    "random:index/randomBytes:RandomBytes": RandomBytes,
    "random:index/randomId:RandomId": RandomId,
    "random:index/randomPassword:RandomPassword": RandomPassword,
    "random:index/randomString:RandomString": RandomString,
    "random:index/randomUuid:RandomUuid": RandomUuid,
}


class RandomProvider(Provider):
    """Needs no configuration."""

    name = "random"

    def __init__(self) -> None:
        known = shapes.load(Path(__file__).with_name("shapes.json"))
        self.resources = {token: kind(known[token]) for token, kind in _RESOURCES.items()}


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _text(plan: Values) -> str:
    classes = {
        "Special": plan.get("overrideSpecial") or _SPECIAL if plan["special"] else "",
        "Lower": string.ascii_lowercase if plan["lower"] else "",
        "Upper": string.ascii_uppercase if plan["upper"] else "",
        "Numeric": string.digits if plan["numeric"] else "",
    }
    everything = "".join(classes.values())
    if not everything:
        raise ProviderError(
            "the character set specified is empty: switch on lower, upper, numeric or special"
        )
    drawn = [
        secrets.choice(characters)
        for name, characters in classes.items()
        if characters
        for _ in range(plan[f"min{name}"])
    ]
    drawn += [secrets.choice(everything) for _ in range(plan["length"] - len(drawn))]
    secrets.SystemRandom().shuffle(drawn)
    return "".join(drawn)


def provider() -> Provider:
    """The plugin."""
    return RandomProvider()
