"""The filter before the Docker socket: its configuration as exact text, and what each consumer may ask."""

import re

import pytest

from components.services.socket_proxy import ALLOWED, config
from rehearsal.declared.platform import commands, containers, declared

ID = "0123456789abcdef" * 4


def allowed(consumer: str, method: str, path: str) -> bool:
    """What HAProxy answers to the request: it reads the rules of the configuration from top to bottom."""
    rule = re.compile(r"http-request allow if \{ method (\w+) \} \{ path -m reg (\S+) \}")
    return any(
        match[1] == method and re.search(match[2], path) for match in rule.finditer(config(ALLOWED[consumer]))
    )


def test_the_configuration_word_by_word() -> None:
    assert (
        config(ALLOWED["autoheal"])
        == r"""global
    log stdout format raw local0
    maxconn 64
    nbthread 1

defaults
    log global
    option httplog
    mode http
    timeout connect 5s
    timeout client 10m
    timeout server 10m
    timeout http-request 5s

frontend filter
    bind :2375
    http-request set-log-level silent
    http-request allow if { method GET } { path -m reg ^(/v1\.[0-9]+)?/_ping$ }
    http-request allow if { method HEAD } { path -m reg ^(/v1\.[0-9]+)?/_ping$ }
    http-request allow if { method GET } { path -m reg ^(/v1\.[0-9]+)?/containers/json$ }
    http-request allow if { method POST } { path -m reg ^(/v1\.[0-9]+)?/containers/[0-9a-f]{64}/restart$ }
    http-request set-log-level warning
    http-request deny deny_status 403
    default_backend docker

backend docker
    server docker unix@/var/run/docker.sock
"""
    )


@pytest.mark.parametrize(
    ("consumer", "method", "path"),
    [
        ("watchtower", "HEAD", "/_ping"),
        ("watchtower", "GET", "/v1.51/version"),
        ("watchtower", "GET", "/v1.41/containers/json"),
        ("watchtower", "GET", f"/v1.41/containers/{ID}/json"),
        ("watchtower", "GET", "/containers/jira-uat-postgres/json"),
        ("autoheal", "GET", "/containers/json"),
        ("autoheal", "POST", f"/containers/{ID}/restart"),
        ("watchtower", "GET", "/v1.44/images/traefik:v3.7.13/json"),
        ("watchtower", "GET", "/v1.44/images/ghcr.io/example-org/api:1.0.0/json"),
        ("watchtower", "GET", "/info"),
    ],
)
def test_what_a_consumer_needs_passes(consumer: str, method: str, path: str) -> None:
    assert allowed(consumer, method, path)


@pytest.mark.parametrize("consumer", sorted(ALLOWED))
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/containers/create"),
        ("POST", "/v1.41/containers/create"),
        ("POST", f"/containers/{ID}/exec"),
        ("POST", f"/containers/{ID}/start"),
        ("POST", f"/containers/{ID}/stop"),
        ("POST", f"/containers/{ID}/kill"),
        ("POST", f"/containers/{ID}/update"),
        ("DELETE", f"/containers/{ID}"),
        ("GET", f"/containers/{ID}/archive"),
        ("GET", f"/containers/{ID}/logs"),
        ("PUT", f"/containers/{ID}/archive"),
        ("POST", "/build"),
        ("POST", "/volumes/create"),
        ("GET", "/volumes"),
        ("POST", "/networks/create"),
        ("GET", "/secrets"),
        ("POST", "/auth"),
        ("POST", "/swarm/init"),
        ("GET", "/containers/../images/json/json"),
        ("GET", "/containers/%2e%2e/json"),
        ("GET", "/containers/a/b/json"),
        ("GET", "/containers/json/../../build"),
        ("GET", "//containers/json"),
        ("GET", "/v1.41/v1.41/containers/json"),
        ("PATCH", "/containers/json"),
        ("GET", "/"),
    ],
)
def test_what_would_be_root_on_the_host_is_refused_to_everyone(consumer: str, method: str, path: str) -> None:
    assert not allowed(consumer, method, path)


def test_only_autoheal_restarts_and_only_by_id() -> None:
    assert not allowed("watchtower", "POST", f"/containers/{ID}/restart")
    assert not allowed("autoheal", "POST", "/containers/jira-uat-postgres/restart")
    assert not allowed("autoheal", "POST", f"/containers/{ID}/restart/x")


@pytest.mark.parametrize("consumer", ["autoheal", "watchtower"])
def test_nobody_pulls(consumer: str) -> None:
    """runtime 20: each image that was rebuilt under its tag was downloaded, and stayed."""
    assert not allowed(consumer, "POST", "/v1.44/images/create")


@pytest.mark.parametrize("stack", ["local", "uat", "prod"])
def test_nobody_but_the_filters_has_the_socket(stack: str) -> None:
    for service, container in containers(declared(stack)).items():
        sources = [str(m["source"]) for m in container.inputs.get("mounts", [])]
        has = any("docker.sock" in s or s in ("/", "/var", "/var/run", "/run") for s in sources)
        assert has == service.startswith("socket-"), service
    for name, command in commands(declared(stack)).items():
        assert "docker.sock" not in command.inputs["create"], name


def test_each_consumer_speaks_to_its_own_filter() -> None:
    found = containers(declared("uat"))
    assert found["autoheal"].inputs["command"][0] == "http://socket-autoheal:2375"
    assert "DOCKER_HOST=tcp://socket-watchtower:2375" in found["watchtower"].inputs["envs"]
