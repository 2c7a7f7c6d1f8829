"""Secrets are asked for, never in the tree, and never shown."""

import json
import subprocess
from pathlib import Path

import pulumi
import pytest

from components.settings import SettingsError, load, secret
from components.settings.report import Screen
from components.settings.secrets import looks_secret
from rehearsal.declared.stacks import (
    ENVIRONMENT,
    PROJECT,
    SECRETS,
    changed,
    configured,
    released,
    stack_file,
    stack_settings,
)
from tests.components.settings.mistakes import ACME, mistakes
from tests.components.settings.test_settings_mistakes import EXISTING

REGISTRY = {"registry": {"server": "ghcr.io", "username": "bot"}}
CANARY = "canary-7f3a9c"


def test_dns_01_needs_its_token() -> None:
    assert mistakes(ACME, secrets={}) == [
        "acme_dns_token: got nothing; is required, since tls.mode dns-01 proves the names by DNS; "
        "run `pulumi config set --secret acme_dns_token` and paste the Cloudflare token for Traefik "
        "(Zone / Zone / Read, Zone / DNS / Edit, for this zone alone)"
    ]


def test_an_empty_secret_is_a_missing_one() -> None:
    # Pulumi.yaml gives every secret an empty default: the engine refuses a key without any.
    (line,) = mistakes({**ACME, "acme_dns_token": ""}, secrets={})
    assert line.startswith("acme_dns_token: got nothing; is required")


def test_a_private_registry_needs_its_password() -> None:
    assert mistakes(REGISTRY) == [
        "registry_password: got nothing; is required, since images come from a registry that wants a login; "
        "run `pulumi config set --secret registry_password` and paste the password of registry.username "
        "(it needs to pull only)"
    ]


def test_sentry_needs_its_dsn() -> None:
    assert mistakes({"application.sentry": True}) == [
        "sentry_dsn: got nothing; is required, since application.sentry is on; "
        "run `pulumi config set --secret sentry_dsn` and paste the DSN of the Sentry project"
    ]


MAIL = {"smtp_host": "smtp.example.com", "sender": "jira@example.com", "to": "ops@example.com"}


@pytest.mark.parametrize(
    ("changes", "name", "why"),
    [
        ({"notifications.slack": True}, "slack_webhook", "notifications.slack is on"),
        ({"notifications.heartbeat": True}, "heartbeat_url", "notifications.heartbeat is on"),
        (
            {"notifications.email": {**MAIL, "username": "jira"}},
            "smtp_password",
            "notifications.email.username logs in to the mail server",
        ),
    ],
)
def test_who_is_to_be_told_needs_the_way_there(changes: dict[str, object], name: str, why: str) -> None:
    (line,) = mistakes(changes)
    assert line.startswith(f"{name}: got nothing; is required, since {why}; run `pulumi config set --secret")


def test_a_mail_server_without_a_login_needs_no_password() -> None:
    config = configured(changed(released(stack_file("uat")), {"notifications.email": MAIL}))
    assert load(config, ENVIRONMENT).notifications.tells


@pytest.mark.parametrize(
    ("value", "wrong"),
    [
        ("https://hooks.slack.com/services/T0/B0/x\n", "has a space or a line break in it"),
        ("hooks.slack.com/services/T0/B0/x", "is no URL: it begins with https:// and a host"),
        ("#alerts", "is no URL: it begins with https:// and a host"),
        ("https://[hooks/services", "is no URL"),
        ("http://hooks.slack.com/services/T0/B0/x", "goes through the internet in the clear"),
        ("http://8.8.8.8/x", "goes through the internet in the clear"),
    ],
)
def test_a_webhook_that_cannot_be_one_is_refused_and_not_shown(value: str, wrong: str) -> None:
    (line,) = mistakes({"notifications.slack": True}, secrets={**SECRETS, "slack_webhook": value})
    assert line.startswith(f"slack_webhook: got (not shown); {wrong}")
    assert value not in line


@pytest.mark.parametrize(
    "value", ["https://hooks.slack.com/services/T0/B0/x", "http://10.0.0.7:8065/hooks/x"]
)
def test_a_webhook_is_of_slack_or_of_a_private_network(value: str) -> None:
    config = configured(
        changed(released(stack_file("uat")), {"notifications.slack": True}),
        {**SECRETS, "slack_webhook": value},
    )
    assert load(config, ENVIRONMENT).notifications.slack


def test_hetzner_needs_the_tokens_of_both_providers() -> None:
    assert mistakes(ACME, environment={}) == [
        "HCLOUD_TOKEN: got nothing; is required, since host.kind hetzner orders a server; "
        "export a token of the project in Hetzner's console (Security, API tokens, Read & Write)",
        "CLOUDFLARE_API_TOKEN: got nothing; is required, since the names are served through Cloudflare; "
        "export a token for this zone (My Profile, API Tokens: Zone / Zone / Read, "
        "Zone / Zone Settings / Edit, Zone / DNS / Edit)",
    ]


def test_the_origin_authority_needs_one_more_permission() -> None:
    (line,) = mistakes({}, environment={"HCLOUD_TOKEN": "x" * 64})
    assert line.endswith("Zone / DNS / Edit, Zone / SSL and Certificates / Edit)")


HETZNERS, CLOUDFLARES = "HCLOUD_TOKEN", "CLOUDFLARE_API_TOKEN"
TOKENS = {**ENVIRONMENT, **SECRETS}


@pytest.mark.parametrize(
    ("name", "value", "wrong"),
    [
        (HETZNERS, TOKENS[HETZNERS] + "\n", "begins or ends with a space or a line break"),
        (HETZNERS, f" {TOKENS[HETZNERS]}", "begins or ends with a space or a line break"),
        (HETZNERS, "changeme", "has 8 characters, and a token of Hetzner's has 64"),
        (HETZNERS, TOKENS[HETZNERS][:40], "has 40 characters, and a token of Hetzner's has 64"),
        (HETZNERS, TOKENS[HETZNERS] * 2, "has 128 characters, and a token of Hetzner's has 64"),
        (HETZNERS, f'"{TOKENS[HETZNERS]}"', "is in quotes, which belong to the shell and not to the token"),
        (CLOUDFLARES, "xxx", "has 3 characters, and a token of Cloudflare's has 40 or more"),
        (CLOUDFLARES, "<your token>", "has the character '<', which is in no token"),
        (CLOUDFLARES, f"Bearer {TOKENS[CLOUDFLARES]}", "has the character ' ', which is in no token"),
        (CLOUDFLARES, "a\nb", "has the character '\\n', which is in no token"),
        (CLOUDFLARES, "…" * 40, "has the character '…', which is in no token"),
        (CLOUDFLARES, "cfut_" + "a" * 40, "has 45 characters, and a token of Cloudflare's has 46 or more"),
        (CLOUDFLARES, "0" * 37, "looks like the Global API Key, which is no token and may do everything"),
        (CLOUDFLARES, "cfk_" + "a" * 48, "looks like the Global API Key, which is no token and may do"),
        (CLOUDFLARES, "v1.0-" + "a" * 100, "looks like the Origin CA Key, which is no token"),
        ("acme_dns_token", "xxx", "has 3 characters, and a token of Cloudflare's has 40 or more"),
    ],
)
def test_a_token_that_cannot_be_one_is_said_to_be_none_and_is_not_shown(
    name: str, value: str, wrong: str
) -> None:
    """infrastructure B7: else the first error comes from a provider, and another one a resource."""
    given = {**TOKENS, name: value}
    (line,) = mistakes(
        ACME,
        secrets={"acme_dns_token": given["acme_dns_token"]},
        environment={HETZNERS: given[HETZNERS], CLOUDFLARES: given[CLOUDFLARES]},
    )
    assert line.startswith(f"{name}: got (not shown); {wrong}")
    assert value.strip() not in line.replace(wrong, "")
    assert "copy the token whole from where it was issued" in line


@pytest.mark.parametrize("value", ["a" * 40, "cfut_" + "a" * 48, "cfat_" + "A-_" * 16])
def test_old_and_new_tokens_of_cloudflare_have_the_form_of_one(value: str) -> None:
    """infrastructure B7."""
    config = configured(released(stack_file("uat")))
    assert load(config, {**ENVIRONMENT, CLOUDFLARES: value}).host.kind == "hetzner"


def test_a_token_that_the_stack_does_not_use_may_be_anything() -> None:
    """infrastructure B7: the shell of somebody who works on the local stack alone."""
    assert load(configured(stack_file("local"), secrets={}), {HETZNERS: "x\n", CLOUDFLARES: ""})


def private_key(tmp_path: Path, *options: str) -> str:
    file = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-f", str(file), "-C", "", *options], check=True)
    return file.read_text()


@pytest.mark.parametrize(
    ("options", "wrong"),
    [
        (("-t", "ed25519", "-N", "secret"), "asks for a passphrase, and nobody is there to type it"),
        (("-t", "rsa", "-m", "PEM", "-N", "secret"), "asks for a passphrase, and nobody is there to type it"),
        (("-t", "rsa", "-m", "PKCS8", "-N", "secret"), "asks for a passphrase, and nobody is there to type"),
    ],
)
def test_a_private_key_that_asks_for_a_passphrase_is_refused(
    tmp_path: Path, options: tuple[str, ...], wrong: str
) -> None:
    """infrastructure B: the deploy would dial for minutes, and be refused each time."""
    key = private_key(tmp_path, *options)
    (line,) = mistakes({"host": EXISTING}, secrets={**SECRETS, "ssh_private_key": key})
    assert line.startswith(f"ssh_private_key: got (not shown); {wrong}")


@pytest.mark.parametrize("options", [("-t", "ed25519"), ("-t", "rsa", "-m", "PEM"), ("-t", "ecdsa")])
def test_a_private_key_without_a_passphrase_is_taken_and_half_of_it_is_not(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    """infrastructure B."""
    key = private_key(tmp_path, *options, "-N", "")
    sections = changed(released(stack_file("uat")), {"host": EXISTING})
    assert load(configured(sections, {**SECRETS, "ssh_private_key": key}), ENVIRONMENT)
    for text, wrong in (
        (key[: len(key) // 2], "is cut or altered: its last line is not that of its first"),
        ((tmp_path / "key.pub").read_text(), "is the public half of a key"),
        ("PuTTY-User-Key-File-3: ssh-ed25519\n", "is in PuTTY's format, which ssh does not read"),
    ):
        (line,) = mistakes({"host": EXISTING}, secrets={**SECRETS, "ssh_private_key": text})
        assert line.startswith(f"ssh_private_key: got (not shown); {wrong}")


def test_missing_secrets_are_found_although_the_rest_is_wrong() -> None:
    said = mistakes({**ACME, "tls.acme_email": "nobody", "host.location": "moon"}, secrets={}, environment={})
    assert [line.split(":")[0] for line in said] == [
        "host.location",
        "tls.acme_email",
        "acme_dns_token",
        "HCLOUD_TOKEN",
        "CLOUDFLARE_API_TOKEN",
    ]


def test_local_needs_no_secret_and_no_account() -> None:
    config = configured(stack_file("local"), secrets={})
    assert load(config, {}).host.kind == "local"


def test_a_provider_token_may_come_from_the_stack_configuration() -> None:
    tokens = {"hcloud:token": CANARY.ljust(64, "0"), "cloudflare:apiToken": CANARY.ljust(40, "0")}
    sections = configured(released(stack_file("uat")))
    everything = {f"{PROJECT}:{name}": sections.get(name) for name in (*stack_file("uat"), *SECRETS)}
    pulumi.runtime.set_all_config(
        {**everything, **tokens}, [*(f"{PROJECT}:{name}" for name in SECRETS), *tokens]
    )
    assert load(sections, {}).host.kind == "hetzner"


def test_a_secret_in_the_clear_is_refused_and_not_repeated() -> None:
    assert mistakes({"acme_dns_token": CANARY.ljust(40, "0")}, secrets={}) == [
        "acme_dns_token: got (not shown); stands in the stack file in the clear; "
        "give it up where it was issued, and run `pulumi config set --secret acme_dns_token` with a new one"
    ]


def test_an_encrypted_section_is_refused_and_its_values_are_not_shown() -> None:
    sections = released(stack_file("uat"))
    sections["backup"] = {"schedule": CANARY}
    config = configured(sections, {**SECRETS, "backup": json.dumps({"schedule": CANARY})})
    with pytest.raises(SettingsError) as caught:
        load(config, ENVIRONMENT)
    assert CANARY not in str(caught.value)
    assert [str(problem) for problem in caught.value.problems] == [
        "backup.schedule: got (not shown); is no time of day; "
        'write HH:MM in 24 hours and in quotes, e.g. "02:00"',
        "backup: got (not shown); holds something encrypted, but settings are no secrets and are shown; "
        "write it in the clear; what is secret has a key of its own: "
        "acme_dns_token, offsite_access_key, offsite_secret_key, offsite_passphrase, archive_access_key, "
        "archive_secret_key, archive_passphrase, masked_access_key, masked_secret_key, masked_passphrase, "
        "slack_webhook, smtp_password, heartbeat_url, otlp_headers, registry_password, sentry_dsn, "
        "ssh_private_key",
    ]


@pytest.mark.parametrize(
    "path",
    [
        "domain.zone_id",
        "tls.acme_email",
        "application.admin_email",
        "images.api",
        "host.ssh.host_key",
        "registry.username",
        "unknown_key",
    ],
)
def test_a_secret_pasted_into_the_wrong_place_is_not_shown(path: str) -> None:
    secret = ENVIRONMENT["CLOUDFLARE_API_TOKEN"]
    base = REGISTRY if path.startswith("registry") else {}
    said = mistakes({**base, path: f"{secret} "}, secrets={**SECRETS, "registry_password": CANARY})
    assert said
    assert secret not in "\n".join(said)


def test_a_password_beside_the_registry_leads_to_the_secret() -> None:
    said = mistakes(
        {"registry": {**REGISTRY["registry"], "password": CANARY}},
        secrets={**SECRETS, "registry_password": "x" * 9},
    )
    assert said == [
        "registry.password: got (not shown); is no setting; if it is the secret registry_password, "
        "run `pulumi config set --secret registry_password`, and remove this"
    ]


def test_a_secret_that_is_not_set_is_none_although_it_has_an_empty_default() -> None:
    config = configured({**stack_file("local"), "ssh_private_key": ""}, secrets={})
    assert secret(config, "ssh_private_key") is None
    assert secret(config, "sentry_dsn") is None
    assert isinstance(secret(configured({}), "acme_dns_token"), pulumi.Output)


def test_no_secret_is_in_the_tree() -> None:
    settings = stack_settings("uat")
    assert "canary-" not in settings.model_dump_json(), (
        "secrets are read with require_secret where they are used"
    )


@pytest.mark.parametrize(
    ("path", "secret"),
    [
        ("registry.password", True),
        ("acme_dns_token", True),
        ("sentry_dsn", True),
        ("smtp.api_key", True),
        ("host.ssh.private_key", True),
        ("host.ssh.authorized_keys", False),
        ("host.ssh.host_key", False),
        ("services.temporal.namespace", False),
        ("backup.retention.daily", False),
    ],
)
def test_a_path_is_secret_by_its_words(path: str, secret: bool) -> None:
    assert looks_secret(path) is secret


def test_a_screen_hides_credentials_in_urls_private_keys_and_mappings() -> None:
    show = Screen(secret_values=[CANARY]).show
    assert show("a", "https://user:pw@host") == "(not shown)"
    assert show("a", "-----BEGIN PRIVATE KEY-----") == "(not shown)"
    assert show("a", f"x{CANARY}y") == "(not shown)"
    assert show("a", [CANARY]) == "(not shown)"
    assert show("a", {"b": "c"}) == "a mapping"
    assert show("a", ["b", 1]) == '["b", 1]'


def test_changed_leaves_the_stack_file_as_it_was() -> None:
    before = stack_file("uat")
    changed(before, {"host.volume.size_gb": 11})
    assert before == stack_file("uat")
