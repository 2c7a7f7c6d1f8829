"""No secret, a human's or the program's own, is anywhere that a person or another program may look."""

from __future__ import annotations

import base64
import json
import re
import sys
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from operations import changes
from operations.deployment import Deployment
from rehearsal.declared.packed import readings
from tests.engine.conftest import Bring
from tests.engine.lab import SECRETS

pytestmark = pytest.mark.engine

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"
SENTRY_AND_REGISTRY = {
    "application.sentry": True,
    "registry": {"server": "ghcr.io", "username": "puller"},
}
ACME = {"mode": "dns-01", "acme_email": "ops@example.com"}
LEAST = 12
"""Characters; a shorter secret would be found by chance."""


def made_by_the_program(deployment: Deployment) -> dict[str, str]:
    """Every line of every text that the state keeps encrypted, decrypted, by its place.

    Not the scripts on a command's standard input, which carry plain text and others of these secrets; and not
    the public half of a key, which its private half contains.
    """
    exported = deployment.open()._run_pulumi_cmd_sync(["stack", "export", "--show-secrets"]).stdout
    found: dict[str, str] = {}
    public = ""
    for resource in json.loads(exported)["deployment"]["resources"]:
        name = resource["urn"].rsplit("::", 1)[-1]
        for part in ("inputs", "outputs"):
            values = resource.get(part) or {}
            found |= dict(_secret_texts(values, f"{name}.{part}", False))
            public += "".join(
                text for key, text in values.items() if key.startswith("public") and isinstance(text, str)
            )
    return {
        f"{place}, line {number}": line
        for place, text in found.items()
        if not place.endswith((".stdin", ".userData", ".hostKey"))
        for number, line in enumerate(map(str.strip, text.splitlines()), 1)
        if len(line) >= LEAST and not line.startswith("-----") and line not in public
    }


def _secret_texts(value: Any, place: str, secret: bool) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        if value.get(SIGNATURE) == SECRET:
            yield from _secret_texts(json.loads(value["plaintext"]), place, True)
            return
        for key, item in value.items():
            yield from _secret_texts(item, f"{place}.{key}", secret)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _secret_texts(item, f"{place}[{index}]", secret)
    elif secret and isinstance(value, str):
        yield place, value


def needles(secrets: dict[str, str]) -> dict[str, str]:
    """What to look for, and whose it is: each secret, plain, escaped, and in base64 at each of its offsets."""  # noqa: E501
    found: dict[str, str] = {}
    for place, text in secrets.items():
        for form in (text, json.dumps(text)[1:-1], urllib.parse.quote(text, safe=""), *_in_base64(text)):
            found.setdefault(form, place)
    return found


def _in_base64(text: str) -> Iterator[str]:
    """The characters that any base64 of a longer text with this one in it must contain."""
    for offset in range(3):
        coded = base64.b64encode(b"\0" * offset + text.encode()).decode()
        whole = coded[-(-offset * 8 // 6) : (offset + len(text.encode())) * 8 // 6]
        if len(whole) >= LEAST:
            yield whole


def test_no_secret_is_in_the_clear_in_anything_that_a_run_leaves_or_says(
    bring: Bring, tmp_path: Path
) -> None:
    lab = bring("uat", up=False)
    deployment = lab.deployment("uat", {**SENTRY_AND_REGISTRY, "tls": ACME})
    preview = deployment.preview()
    deployment.up()
    # A change next to the secrets shows old and new values; and here is one more key.
    lab.write("uat", {**SENTRY_AND_REGISTRY, "application.log_level": "debug", "tls": {"mode": "origin-ca"}})
    second = deployment.up()

    secrets = made_by_the_program(deployment)
    wanted = needles({**secrets, **{f"secret {name}": value for name, value in SECRETS.items()}})
    assert_covered(secrets)

    places: dict[str, str] = {
        "preview as Markdown": changes.markdown("uat", preview) + changes.markdown("uat", second),
        "what was said": "\n".join(lab.output),
        "the outputs as shown": deployment.open()._run_pulumi_cmd_sync(["stack", "output", "--json"]).stdout,
    }
    for path in sorted(lab.state.rglob("*")):
        # The embedded Hetzner keeps what a server was made with, as the real one does.
        if path.is_file() and path.name != "state.sqlite":
            places[str(path.relative_to(lab.state))] = path.read_text(errors="replace")
    for expected in ("events/preview.jsonl", "events/up.jsonl", "cloud/requests.jsonl", "commands.jsonl"):
        assert places[expected], f"{expected} was looked through"
    assert any("/containers/" in place for place in places), "recorded containers were looked through"
    assert any("/stacks/" in place for place in places), "the state was looked through"
    assert not [place for place, text in places.items() if "/stacks/" in place and sys.prefix in text], (
        "where this machine has its Python is nobody's business either"
    )
    pattern = re.compile("|".join(re.escape(needle) for needle in sorted(wanted, key=len, reverse=True)))
    leaks = {
        f"{wanted[match]} in {place}"
        for place, text in places.items()
        for reading in readings(text)
        for match in set(pattern.findall(reading))
    }
    assert not leaks


def assert_covered(secrets: dict[str, str]) -> None:
    """The kinds of secrets that the program makes are among those looked for."""
    for name in ("credentials-jira", "host-deploy-key", "host-host-key", "edge-certificate-key"):
        assert any(place.startswith(name) for place in secrets), f"no secret of {name}: {sorted(secrets)}"


def test_a_secret_is_found_in_each_form_that_it_may_take() -> None:
    secret = 's3cret/with "quotes"'
    wanted = needles({"it": secret})
    for prefix in ("", "x", "xy", "xyz"):
        for text in (
            prefix + secret,
            json.dumps({"a": prefix + secret}),
            urllib.parse.quote(prefix + secret, safe=""),
            base64.b64encode(f"{prefix}{secret}!".encode()).decode(),
        ):
            assert any(needle in text for needle in wanted), text
