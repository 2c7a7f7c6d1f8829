"""Settings that are right, and what the committed stacks say."""

import pydantic
import pytest

from components.settings import Settings, load
from components.settings.report import section_of
from rehearsal.declared.stacks import (
    ENVIRONMENT,
    changed,
    configured,
    released,
    stack_file,
    stack_settings,
)
from tests.components.settings.mistakes import ACME, mistakes
from tests.components.settings.public_keys import KEYS
from tests.components.settings.test_settings_mistakes import EXISTING


@pytest.mark.parametrize("stack", ["local", "uat", "prod"])
def test_every_stack_file_is_sound(stack: str) -> None:
    assert isinstance(stack_settings(stack), Settings)


@pytest.mark.parametrize(
    ("stack", "changes"),
    [
        ("uat", {"host": EXISTING}),
        ("uat", {"host": {**EXISTING, "protected": True, "swap_mb": 0}}),
        (
            "uat",
            {
                "host.ssh.allowed_networks": [],
                "host.ssh.allow_any_network": True,
                "host.ssh.allow_own_address": False,
            },
        ),
        ("uat", {"host.ssh.allowed_networks": ["2001:db8::/32", "198.51.100.7/32"]}),
        ("uat", {"tls": {"mode": "dns-01", "acme_email": "ops@example.com"}}),
        ("uat", {**ACME, "tls.acme_server": "https://acme.example.com/directory"}),
        ("uat", {"edge.http_sources": ["173.245.48.0/20", "2606:4700::/32"]}),
        ("uat", {"host.ssh.allowed_networks": ["11.0.0.0/8", "13.0.0.0/8", "2a00::/16"]}),
        ("uat", {"host.ssh.allowed_networks": [f"198.51.{n}.0/25" for n in range(100)]}),
        ("uat", {"images.api": "localhost:5000/jira/api:dev-1"}),
        ("uat", {"images.postgres": "registry.example.com:5000/library/postgres:15.19"}),
        ("uat", {"images.traefik": "traefik:v3.6"}),
        ("uat", {"host.server_type": "cpx22", "host.location": "sin", "host.server_type_fallbacks": []}),
        ("uat", {"application.cors_origins": ["https://app-uat.example.com", "https://localhost:5173"]}),
        ("uat", {"backup.schedule": "23:59"}),
        # infrastructure B6: a type that can no longer be ordered, and one that came after this program
        ("uat", {"host.server_type": "cx22"}),
        ("uat", {"host.server_type": "cx22", "host.server_type_fallbacks": ["cx22", "cx23"]}),
        ("uat", {"host.server_type": "cx24", "host.memory_mb": 4096}),
        ("uat", {"host.server_type_fallbacks": ["cpx23"], "host.memory_mb": 4096}),
        ("uat", {"services.api.cpus": 1}),
        ("local", {"tls": {"mode": "self-signed"}, "host.memory_mb": 8192}),
        ("prod", {"services.postgres.memory_mb": 8192}),
    ],
)
def test_what_is_right_is_taken(stack: str, changes: dict[str, object]) -> None:
    stack_settings(stack, changes)


def test_a_rehearsed_server_is_reached_from_this_machine() -> None:
    """infrastructure B4: where the providers are on loopback, the servers are, too."""
    changes = {"host.ssh.allowed_networks": ["127.0.0.1/32"], "edge.http_sources": ["10.77.0.1/32"]}
    config = configured(changed(released(stack_file("uat")), changes))
    here = {**ENVIRONMENT, "HCLOUD_ENDPOINT": "http://127.0.0.1:4711/v1"}
    assert load(config, here).host.ssh.allowed_networks == ("127.0.0.1/32",)


@pytest.mark.parametrize("key", KEYS)
def test_every_type_of_key_that_sshd_takes_is_taken(key: str) -> None:
    """infrastructure D: made with `ssh-keygen -t <type>`; those in tokens by their format's description."""
    (taken,) = stack_settings("uat", {"host.ssh.authorized_keys": [f"{key}\n"]}).host.ssh.authorized_keys
    assert taken == key, "without the line break that a YAML block leaves at its end"


def test_a_stack_that_is_recreated_spends_nothing_scarce() -> None:
    """Report: runtime 11, the sixth UAT of a week would have had no certificate."""
    for stack in ("uat", "prod"):
        assert stack_settings(stack).tls.mode == "origin-ca", (
            "Let's Encrypt gives 5 certificates a week for one set of names"
        )


def test_the_path_in_the_file_is_the_path_in_the_tree() -> None:
    settings = stack_settings("uat")
    assert settings.host.volume.size_gb == stack_file("uat")["host"]["volume"]["size_gb"]
    assert settings.services.api.command == ("node", "dist/server.js")
    assert settings.domain.host_names == {
        "api": "api-uat.example.com",
        "web": "app-uat.example.com",
        "temporal": "temporal-uat.example.com",
        "metrics": "metrics-uat.example.com",
    }


def test_the_tree_cannot_be_changed() -> None:
    settings = stack_settings("uat")
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        settings.host.volume.size_gb = 20  # type: ignore[misc]
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        settings.host = settings.host  # type: ignore[misc]


def test_every_section_is_frozen_strict_and_closed() -> None:
    def walk(section: type[pydantic.BaseModel]) -> None:
        config = section.model_config
        assert (config["frozen"], config["strict"], config["extra"]) == (True, True, "forbid"), section
        for field in section.model_fields.values():
            if inner := section_of(field):
                walk(inner)

    walk(Settings)


def test_uat_has_lower_limits_than_production() -> None:
    uat, prod = stack_settings("uat").services, stack_settings("prod").services
    for name in (
        "postgres",
        "temporal",
        "temporal_ui",
        "traefik",
        "api",
        "worker",
        "web",
        "migration",
        "backup",
    ):
        assert getattr(uat, name).memory_mb < getattr(prod, name).memory_mb, name
        assert getattr(uat, name).cpus <= getattr(prod, name).cpus, name


def test_only_the_local_stack_opens_graphql_and_is_seeded() -> None:
    for stack, local in (("local", True), ("uat", False), ("prod", False)):
        application = stack_settings(stack).application
        assert application.graphql_playground is local
        assert application.graphql_introspection is local
        assert application.seed_data is local


def test_production_is_protected_and_backed_up() -> None:
    host = stack_settings("prod").host
    assert (host.protected, host.volume.protected, host.backups) == (True, True, True)


def test_production_as_committed_waits_for_the_digests_of_a_release() -> None:
    images = {name: stack_file("prod")["images"][name] for name in ("api", "worker", "web")}
    assert [
        line.split(":")[0] for line in mistakes({f"images.{n}": i for n, i in images.items()}, "prod")
    ] == [f"images.{name}" for name in images], (
        "digests of images that were never built cannot be known, and must not be made up"
    )


def test_the_defaults_are_safe() -> None:
    settings = stack_settings("uat", {"application": {"cors_origins": ["https://app-uat.example.com"],
                                                       "admin_email": "admin@example.com"}})  # fmt: skip
    assert not settings.application.graphql_playground
    assert not settings.application.graphql_introspection
    assert not settings.application.seed_data
    assert settings.edge.http_sources == (), "none given means Cloudflare's ranges, not everyone"
    assert settings.host.ssh.allow_any_network is False
