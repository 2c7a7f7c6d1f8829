"""Jira++ itself: the contract's environment, the commands of the settings, the labels that Traefik reads."""

import pytest

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
        "DRAIN_SECONDS": "5",
        "ENVIRONMENT": "uat",
        "GRAPHQL_INTROSPECTION": "false",
        "GRAPHQL_PLAYGROUND": "false",
        "LOG_LEVEL": "info",
        "NODE_ENV": "production",
        "PORT": "4000",
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


def test_the_web_application_knows_the_api_and_no_secret() -> None:
    assert environment("uat", "web")["API_URL"] == "https://api-uat.example.com"
    assert environment("local", "web")["API_URL"] == "http://api.localhost:8080"
    mounts = containers(declared("uat"))["web"].inputs["mounts"]
    assert [m["target"] for m in mounts] == ["/run/jira"], "the shim alone"


def test_who_drains_itself_is_told_how_long_and_who_does_not_is_drained() -> None:
    for service in ("api", "worker"):
        assert environment("uat", service)["DRAIN_SECONDS"] == "5"
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


@pytest.mark.parametrize(
    ("service", "port", "path"),
    [("api", "4000", "/serving"), ("web", "8080", "/health"), ("temporal-ui", "8080", "/healthz")],
)
def test_traefik_learns_services_from_labels_and_nothing_else(service: str, port: str, path: str) -> None:
    found = {name: value for name, value in labels("uat", service).items() if name.startswith("traefik.")}
    balancer = f"traefik.http.services.{service}.loadbalancer"
    assert found == {
        "traefik.enable": "true",
        "traefik.docker.network": f"network-edge-{service}-0a1b2c3",
        f"{balancer}.server.port": port,
        f"{balancer}.healthcheck.path": path,
        f"{balancer}.healthcheck.interval": "2s",
        f"{balancer}.healthcheck.timeout": "5s",
    }, "two containers that define a router differently, as in a release, make Traefik drop it"


def test_a_release_asks_what_the_router_will_ask_so_that_an_image_without_that_path_fails_it() -> None:
    """runtime 14."""
    found = containers(declare("uat", {"services.api.serving_path": "/takes-requests"}))["api"].inputs
    assert found["healthcheck"]["tests"][-1] == "http://127.0.0.1:4000/takes-requests"
    path = "traefik.http.services.api.loadbalancer.healthcheck.path"
    assert {"label": path, "value": "/takes-requests"} in found["labels"]


@pytest.mark.parametrize("service", ["api", "worker"])
def test_a_container_that_was_ready_once_is_told_so_by_a_file_that_outlives_its_restarts(
    service: str,
) -> None:
    """runtime 23."""
    recorded = declared("uat")
    command = commands(recorded)[f"{service}-ready"].inputs
    mounts = containers(recorded)[service].inputs["mounts"]
    (folder,) = (mount["source"] for mount in mounts if mount["target"] == "/run/jira")
    name = command["triggers"][0][:12]
    assert command["create"] == f"sudo touch {folder}/ready-{name}"
    assert command["delete"] == f"sudo rm -f {folder}/ready-{name}"


def test_nothing_else_is_known_to_traefik() -> None:
    for service in containers(declared("uat")):
        if service not in ("api", "web", "temporal-ui"):
            assert "traefik.enable" not in labels("uat", service), service
