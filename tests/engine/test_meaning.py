"""What a preview says it means, of the real engine's plans."""

from __future__ import annotations

import pytest

from operations.meaning import Meaning
from operations.meaning.services import KEPT
from tests.engine.conftest import Bring
from tests.engine.test_release import NEW

pytestmark = pytest.mark.engine

RUNS_ON = "beside the one that runs, then the traffic is switched"


def test_the_meaning_of_a_release_of_upgrades_and_of_a_resize(bring: Bring) -> None:
    lab = bring("uat")

    def told(changes: dict[str, object]) -> tuple[dict[str, tuple[str, str]], dict[str, str]]:
        meaning = Meaning.of("uat", lab.deployment("uat", changes).preview())
        rows = {name: (row.how, row.why) for row in meaning.services for name in row.services}
        return rows, {subject: "; ".join(said) for subject, said in meaning.points}

    rows, points = told({f"images.{name}": NEW[name] for name in ("api", "worker", "web")})
    why = "image 1.0.0 → 1.1.0"
    assert rows == {"api": (RUNS_ON, why), "worker": (RUNS_ON, why), "web": (RUNS_ON + KEPT, why)}
    assert "the dump proven by a restore" in points["Data"]
    assert points["Memory"] == (
        "672 MB twice for a while (api, web, worker), beside 2848 MB of limits and 512 MB for the system: "
        "4032 of 4096 MB"
    )
    assert points["Cost"] == "6.56 € a month, as before"
    assert points["Server"] == "runs on"

    rows, points = told({f"images.{name}": NEW[name] for name in ("postgres", "temporal", "traefik")})
    assert rows == {
        "postgres": ("stops first", "image 15.19-bookworm → 15.20-bookworm"),
        "backup": ("stops first", "image 15.19-bookworm → 15.20-bookworm"),
        "temporal": ("stops first", "image 1.30.6 → 1.30.7"),
        "traefik": ("stops first", "image v3.7.13 → v3.7.14"),
    }
    assert "finds nothing to do" in points["Data"]
    assert "twice" not in points["Memory"]

    rows, points = told({"host.server_type": "cx33", "host.server_type_fallbacks": []})
    assert rows == {}
    assert points["Server"].startswith("is switched off, becomes cx33 (cx23 so far), and is switched on")
    assert points["Cost"] == "9.56 € a month, +3.00 € (server 5.49 → 8.49)"

    rows, points = told({})
    assert (rows, points) == ({}, {})


def test_a_first_preview_says_what_it_will_be(bring: Bring) -> None:
    meaning = Meaning.of("uat", bring("uat", up=False).deployment("uat").preview())
    assert {row.how for row in meaning.services} == {"new"}
    points = dict(meaning.points)
    assert points["Server"] == ["is made, boots and is prepared"]
    assert points["Cost"] == ["6.56 € a month"]
    assert "in a database that is new" in points["Data"][0]
