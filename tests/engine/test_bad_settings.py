"""What a person sees who made a mistake in a stack file: one readable error from the engine, no traceback."""

from __future__ import annotations

from typing import Any

import pytest

from operations.deployment import DeploymentFailed
from tests.engine.conftest import Bring
from tests.engine.lab import Lab

pytestmark = pytest.mark.engine

MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "a misspelt key": (
        {"services.api.memmory_mb": 256},
        "services.api.memmory_mb: got (not shown); is no setting; did you mean services.api.memory_mb?",
    ),
    "a wrong type": (
        {"services.api.memory_mb": "plenty"},
        'services.api.memory_mb: got "plenty"; is no whole number; write it without quotes',
    ),
    "a host name of two levels": (
        {"domain.api": "api.uat"},
        'domain.api: got "api.uat"; has more than one level, and Cloudflare\'s Universal SSL covers one level '  # noqa: E501
        "below the zone; write it with hyphens and without the zone, e.g. api-uat",
    ),
    "an unknown server type": (
        {"host.server_type": "cx99"},
        'host.server_type: got "cx99"; is no server type that this program knows; use one of cx23, cx33',
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_the_stack_file_is_one_readable_error(mistake: str, bring: Bring) -> None:
    lab = bring("uat", up=False)
    changes, message = MISTAKES[mistake]
    assert_one_error(lab, lab.deployment("uat", changes), message)


def test_a_missing_secret_is_one_readable_error(bring: Bring) -> None:
    lab = bring("uat", up=False)
    deployment = lab.deployment("uat", {"tls.mode": "dns-01", "tls.acme_email": "ops@example.com"})
    deployment.open().remove_config("jira-plus-plus:acme_dns_token")
    assert_one_error(
        lab,
        deployment,
        "acme_dns_token: got nothing; is required, since tls.mode dns-01 proves the names by DNS; run "
        "`pulumi config set --secret acme_dns_token` and paste the Cloudflare token for Traefik",
    )


def assert_one_error(lab: Lab, deployment: Any, message: str) -> None:
    with pytest.raises(DeploymentFailed) as failed:
        deployment.preview()
    lines = str(failed.value).splitlines()
    assert lines[0] == "preview failed:"
    assert lines[1].strip() == "1 mistake in the settings of this stack (nothing was created or changed):"
    assert len(lines) == 3, lines
    assert lines[2].strip().startswith(message), lines[2]
    said = "\n".join(lab.output)
    assert "Traceback" not in said
    assert 'File "' not in said
    assert said.count(message) >= 1, "the engine's own output says it, too"
    assert {request["m"] for request in lab.requests()} <= {"GET"}, "nothing was changed"
