"""Where secrets go: a canary in each, followed through everything that is declared."""

import math
from typing import Any

import pytest

from components.containers.files import script
from components.services.credentials import htpasswd
from rehearsal.declared.packed import files, readings
from rehearsal.declared.platform import CANARY, commands, containers, declare, declared
from tests.components.settings.mistakes import ACME

MAKES = {
    "random:index/randomPassword:RandomPassword",
    "tls:index/privateKey:PrivateKey",
    "tls:index/selfSignedCert:SelfSignedCert",
    "tls:index/certRequest:CertRequest",
}
"""What a secret is an input of, because it is made of one; the tests of the edge look at these."""


def holding(value: Any) -> bool:
    """Whether a canary is in the value, plain or in the way in which we encode files."""
    if isinstance(value, dict):
        return any(map(holding, value.items()))
    if isinstance(value, list | tuple):
        return any(map(holding, value))
    if not isinstance(value, str):
        return False
    return any(CANARY in reading for reading in readings(value))


def test_the_search_finds_what_is_hidden() -> None:
    assert holding({"stdin": script({"/run/secrets/it": f"{'x' * 100}{CANARY}database{'y' * 100}"})})
    assert not holding({"stdin": script({"/run/secrets/it": "x" * 200})})


@pytest.mark.parametrize("stack", ["local", "uat", "prod"])
def test_no_container_shows_a_secret_in_anything_that_docker_inspect_prints(stack: str) -> None:
    for service, container in containers(declared(stack)).items():
        for name, value in container.inputs.items():
            assert not holding(value), f"{service}: a secret is in {name}"
        assert not container.secrets, f"{service}: a preview would hide {sorted(container.secrets)}"


@pytest.mark.parametrize("stack", ["local", "uat", "prod"])
def test_a_command_has_secrets_on_stdin_alone_and_marked_as_such(stack: str) -> None:
    seen = 0
    for name, command in commands(declared(stack)).items():
        for key, value in command.inputs.items():
            if not holding(value):
                continue
            assert key in ("stdin", "connection"), f"{name}: a secret is in {key}, which an error prints"
            assert key in command.secrets, f"{name}: {key} holds a secret and is not marked"
            seen += key == "stdin"
    assert seen >= 8, "the files of eight services hold secrets"


@pytest.mark.parametrize("stack", ["local", "uat", "prod"])
def test_nothing_else_that_is_declared_holds_a_secret_unmarked(stack: str) -> None:
    for resource in declared(stack).resources:
        if resource.type in MAKES:
            continue
        for name, value in resource.inputs.items():
            if holding(value):
                assert name in resource.secrets, f"{resource.type} {resource.name}: {name}"


def test_each_service_is_given_what_it_needs_and_no_more() -> None:
    given: dict[str, set[str]] = {}
    for name, command in commands(declared("uat")).items():
        if name.endswith(("-files", "-passwords")):
            given[name.rpartition("-")[0]] = given.get(name.rpartition("-")[0], set()) | {
                path for path, text in files(command).items() if CANARY in text
            }
    application = {
        f"/run/secrets/{name}" for name in ("ADMIN_PASSWORD", "DATABASE_URL", "SENTRY_DSN", "SESSION_SECRET")
    }
    traced = application | {"/run/secrets/OTEL_EXPORTER_OTLP_HEADERS"}
    assert {service: paths for service, paths in given.items() if paths} == {
        "api": traced,
        "worker": traced,
        "web": {"/run/secrets/SENTRY_DSN"},
        "migration": application,
        "postgres": {
            f"/run/roles/{role}"
            for role in ("postgres", "jira", "migration", "temporal", "backup", "monitoring")
        },
        "postgres-exporter": {"/run/secrets/monitoring"},
        "alertmanager": {"/etc/jira/slack", "/etc/jira/smtp", "/etc/jira/heartbeat"},
        "backup": {"/run/secrets/PGPASSWORD"},
        "migration-backup": {"/run/secrets/PGPASSWORD"},
        "temporal": {"/etc/temporal/config/server.yaml"},
        "temporal-schema": {"/run/secrets/SQL_PASSWORD"},
    }


def test_only_where_an_authority_is_asked_traefik_is_given_a_token() -> None:
    acme = declare("uat", ACME)
    assert CANARY in files(commands(acme)["traefik-files"])["/run/secrets/acme_dns_token"]
    assert containers(acme)["traefik"].inputs["envs"] == [
        "GOMEMLIMIT=96MiB",
        "CF_DNS_API_TOKEN_FILE=/run/secrets/acme_dns_token",
    ], "the token is a file, and of it the environment has its path alone"
    for stack in ("uat", "prod", "local"):
        (only,) = containers(declared(stack))["traefik"].inputs["envs"]
        assert only.startswith("GOMEMLIMIT="), stack


def test_without_sentry_there_is_no_dsn() -> None:
    recorded = declare("uat", {"application.sentry": False})
    assert "/run/secrets/SENTRY_DSN" not in files(commands(recorded)["api-files"])


@pytest.mark.parametrize(
    ("service", "url"),
    [
        ("api", "postgresql://jira:canary-credentials-jira@postgres:5432/jira?connection_limit=10"),
        ("worker", "postgresql://jira:canary-credentials-jira@postgres:5432/jira?connection_limit=7"),
        ("migration", "postgresql://migration:canary-credentials-migration@postgres:5432/jira"),
    ],
)
def test_the_application_logs_in_with_its_own_role_and_is_told_the_size_of_its_pool(
    service: str, url: str
) -> None:
    recorded = declare("uat", {"services.worker.database_connections": 7})
    assert files(commands(recorded)[f"{service}-files"])["/run/secrets/DATABASE_URL"] == url


def test_passwords_are_long_and_pass_through_urls_and_shells() -> None:
    for password in declared("prod").of("random:index/randomPassword:RandomPassword"):
        assert password.inputs["special"] is False
        assert password.inputs["length"] >= 24


def test_a_guess_at_temporals_password_costs_the_proxy_one_fast_hash() -> None:
    """Report: runtime 13, bcrypt cost 50 ms of half a core. `htpasswd -nbs admin secret` prints this."""
    assert htpasswd("secret") == "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ="
    credentials = declared("uat").one("credentials-temporal-ui").inputs
    assert credentials["length"] * math.log2(26 + 26 + 10) > 128, "what a fast hash asks of the password"
