"""What one stack runs and has passed comes into the file of another; what has not, does not."""

from __future__ import annotations

import pytest

from operations import stack_file
from operations.acceptance import Acceptance
from operations.deployment import Deployment, DeploymentFailed
from operations.promote import NoPromotion, Source
from operations.release import Release
from operations.releases import IMAGES
from tests.engine.conftest import Bring
from tests.engine.lab import Lab
from tests.operations.test_release import Registry, registry

__all__ = ["registry"]

pytestmark = pytest.mark.engine

Released = tuple[Lab, Deployment, dict[str, str]]
MISSED = ["A replaced server"]


@pytest.fixture
def released(bring: Bring, registry: Registry) -> Released:
    """UAT with a release of three images that the registry has."""
    lab = bring("uat")
    images = {name: registry.image(name, "amd64", revision="one") for name in IMAGES}
    deployment = lab.deployment("uat", {f"images.{name}": images[name] for name in IMAGES})
    deployment.up()
    return lab, deployment, images


def source(deployment: Deployment, *noted: Acceptance, said: list[str] | None = None) -> Source:
    return Source(deployment, (said if said is not None else []).append, lambda: noted)


def passed(images: dict[str, str], **other: list[str]) -> Acceptance:
    return Acceptance("2026-01-02T03:04:05Z", images, **{"failed": [], "not_run": MISSED, **other})


def test_what_has_passed_is_written_into_the_file_of_the_other_stack(
    released: Released,
) -> None:
    lab, uat, images = released
    told: list[str] = []
    found = source(uat, passed(images), said=told).images()
    assert found == images
    assert told == [
        "uat passed the playbook with these images (2026-01-02T03:04:05Z), without: A replaced server"
    ]
    prod = lab.deployment("prod")
    file = prod.project / "Pulumi.prod.yaml"
    before = stack_file.images(file)
    said = Release(prod).prepare(found)
    assert f"  api: {images['api']} (one), was {before['api']}" in said
    assert stack_file.images(file) == {**before, **images}


def test_what_was_not_shown_to_be_good_is_refused_with_the_command_that_shows_it(
    released: Released,
) -> None:
    lab, uat, images = released
    with pytest.raises(NoPromotion, match=r"has not been through the playbook with .*; `make playbook STACK"):
        source(uat).images()
    others = {**images, "api": images["api"].replace("@sha256:", "@sha256:0")[:-1]}
    with pytest.raises(NoPromotion, match=r"\(the last run, 2026-01-02T03:04:05Z, was with api 1.1.0@0"):
        source(uat, passed(others)).images()
    with pytest.raises(NoPromotion, match=r"did not pass the playbook of .*: failed: Login; mend that"):
        source(uat, passed(images, failed=["Login"]), passed(images)).images()
    with pytest.raises(NoPromotion, match="not run: Login"):
        source(uat, passed(images, not_run=[*MISSED, "Login"])).images()
    assert source(uat).images(proven=False) == images

    lab.docker_faults(failing_commands={"cutover": "https://app-uat.example.com/ answered 502"})
    new = {**{f"images.{name}": images[name] for name in IMAGES}, "images.web": others["api"]}
    with pytest.raises(DeploymentFailed):
        lab.deployment("uat", new).up()
    with pytest.raises(NoPromotion, match=r"uat runs .*, and what was last found good is .*make rollback"):
        source(uat, passed(images)).images(proven=False)


def test_what_has_no_digest_or_was_never_up_is_not_promoted(
    bring: Bring, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(NoPromotion, match="has no release that was found good; `make deploy STACK=uat`"):
        source(bring("uat", up=False).deployment("uat")).images()
    # As a state has it whose images were built where they run.
    tags = {"api": "x/api:1", "worker": "x/worker:1", "web": f"x/web:1@sha256:{'0' * 64}"}
    state = [{"type": "pulumi:pulumi:Stack", "outputs": {"last_good": tags}}]
    monkeypatch.setattr(Deployment, "resources", lambda _: state)
    with pytest.raises(
        NoPromotion, match="no digest is known of api, worker, and a tag may be another image"
    ):
        source(bring("uat", up=False).deployment("uat")).images()
