"""Jira++ itself: the contract's environment, the commands of the settings, how it shows that it is well."""

import shlex

import pytest

from rehearsal.declared.packed import files
from rehearsal.declared.platform import commands, containers, declare, declared


def environment(stack: str, service: str) -> dict[str, str]:
    pairs = (value.partition("=") for value in containers(declared(stack))[service].inputs.get("envs", []))
    return {name: value for name, _, value in pairs}


def labels(stack: str, service: str) -> dict[str, str]:
    return {label["label"]: label["value"] for label in containers(declared(stack))[service].inputs["labels"]}


def test_the_environment_of_the_api() -> None:
    assert environment("uat", "api") == {
        "ADMIN_EMAIL": "admin@example.com",
        "CORS_ORIGINS": "https://app-uat.example.com",
        "DRAIN_SECONDS": "1",
        "ENVIRONMENT": "uat",
        "GRAPHQL_INTROSPECTION": "false",
        "GRAPHQL_PLAYGROUND": "false",
        "LOG_LEVEL": "info",
        "NODE_ENV": "production",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "https://otlp.example.com",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_LOGS_EXPORTER": "none",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_SERVICE_NAME": "jira-plus-plus-api",
        "OTEL_TRACES_EXPORTER": "otlp",
        "PORT": "4000",
        "SENTRY_ENVIRONMENT": "uat",
        "TEMPORAL_ADDRESS": "temporal:7233",
        "TEMPORAL_NAMESPACE": "jira",
        "TEMPORAL_TASK_QUEUE": "jira",
    }


@pytest.mark.parametrize(("stack", "value"), [("local", "true"), ("uat", "false"), ("prod", "false")])
def test_playground_and_introspection_are_off_but_on_this_machine(stack: str, value: str) -> None:
    assert environment(stack, "api")["GRAPHQL_PLAYGROUND"] == value
    assert environment(stack, "api")["GRAPHQL_INTROSPECTION"] == value


def test_several_origins_are_listed() -> None:
    origins = ["https://app-uat.example.com", "https://beta.example.com"]
    recorded = declare("uat", {"application.cors_origins": origins})
    assert f"CORS_ORIGINS={','.join(origins)}" in containers(recorded)["api"].inputs["envs"]


def test_the_worker_shares_queue_and_namespace_with_the_api() -> None:
    api, worker = environment("uat", "api"), environment("uat", "worker")
    for name in ("TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE", "TEMPORAL_TASK_QUEUE"):
        assert api[name] == worker[name]
    assert worker["PORT"] == "4001"


def test_the_web_application_knows_the_api_and_no_secret_but_the_one_that_pages_show() -> None:
    assert environment("uat", "web")["API_URL"] == "https://api-uat.example.com"
    assert environment("local", "web")["API_URL"] == "http://api.localhost:8080"
    mounts = containers(declare("uat"))["web"].inputs["mounts"]
    assert [m["target"] for m in mounts] == ["/run/jira"], "the shim alone"
    told = files(commands(declared("uat"))["web-files"])
    assert sorted(told) == [
        "/run/jira/entrypoint.sh",
        "/run/secrets/SENTRY_DSN",
        "/run/secrets/SENTRY_RELEASE",
    ]


def test_without_a_receiver_nobody_is_told_of_traces_and_without_a_header_none_is_given() -> None:
    for service in ("api", "worker"):
        silent = containers(declare("uat"))[service].inputs["envs"]
        assert not [pair for pair in silent if pair.startswith(("OTEL_", "SENTRY_"))]


def test_who_drains_itself_is_told_how_long_and_who_does_not_is_drained() -> None:
    for service in ("api", "worker"):
        assert environment("uat", service)["DRAIN_SECONDS"] == "1"
        assert "--drain" not in containers(declared("uat"))[service].inputs["entrypoints"]
    for service in ("web", "temporal-ui"):
        assert "DRAIN_SECONDS" not in environment("uat", service), (
            "drained twice, it would take twice as long"
        )
        entrypoint = containers(declared("uat"))[service].inputs["entrypoints"]
        assert entrypoint[2:5] == ["--drain", "5", "--"]


def test_the_command_of_the_settings_runs_behind_the_shim() -> None:
    command = ["node", "--enable-source-maps", "main.js"]
    api = containers(declare("uat", {"services.api.command": command, "services.api.port": 4100}))[
        "api"
    ].inputs
    assert api["entrypoints"] == ["/bin/sh", "/run/jira/entrypoint.sh", "--", *command]
    assert "PORT=4100" in api["envs"]
    assert "http://127.0.0.1:4100/health" in api["healthcheck"]["tests"]


@pytest.mark.parametrize("service", ["api", "worker"])
def test_a_container_that_was_ready_once_is_told_so_by_a_file_that_outlives_its_restarts(
    service: str,
) -> None:
    """runtime 23."""
    recorded = declared("uat")
    command = commands(recorded)[f"{service}-healthy"].inputs
    container = containers(recorded)[service].inputs
    (folder,) = (mount["source"] for mount in container["mounts"] if mount["target"] == "/run/jira")
    words = shlex.split(command["create"])
    assert words[:5] == ["sudo", "sh", "-s", "--", f"{service}-0a1b2c3"]
    assert words[6:] == [f"{folder}/ready-{command['triggers'][0][:12]}"]
    words = shlex.split(command["stdin"].partition("\nawait_healthy ")[2])
    assert ["CMD", *words] == container["healthcheck"]["tests"], "it is asked what Docker asks it"


def test_traefik_knows_nothing_of_docker() -> None:
    for service in containers(declared("uat")):
        assert not [label for label in labels("uat", service) if label.startswith("traefik.")], service
