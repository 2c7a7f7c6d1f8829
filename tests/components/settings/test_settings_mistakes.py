"""What a person reads whose settings are wrong."""

from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

from components.host.cloud_init import user_data
from components.host.scripts import bootstrap_arguments
from components.settings import SettingsError, load
from components.settings.rules import MAXIMUM_OF_KEYS_BYTES
from rehearsal.declared.stacks import ENVIRONMENT, REMOVE, SECRETS, configured, released, stack_file
from tests.components.settings.mistakes import ACME, mistakes
from tests.components.settings.public_keys import KEYS, WEAK

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


ED25519, RSA = KEYS[0].split(), KEYS[4].split()


@pytest.mark.parametrize(
    ("key", "wrong"),
    [
        (f"{KEYS[0]}\n{KEYS[1]}", "is more than one line; write each key as an item of its own"),
        (f"{KEYS[0]}\r\n{KEYS[1]}", "is more than one line; write each key as an item of its own"),
        (f"{KEYS[0]}\u2028{KEYS[1]}", "is more than one line; write each key as an item of its own"),
        (f"{RSA[0]} {RSA[1][:-40]}", "is cut or altered: its second word is no whole key; paste the line"),
        (f"{RSA[0]} {RSA[1][:24]}", "is cut or altered: its second word is no whole key; paste the line"),
        (f"{ED25519[0]} {ED25519[1][:-8]}", "is cut or altered: its second word is no whole key; paste"),
        (f"{ED25519[0]} {ED25519[1]}AAAA", "is cut or altered: its second word is no whole key; paste"),
        (WEAK, "is an RSA key of 1024 bits, which is too short to be safe; make a new one: ssh-keygen -t"),
        ("ssh-dss AAAAB3NzaC1kc3M= old", "is of a type that OpenSSH takes no more; make a new one"),
        (f'from="203.0.113.7" {KEYS[0]}', "does not begin with the key's type; leave out what stands"),
        (f"198.51.100.7 {KEYS[0]}", "does not begin with the key's type; leave out what stands before it"),
    ],
)
def test_a_key_that_sshd_would_not_take_as_one_key_is_refused(key: str, wrong: str) -> None:
    """infrastructure D: one item with a line break and a second key passed, and a truncated RSA key too."""
    (line,) = mistakes({"host.ssh.authorized_keys": [key]})
    assert line.startswith("host.ssh.authorized_keys[0]: got ")
    assert f"; {wrong}" in line


def test_a_key_twice_is_refused_whatever_its_comment() -> None:
    """infrastructure D: somebody else's was meant."""
    again = " ".join([*ED25519[:2], "somebody-else"])
    (line,) = mistakes({"host.ssh.authorized_keys": [KEYS[0], KEYS[1], again]})
    assert line.startswith("host.ssh.authorized_keys[2]: got ")
    assert "; is the key of host.ssh.authorized_keys[0] too; remove one of the two" in line


def test_more_keys_than_a_new_server_can_be_told_are_refused() -> None:
    """infrastructure D: Hetzner would refuse the server, after its keys and addresses were made."""
    many = [f"{key} {'x' * 2000}" for key in KEYS[:6]]
    (line,) = mistakes({"host.ssh.authorized_keys": many})
    assert line.startswith("host.ssh.authorized_keys: got 6 keys; have 1")
    most = ["--authorized-key", "k" * MAXIMUM_OF_KEYS_BYTES]
    assert user_data("k" * 100, "k" * 500, "k" * 100, [*bootstrap_arguments(2048, (), ()), *most])


def test_more_networks_than_hetzner_takes_are_a_mistake_and_no_traceback() -> None:
    """infrastructure B4: 600 of them were a bare ValueError, 120 an error of Hetzner's halfway."""
    for count in (101, 120, 600):
        networks = [f"193.{n // 256}.{n % 256}.0/25" for n in range(count)]
        assert mistakes({"host.ssh.allowed_networks": networks}) == [
            f"host.ssh.allowed_networks: got {count} networks; are more than the 100 that Hetzner takes in a "
            "rule of its firewall; name fewer and wider ones, or let people come by a VPN"
        ]


def test_a_host_name_that_dns_does_not_take_is_refused() -> None:
    """infrastructure B: Cloudflare would refuse the record, after the server was made."""
    zone = ".".join(["z" * 61] * 4)
    origins = {"application.cors_origins": [f"https://app-uat.{zone}"]}
    said = [line for line in mistakes({"domain.zone": zone, **origins}) if line.startswith("domain.")]
    assert said == [
        f'domain.{name}: got "{label}"; makes a host name of {len(label) + 1 + len(zone)} characters, '
        "and DNS takes 253; choose a shorter one"
        for name, label in (
            ("api", "api-uat"),
            ("web", "app-uat"),
            ("temporal", "temporal-uat"),
            ("metrics", "metrics-uat"),
        )
    ]


@pytest.mark.parametrize("stack", ["Feature.X", "uat_2", "-uat", "u" * 49])
def test_a_stack_whose_name_no_server_can_have_is_refused(
    stack: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """infrastructure B: Hetzner would refuse the server, after its keys and addresses were made."""
    monkeypatch.setattr(pulumi, "get_stack", lambda: stack)
    (line,) = mistakes({})
    assert line.startswith(f'the name of the stack: got "{stack}"; is a part of the server\'s host name')
    assert load(configured(stack_file("local"), {}), ENVIRONMENT), "containers can have it"


def test_all_mistakes_are_reported_at_once_in_the_order_of_the_file() -> None:
    said = mistakes(
        {
            **ACME,
            "host.server_type": "cx24",
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
        "domain: got nothing; is required; add it, with zone, zone_id, api, web, temporal, metrics, grafana",
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
