"""What a person reads whose settings are wrong."""

from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

from components.settings import SettingsError, load
from rehearsal.declared.stacks import ENVIRONMENT, REMOVE, SECRETS, configured, released, stack_file
from tests.components.settings.mistakes import mistakes

CASES = yaml.safe_load((Path(__file__).parent / "bad_settings.yaml").read_text(encoding="utf-8"))
HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
EXISTING = {
    "kind": "existing",
    "address": "198.51.100.7",
    "memory_mb": 4096,
    "ssh": {"user": "root", "port": 22, "host_key": HOST_KEY},
}


def changes_of(case: dict[str, Any]) -> dict[str, Any]:
    base = {"host": EXISTING} if case["stack"] == "existing" else {}
    return {**base, **case.get("set", {}), **dict.fromkeys(case.get("remove", []), REMOVE)}


@pytest.mark.parametrize("case", CASES, ids=lambda case: " ".join(changes_of(case)))
def test_each_mistake_is_said_with_path_value_and_remedy(case: dict[str, Any]) -> None:
    stack = "uat" if case["stack"] == "existing" else case["stack"]
    secrets = {**SECRETS, "registry_password": "canary-registry-password"}
    assert mistakes(changes_of(case), stack, secrets) == case["says"]


def test_the_table_covers_at_least_forty_mistakes() -> None:
    assert len({str(case) for case in CASES}) == len(CASES) >= 40, "every case once, and enough of them"


def test_all_mistakes_are_reported_at_once_in_the_order_of_the_file() -> None:
    said = mistakes(
        {
            "host.server_type": "cx22",
            "domain.api": "api.uat",
            "services.api.memory": 512,
            "backup.schedule": "25:00",
            "images.traefik": "traefik:latest",
            "aplication": {},
            "frob": 1,
        },
        secrets={},
        environment={},
    )
    assert [line.split(":")[0] for line in said] == [
        "host.server_type",
        "domain.api",
        "images.traefik",
        "services.api.memory",
        "backup.schedule",
        "aplication",
        "frob",
        "acme_dns_token",
        "HCLOUD_TOKEN",
        "CLOUDFLARE_API_TOKEN",
    ], "a wrong value must not hide another, nor a missing secret"


def test_a_misspelt_key_does_not_hide_what_is_wrong_with_the_rest_of_its_section() -> None:
    said = mistakes({"services.postgres.memory_mb": 3000, "services.postgres.cpu": 1})
    assert [line.split(":")[0] for line in said] == [
        "host.server_type",
        "host.server_type_fallbacks[0]",
        "services.postgres.cpu",
    ]


def test_a_section_that_is_empty_counts_as_missing() -> None:
    # Pulumi.yaml gives every section an empty default, so that the engine does not refuse the stack first.
    assert mistakes({"domain": {}, "tls": {}}, secrets={}) == [
        "domain: got nothing; is required; add it, with zone, zone_id, api, web, temporal",
        "tls: got nothing; is required; add it, with mode, acme_email, acme_server",
    ]


def test_a_section_that_is_no_mapping_is_said_to_be_none() -> None:
    assert mistakes({"host": "not: [json"}) == [
        'host: got "not: [json"; is no mapping; write its keys below it, as Pulumi.README.md shows'
    ]


def test_a_long_value_is_cut() -> None:
    (line,) = mistakes({"backup.schedule": "x" * 500})
    assert line.startswith(f'backup.schedule: got "{"x" * 99}…; is no time of day')


def test_the_error_is_one_that_the_engine_shows_without_a_traceback() -> None:
    assert issubclass(SettingsError, pulumi.RunError), (
        "the engine prints a RunError's message and nothing else"
    )
    with pytest.raises(SettingsError) as caught:
        load(configured(released({**stack_file("uat"), "frob": 1})), ENVIRONMENT)
    assert caught.value.__cause__ is None, "no other error is chained to it"
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert [problem.path for problem in caught.value.problems] == ["frob"]
