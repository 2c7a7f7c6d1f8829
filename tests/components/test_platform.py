"""The whole of a stack: what starts after what, what is published, what comes out."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rehearsal.declared.platform import CONTAINER, containers, declare, declared
from rehearsal.declared.recording import Recorded
from rehearsal.declared.stacks import ENVIRONMENT

ROOT = Path(__file__).parents[2]
STACKS = ("local", "uat", "prod")


def waits_for(recorded: Recorded, later: str, earlier: str) -> bool:
    """Whether the declaration of `later` depends on that of `earlier`, also through others. By name."""
    dependencies = {r.urn: set(r.request.dependencies) for r in recorded.resources}
    urns = {r.name: r.urn for r in recorded.resources if not r.type.startswith("jira-plus-plus:")}
    seen: set[str] = set()
    open_ = [urns[later]]
    while open_:
        for urn in dependencies.get(open_.pop(), ()):
            if urn == urns[earlier]:
                return True
            if urn not in seen:
                seen.add(urn)
                open_.append(urn)
    return False


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize(
    ("later", "earlier"),
    [
        ("postgres-roles", "postgres"),
        ("postgres-roles", "postgres-passwords"),
        ("postgres", "postgres-passwords"),
        ("rotated-former", "postgres-roles"),
        ("rotated-former", "cutover"),
        ("rotated-former", "temporal"),
        ("rotated-noted", "rotated-former"),
        ("temporal-schema", "postgres-roles"),
        ("temporal", "temporal-schema"),
        ("temporal-namespace", "temporal"),
        ("temporal-ui", "temporal"),
        ("backup", "postgres-roles"),
        ("migration-backup", "backup"),
        ("migration", "migration-backup"),
        ("api", "migration"),
        ("api", "temporal-namespace"),
        ("worker", "migration"),
        ("worker", "temporal-namespace"),
        ("traefik", "traefik-dynamic"),
        ("autoheal", "socket-autoheal"),
        ("watchtower", "socket-watchtower"),
        ("postgres", "postgres-data-owner"),
        ("postgres", "postgres-files"),
        ("api", "api-files"),
        ("api", "image-api"),
        *(("cutover", f"{service}-healthy") for service in ("api", "worker", "web", "temporal-ui")),
        ("cutover", "traefik"),
        ("release-good", "cutover"),
        ("api", "network-emptied"),
        ("api", "network-edge-api"),
    ],
)
def test_it_starts_after(stack: str, later: str, earlier: str) -> None:
    assert waits_for(declared(stack), later, earlier)


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize(
    ("later", "earlier"),
    [
        ("web", "postgres"),
        ("traefik", "api"),
        ("traefik", "postgres"),
        ("autoheal", "api"),
        ("backup", "temporal"),
        ("migration", "temporal"),
        ("postgres", "temporal"),
        ("release-good", "rotated-former"),
    ],
)
def test_it_does_not_wait_for(stack: str, later: str, earlier: str) -> None:
    assert not waits_for(declared(stack), later, earlier), "what can start at once should"


@pytest.mark.parametrize("stack", ["uat", "prod"])
def test_everything_on_the_server_waits_until_the_server_is_ready(stack: str) -> None:
    recorded = declared(stack)
    for service in containers(recorded):
        provider = containers(recorded)[service].request.provider
        assert "pulumi:providers:docker::host-docker" in provider, service
    assert waits_for(recorded, "postgres-data-owner", "host-ready")
    assert waits_for(recorded, "api-files", "host-ready")


@pytest.mark.parametrize("stack", STACKS)
def test_only_traefik_publishes_ports(stack: str) -> None:
    published = {
        name: c.inputs["ports"] for name, c in containers(declared(stack)).items() if c.inputs.get("ports")
    }
    assert list(published) == ["traefik"]
    external = {(port["ip"], port["external"]) for port in published["traefik"]}
    if stack == "local":
        assert external == {("127.0.0.1", 8080)}, "nothing but this machine itself"
    else:
        assert external == {(ip, port) for ip in ("0.0.0.0", "::") for port in (80, 443)}


@pytest.mark.parametrize("stack", STACKS)
def test_nothing_is_pulled_that_does_not_run(stack: str) -> None:
    off = declare(stack, {"services.watchtower.enabled": False, "services.autoheal.enabled": False})
    assert not {"watchtower", "autoheal", "socket-watchtower", "socket-autoheal"} & set(containers(off))
    images = {r.name for r in off.of("docker:index/remoteImage:RemoteImage")}
    assert not images & {"image-watchtower", "image-autoheal"}
    assert "image-socket-proxy" in images, "Traefik has a filter, too"


@pytest.mark.parametrize("stack", STACKS)
def test_uat_has_lower_limits_than_production(stack: str) -> None:
    memory = {name: c.inputs["memory"] for name, c in containers(declared(stack)).items()}
    production = {name: c.inputs["memory"] for name, c in containers(declared("prod")).items()}
    for service in ("postgres", "temporal", "api", "worker", "web", "traefik", "backup"):
        assert memory[service] <= production[service]
        assert stack == "prod" or memory[service] < production[service], service


def test_the_program_runs_and_exports_what_people_need() -> None:
    """`__main__.py` itself, with the outputs as the engine would get them."""
    script = """
import json, os, runpy, sys
sys.path.insert(0, os.getcwd())
from unittest.mock import patch
import pulumi
from rehearsal.declared.platform import HUMAN_SECRETS, computed
from rehearsal.declared.recording import deploy
from rehearsal.declared.stacks import configured, released, stack_file

exported = {}
def program():
    configured(released(stack_file(sys.argv[1])), HUMAN_SECRETS)
    # A mocked engine's stack takes no end of a program.
    with patch("pulumi.export", exported.__setitem__), patch("pulumi.run"):
        runpy.run_path("__main__.py", run_name="__main__")
    def settled(value):
        return pulumi.Output.all(value=value).apply(lambda known: known["value"])
    everything = pulumi.Output.all(**{k: settled(v) for k, v in exported.items()})
    return everything.apply(lambda known: print(json.dumps(known)))
# These ask the providers, of which there are none here, and write files when the program is over.
asking, standing = patch("components.preflight.look"), patch("components.host.order.listed", return_value=[])
with asking, standing, patch("components.host.remote.write_ssh_files"):
    deploy(program, computed, stack=sys.argv[1])
"""
    outputs = {}
    for stack in STACKS:
        result = subprocess.run(
            [sys.executable, "-c", script, stack],
            cwd=ROOT,
            env={**os.environ, **ENVIRONMENT},
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stderr
        outputs[stack] = json.loads(result.stdout.splitlines()[-1])
    assert set(outputs["uat"]) == {
        *("urls", "server_ipv4", "server_ipv6", "ssh", "docker_host", "containers"),
        *("admin_email", "admin_password", "temporal_ui_user", "temporal_ui_password"),
        *("metrics_user", "metrics_password"),
        *("memory_budget", "cost_per_month", "last_good", "releases", "canary", "rotated"),
    }
    assert outputs["uat"]["urls"] == {
        "api": "https://api-uat.example.com",
        "web": "https://app-uat.example.com",
        "temporal": "https://temporal-uat.example.com",
        "metrics": "https://metrics-uat.example.com",
    }
    assert outputs["uat"]["server_ipv4"] == "198.51.100.7"
    assert outputs["uat"]["containers"]["postgres"] == "jira-uat-postgres"
    assert outputs["uat"]["memory_budget"]["limit_mb"] <= outputs["uat"]["memory_budget"]["server_mb"] == 4096
    assert outputs["prod"]["cost_per_month"]["eur"] > outputs["uat"]["cost_per_month"]["eur"] > 0
    assert outputs["local"]["cost_per_month"] == {"eur": 0, "items": {}}
    assert outputs["local"]["server_ipv4"] is None
    assert outputs["local"]["urls"]["web"] == "http://app.localhost:8080"


def test_main_is_a_table_of_contents() -> None:
    lines = (ROOT / "__main__.py").read_text().splitlines()
    code = [line for line in lines if line.strip() and not line.lstrip().startswith(("#", '"""'))]
    assert len(code) <= 30


@pytest.mark.parametrize(("stack", "imported"), [("local", "[]"), ("uat", "['pulumi_hcloud']")])
def test_no_sdk_is_imported_that_is_not_needed(stack: str, imported: str) -> None:
    script = f"""
import sys
from rehearsal.declared.platform import declared
declared("{stack}")
print(sorted(m for m in sys.modules if m in ("pulumi_hcloud", "pulumi_cloudflare")))
"""
    out = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert out.strip() == imported, "Cloudflare's costs seconds, and local needs no account"


@pytest.mark.parametrize("stack", STACKS)
def test_every_component_says_what_it_is(stack: str) -> None:
    for resource in declared(stack).resources:
        if not resource.request.custom:
            assert resource.type.startswith("jira-plus-plus:"), resource.type
        assert resource.request.parent, f"{resource.name} has no parent"
    assert declared(stack).of(CONTAINER)
