"""Pulumi's own command, as a user types it: a stack's life from `stack init` to `stack rm`, and a mistake."""

from __future__ import annotations

import json
import re

import pytest

from tests.engine.cli.terminal import Terminal, host
from tests.engine.lab import SECRETS

pytestmark = [pytest.mark.engine, pytest.mark.parametrize("host", [host()])]
TOKEN = SECRETS["acme_dns_token"]


def begin(terminal: Terminal) -> None:
    terminal.run("pulumi stack init uat")
    terminal.run("pulumi config set --secret acme_dns_token", stdin=TOKEN)


def resources(shown: str, what: str) -> int:
    """How many the closing summary calls by that word, as in `+ 154 created`."""
    found = re.findall(rf"^\s+(?:\S )?(\d+) {what}$", shown, flags=re.MULTILINE)
    assert found, f"no resource is said to be {what}"
    return int(found[-1])


def test_a_stack_comes_stays_and_goes_by_pulumi_s_own_commands(host: str, terminal: Terminal) -> None:
    run, lab = terminal.run, terminal.lab
    begin(terminal)

    wanted = resources(run("pulumi preview"), "to create")
    assert lab.holdings() == {}, "a preview makes nothing"
    made = run("pulumi up --yes --skip-preview")
    assert resources(made, "created") == wanted
    assert lab.holdings()["server"] == 1
    assert len(lab.recorded("containers")) == len(json.loads(run("pulumi stack output containers --json")))

    happened = lab.docker_events()
    for command in (
        "pulumi up --yes --skip-preview",
        "pulumi refresh --yes --skip-preview",
        "pulumi preview --expect-no-changes",
    ):
        assert resources(run(command), "unchanged") == wanted
    assert lab.docker_events() == happened, "no container was touched"

    outputs, config = json.loads(run("pulumi stack output --json")), run("pulumi config")
    assert outputs["urls"]["api"] == "https://api-uat.example.com"
    assert outputs["admin_password"] == "[secret]"
    assert re.search(r"^acme_dns_token +\[secret\]$", config, flags=re.MULTILINE)
    assert TOKEN not in config + made

    # Another major version of Postgres: in words, before anything was touched.
    run("sed -i.15 's/postgres:15[^ ]*/postgres:17.6-bookworm/' Pulumi.uat.yaml")
    refused = run("pulumi preview", fails=True)
    assert "images.postgres: it is Postgres 17, which cannot read the data of Postgres 15" in refused
    assert "make upgrade-postgres STACK=uat TO=17" in refused
    run("mv Pulumi.uat.yaml.15 Pulumi.uat.yaml")

    assert resources(run("pulumi destroy --yes --skip-preview"), "deleted") == wanted
    assert lab.holdings() == {}
    assert lab.recorded("containers") == []
    run("pulumi stack rm --yes --preserve-config")
    assert "uat" not in run("pulumi stack ls")


def test_a_mistake_in_the_settings_is_one_readable_error(host: str, terminal: Terminal) -> None:
    begin(terminal)
    terminal.run("pulumi config set --path services.api.memory_mb plenty")

    shown = terminal.run("pulumi preview", fails=True)

    diagnostics = shown.partition("Diagnostics:")[2]
    assert re.findall(r"error: (.+)", diagnostics) == [
        "1 mistake in the settings of this stack (nothing was created or changed):",
        # What the engine adds to any program's failure.
        "an unhandled error occurred: program exited with non-zero exit code: 1",
    ]
    assert 'services.api.memory_mb: got "plenty"; is no whole number; write it without quotes' in diagnostics
    assert "Traceback" not in shown
    assert 'File "' not in shown
    assert terminal.lab.requests() == [], "nothing was asked of a cloud"
