"""The whole platform of a stack, declared against the mock engine once."""

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pulumi

from components.platform import Platform
from components.settings import load
from rehearsal.declared.recording import KIND, SECRET, Recorded, Registration, deploy
from rehearsal.declared.stacks import (
    ENVIRONMENT,
    PROJECT,
    SECRETS,
    changed,
    configured,
    released,
    stack_file,
)

CONTAINER = "docker:index/container:Container"
COMMANDS = ("command:local:Command", "command:remote:Command")
CANARY = "canary-"
"""What every secret of a declared platform begins with."""
HUMAN_SECRETS = {
    **SECRETS,
    "sentry_dsn": "canary-sentry-dsn",
    "otlp_headers": "Authorization=canary-otlp-headers",
    "slack_webhook": "https://hooks.example.com/canary-slack-webhook",
    "smtp_password": "canary-smtp-password",
    "heartbeat_url": "https://hc.example.com/canary-heartbeat-url",
    "registry_password": "canary-registry-password",
}
TELLING = {"application.sentry": True, "application.otlp_endpoint": "https://otlp.example.com"}
"""Settings of `application` by which others hear of it."""
MAIL = {
    "smtp_host": "smtp.example.com",
    "sender": "jira@example.com",
    "to": "ops@example.com",
    "username": "jira",
}
HUMAN_SECRETS["ssh_private_key"] = "canary-ssh-private-key"


Outputs = Callable[[str, str, Mapping[str, Any]], Mapping[str, Any]]
"""By type, name and inputs of a resource, its outputs that are not its inputs."""


def secret(value: str) -> dict[str, str]:
    """An output that its plugin marks as secret, on the wire."""
    return {KIND: SECRET, "value": value}


def computed(type_: str, name: str, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    """The outputs that a plugin would compute."""
    match type_:
        case (
            "docker:index/container:Container" | "docker:index/network:Network" | "docker:index/volume:Volume"
        ):
            return {"name": inputs.get("name", f"{name}-0a1b2c3")}
        case "docker:index/remoteImage:RemoteImage":
            return {"imageId": f"sha256:{name}"}
        case "random:index/randomPassword:RandomPassword":
            return {
                "result": secret(f"{CANARY}{name}"),
                "bcryptHash": secret(f"$2a$10${CANARY}hash-{name}"),
            }
        case "tls:index/privateKey:PrivateKey":
            key = secret(f"{CANARY}{name}")
            return {"publicKeyOpenssh": f"ssh-ed25519 {name}", "privateKeyOpenssh": key, "privateKeyPem": key}
        case "tls:index/selfSignedCert:SelfSignedCert":
            return {"certPem": "CERTIFICATE"}
        case "hcloud:index/primaryIp:PrimaryIp":
            return {"ipAddress": "198.51.100.7", "ipNetwork": "2001:db8::/64"}
    return {}


def declare(
    stack: str,
    changes: Mapping[str, Any] | None = None,
    *,
    name: str | None = None,
    outputs: Outputs = computed,
) -> Recorded:
    """Declares the platform of a stack file with `changes` by dotted path; `result` is the `Platform`.

    `name` is the stack's, if it is not that of the file; `outputs` gives what plugins would compute.
    """

    def program() -> Platform:
        config = configured(changed(released(stack_file(stack)), changes or {}), HUMAN_SECRETS)
        assert isinstance(config, pulumi.Config)
        return Platform("jira", load(pulumi.Config(PROJECT), ENVIRONMENT))

    with (
        patch("components.host.remote.write_ssh_files"),
        patch.dict("os.environ", {"HCLOUD_TOKEN": ""}),  # a developer's own: nobody is asked
        patch.object(Path, "home", lambda: Path("/home/ci")),
    ):
        return deploy(program, outputs, stack=name or stack)


@cache
def declared(stack: str) -> Recorded:
    """The platform of a stack file as it is, with everything switched on that its server has room for."""
    shown = {"monitoring.grafana": True, "domain.grafana": "grafana"}
    told = shown if stack == "local" else TELLING
    return declare(
        stack,
        {
            "services.watchtower": {"enabled": True},
            "monitoring.enabled": True,
            "notifications": {"slack": True, "heartbeat": True, "email": MAIL},
            **told,
        },
    )


def containers(recorded: Recorded) -> dict[str, Registration]:
    """Every container by its service's name."""
    return {registration.name: registration for registration in recorded.of(CONTAINER)}


def commands(recorded: Recorded) -> dict[str, Registration]:
    """Every command on the host by its name."""
    return {r.name: r for type_ in COMMANDS for r in recorded.of(type_)}
