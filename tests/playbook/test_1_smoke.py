"""Does it run at all?"""

from __future__ import annotations

import pytest

from . import browser
from .evidence import Entry
from .target import Target
from .waiting import seconds_until

pytestmark = pytest.mark.playbook


@pytest.mark.checklist("Smoke", "Every container runs and is healthy")
def test_every_container_is_healthy(target: Target, evidence: Entry) -> None:
    expected = set(target.outputs["containers"])
    seconds_until("all containers healthy", lambda: set(target.health().values()) == {"healthy"}, limit=120)
    health = target.health()
    evidence.table(["Container", "Health"], sorted(health.items()))
    assert set(health) == expected, "what runs is not what the stack declares"


@pytest.mark.checklist("Smoke", "/health and /ready pass")
def test_health_answers_through_the_proxy_and_readiness_inside(target: Target, evidence: Entry) -> None:
    rows = []
    with target.http() as client:
        for service, path in [("api", "/health"), ("api", "/healthz"), ("web", "/health")]:
            response = client.get(target.url(service) + path)
            rows.append([target.url(service) + path, response.status_code, response.text[:120]])
            assert response.status_code == 200, (
                f"{service}{path} answers {response.status_code}: {response.text[:200]}"
            )
    for service in ("api", "worker", "web"):
        status, body = target.inside(service, "/ready")
        rows.append([f"{service}, inside: /ready", status, body[:120]])
        assert status == 200, f"{service} is not ready: {body[:200]}"
    evidence.table(["URL", "Status", "Body"], rows)


@pytest.mark.checklist("Smoke", "The page loads in a browser")
def test_a_file_of_another_build_is_not_found(target: Target, evidence: Entry) -> None:
    """Else an open page gets no script of its own build after a release, but this one's page."""
    with target.http() as client:
        answer = client.get(f"{target.url('web')}/assets/index-0a1b2c3d.js")
    evidence.say(f"{answer.request.url.path} answers {answer.status_code}.")
    assert answer.status_code == 404, f"answers {answer.status_code}: {answer.text[:200]}"


@pytest.mark.checklist("Smoke", "The page loads in a browser")
def test_the_page_loads_in_a_browser_and_creates_an_issue(target: Target, evidence: Entry) -> None:
    seen = browser.create_issue(target, "Made by a browser")
    evidence.say(
        f"Chromium loaded {target.url('web')}, logged in, and created an issue in {seen.seconds:.1f} s."
    )
    assert "Made by a browser" in seen.titles, f"the page lists {seen.titles}"
