"""The playbook's replay can fail: histories of the stand-in's workflow, by its own code and by other code."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from tests.playbook.replaying import of
from tests.playbook.target import Target

pytestmark = pytest.mark.live

HISTORIES = Path(__file__).with_name("histories.json")
"""As `histories.js` has printed them of a rehearsed stack: some workflows had ended, some were waiting."""
ANOTHER_ORDER = """
ARG BASE
FROM ${BASE}
USER root
RUN sed -i 's/const priority = await estimatePriority/await markTriaged(issueId, "none"); &/' \
        dist/workflows.bundle.cjs && grep -q 'markTriaged(issueId, "none"); const' dist/workflows.bundle.cjs
USER node
"""
"""A worker that does what it did, and something else before."""
HERE = Target("here", {})


@pytest.fixture
def changed(client: docker.DockerClient, images: dict[str, str]) -> Iterator[str]:
    """An image of the application whose workflow has another order of steps; its id."""
    made, _ = client.images.build(
        fileobj=io.BytesIO(ANOTHER_ORDER.encode()),
        buildargs={"BASE": images["application"]},
        rm=True,
        forcerm=True,
    )
    yield str(made.id)
    client.images.remove(made.id, force=True)


@pytest.mark.parametrize("workflows", ["", "dist/workflows.js"], ids=["bundle", "sources"])
@pytest.mark.parametrize("image", ["application", "application_next"])
def test_the_same_code_goes_the_way_that_was_gone(images: dict[str, str], image: str, workflows: str) -> None:
    found = of(HERE, f"cat {HISTORIES}", images[image], workflows)
    assert [one.error for one in found] == [""] * len(found)
    assert {one.running for one in found} == {True, False}
    assert all(one.events > 3 for one in found)


def test_other_code_is_found_out_in_each_history(changed: str) -> None:
    found = of(HERE, f"cat {HISTORIES}", changed)
    assert found
    for one in found:
        assert "Nondeterminism error" in one.error
        assert (
            "'estimatePriority' does not match activity type of activity command 'markTriaged'" in one.error
        )


def test_an_image_that_has_its_workflows_elsewhere_is_told_how_to_name_them(images: dict[str, str]) -> None:
    with pytest.raises(
        AssertionError, match=r"no workflows at dist/flows.js: name them with WORKFLOWS=<file"
    ):
        of(HERE, f"cat {HISTORIES}", images["application"], "dist/flows.js")
    with pytest.raises(AssertionError, match="ended with"):
        of(HERE, "false", images["application"])
