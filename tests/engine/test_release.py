"""What a new image does, read from the recorded Docker's log of events."""

from __future__ import annotations

from typing import Any

import pytest
from pulumi.automation import ConfigValue

from operations import stack_file, summary
from operations.deployment import Deployment, DeploymentFailed
from operations.meaning import Meaning
from operations.registry import NotThere
from operations.release import NoRelease, Release, architecture
from operations.releases import IMAGES, Releases, same
from operations.rollback import NoWayBack, Rollback
from tests.engine.conftest import Bring
from tests.engine.lab import Lab
from tests.engine.settings_table import DIGEST
from tests.engine.wholeness import assert_whole
from tests.operations.test_release import Registry, registry

__all__ = ["registry"]

pytestmark = pytest.mark.engine

NEW = {
    "api": f"ghcr.io/example-org/jira-plus-plus-api:1.1.0@{DIGEST}",
    "worker": f"ghcr.io/example-org/jira-plus-plus-worker:1.1.0@{DIGEST}",
    "web": f"ghcr.io/example-org/jira-plus-plus-web:1.1.0@{DIGEST}",
    "temporal_ui": f"temporalio/ui:2.54.0@{DIGEST}",
    "postgres": f"postgres:15.20-bookworm@{DIGEST}",
    "temporal": f"temporalio/server:1.30.7@{DIGEST}",
    "traefik": f"traefik:v3.7.14@{DIGEST}",
}


class Log:
    """The events of containers since `since`, by service."""

    def __init__(self, lab: Lab, before: list[dict[str, Any]], since: int) -> None:
        containers = {thing["Id"][:12]: thing for thing in [*before, *lab.recorded("containers")]}
        self.events: list[tuple[str, str, str]] = []
        self.old = {thing["Id"][:12] for thing in before}
        for event in lab.docker_events()[since:]:
            if event["kind"] == "containers":
                service = containers[event["id"]]["Config"]["Labels"]["jira-plus-plus.service"]
                self.events.append((service, event["event"], event["id"]))

    @property
    def services(self) -> set[str]:
        return {service for service, _, _ in self.events}

    def at(self, service: str, event: str, *, old: bool) -> int:
        """Where in the log the service's old or new container had this event, once."""
        found = [
            at
            for at, (of, what, identity) in enumerate(self.events)
            if (of, what, identity in self.old) == (service, event, old)
        ]
        assert len(found) == 1, f"{service}: {event} of the {'old' if old else 'new'} one: {len(found)} times"
        return found[0]


def release(lab: Lab, stack: str, *images: str) -> Log:
    """Deploys new images; what happened to containers."""
    before, since = lab.recorded("containers"), len(lab.docker_events())
    deployment = lab.deployment(stack, {f"images.{image}": NEW[image] for image in images})
    deployment.up()
    assert_whole(lab)
    return Log(lab, before, since)


@pytest.mark.parametrize(
    ("stack", "images"),
    [
        ("uat", ["api"]),
        ("uat", ["worker", "web", "temporal_ui"]),
        ("prod", ["api", "worker", "web", "temporal_ui"]),
    ],
)
def test_a_stateless_service_is_replaced_without_a_gap_and_alone(
    stack: str, images: list[str], bring: Bring
) -> None:
    lab = bring(stack)
    log = release(lab, stack, *images)
    services = {image.replace("_", "-") for image in images}
    assert log.services == services, "no other service's container was touched"
    for service in services:
        healthy = log.at(service, "healthy", old=False)
        asked_to_end = log.at(service, "sigterm", old=True)
        assert healthy < asked_to_end, f"{service}: the old one serves until the new one is healthy"
        assert asked_to_end < log.at(service, "remove", old=True)


def test_a_stateful_service_stops_before_the_next_one_starts(bring: Bring) -> None:
    lab = bring("uat")
    log = release(lab, "uat", "postgres", "temporal", "traefik")
    # The backup job runs in the database's image.
    assert log.services == {"postgres", "temporal", "traefik", "backup"}
    for service in log.services:
        ended, begun = log.at(service, "exit", old=True), log.at(service, "start", old=False)
        assert log.at(service, "sigterm", old=True) < ended < begun, f"{service}: two at once share its data"


def test_a_release_whose_container_does_not_come_up_leaves_the_old_one_serving(bring: Bring) -> None:
    lab = bring("uat")
    before, since = lab.recorded("containers"), len(lab.docker_events())
    lab.docker_faults(refused={"*plus-plus-api:1.1.0*": "exec format error"})
    with pytest.raises(DeploymentFailed, match=r"(?s)api: .*exec format error"):
        lab.deployment("uat", {"images.api": NEW["api"]}).up()
    log = Log(lab, before, since)
    assert log.services == {"api"}
    assert not [event for event in log.events if event[2] in log.old], "the old one got no signal"
    lab.docker_faults()
    deployment = lab.deployment("uat", {"images.api": NEW["api"]})
    deployment.up()
    assert_whole(lab)


END = {"release-begun", "cutover", "release-good"}
"""What a release ends with, and only a release."""


def ends(lab: Lab, since: int) -> list[str]:
    """The commands of `END` that ran since, in their order."""
    return [
        line["resource"]
        for line in lab.commands()[since:]
        if line["resource"] in END and line["operation"] != "delete"
    ]


@pytest.mark.parametrize("image", ["api", "worker", "web"])
def test_a_release_is_checked_and_recorded_once_its_container_is_healthy(image: str, bring: Bring) -> None:
    lab = bring("uat")
    since = len(lab.commands())
    release(lab, "uat", image)
    assert ends(lab, since) == ["release-begun", "cutover", "release-good"]
    urns = {resource["urn"].rpartition("::")[2]: resource for resource in lab.resources()}
    waited = {urn.rpartition("::")[2] for urn in urns["cutover"]["dependencies"]}
    assert {"api-healthy", "worker-healthy", "web-healthy", "traefik"} <= waited, "what is well gets traffic"
    assert summary.outputs(lab.resources())["last_good"][image] == NEW[image]


def test_what_is_no_release_gets_the_traffic_and_is_not_recorded(bring: Bring) -> None:
    lab = bring("uat")
    since = len(lab.commands())
    limits = {"services.api.memory_mb": 256, "application.log_level": "debug"}
    lab.deployment("uat", {**limits, "images.temporal_ui": NEW["temporal_ui"]}).up()
    assert ends(lab, since) == ["cutover"]


def test_a_release_that_fails_its_check_is_not_the_last_good_one(bring: Bring) -> None:
    lab = bring("uat")
    good = summary.outputs(lab.resources())["last_good"]
    lab.docker_faults(failing_commands={"cutover": "https://api-uat.example.com/health answered 502"})
    with pytest.raises(DeploymentFailed, match=r"(?s)cutover: .*/health answered 502"):
        lab.deployment("uat", {"images.api": NEW["api"]}).up()
    assert summary.outputs(lab.resources())["last_good"] == good
    lab.docker_faults()
    since = len(lab.commands())
    lab.deployment("uat", {"images.api": NEW["api"]}).up()
    assert ends(lab, since) == ["cutover", "release-good"], "it was begun, and goes on"
    assert summary.outputs(lab.resources())["last_good"] == {**good, "api": NEW["api"]}
    assert_whole(lab)


CANARY = {"release.canary": {"image": NEW["api"], "share": 5}}


def services_of(lab: Lab) -> list[str]:
    """The service of each container that is there."""
    return [one["Config"]["Labels"]["jira-plus-plus.service"] for one in lab.recorded("containers")]


def test_a_canary_is_no_release_until_it_is_promoted(bring: Bring) -> None:
    lab = bring("local")

    def told(changes: dict[str, Any]) -> tuple[str, list[tuple[tuple[str, ...], str, str]]]:
        meaning = Meaning.of("local", lab.deployment("local", changes).preview())
        said = "; ".join(dict(meaning.points)["Canary"])
        return said, [(row.services, row.how, row.gap) for row in meaning.services]

    said, rows = told(CANARY)
    assert said.startswith("5 % of the clients get it, once it is well and has answered the proxy")
    assert "what the canary's image would migrate is not migrated before it is promoted" in said
    assert rows == [(("api-canary",), "new", "")]
    since = len(lab.commands())
    lab.deployment("local", CANARY).up()
    assert ends(lab, since) == ["cutover"], "what is good is recorded of releases"
    assert "migration" not in {line["resource"] for line in lab.commands()[since:]}
    assert services_of(lab).count("api-canary") == 1
    assert summary.outputs(lab.resources())["canary"] == CANARY["release.canary"]

    said, _ = told({"release.canary": {"image": NEW["api"], "share": 20}})
    assert said.startswith("5 → 20 % of the clients get it")
    said, rows = told({})
    assert said.startswith("it is taken back")
    assert rows == [(("api-canary",), "drains and stops, once the API has all of the traffic", "none")]
    promoted = {"images.api": NEW["api"]}
    said, rows = told(promoted)
    assert said.startswith("it is promoted")
    assert {name for names, _, _ in rows for name in names} == {"api", "api-canary"}
    since = len(lab.commands())
    lab.deployment("local", promoted).up()
    assert ends(lab, since) == ["release-begun", "cutover", "release-good"]
    assert "migration" in {line["resource"] for line in lab.commands()[since:]}
    assert "api-canary" not in services_of(lab)
    assert services_of(lab).count("api") == 1
    assert not lab.deployment("local", promoted).preview().changes


def test_the_way_back_takes_a_canary_back_too(bring: Bring) -> None:
    lab = bring("local")
    deployment = lab.deployment("local", {"images.web": NEW["web"], **CANARY})
    deployment.up()
    said: list[str] = []
    assert Rollback(deployment, said.append).act("", sure=True)
    assert f"  the canary {NEW['api']} (5 %) is taken back" in said[0]
    assert stack_file.canary(deployment.project / "Pulumi.local.yaml") == {}
    assert "api-canary" not in services_of(lab)


def named(deployment: Deployment) -> dict[str, str]:
    """The application's images in the stack file."""
    return {name: reference for name, reference in images_of(deployment).items() if name in IMAGES}


def images_of(deployment: Deployment) -> dict[str, str]:
    return stack_file.images(deployment.project / f"Pulumi.{deployment.stack}.yaml")


def test_the_way_back_from_a_release_that_failed_its_check(bring: Bring) -> None:
    lab = bring("uat")
    good = summary.outputs(lab.resources())["last_good"]
    lab.docker_faults(failing_commands={"cutover": "https://app-uat.example.com/ answered 404"})
    deployment = lab.deployment("uat", {"images.api": NEW["api"], "images.web": NEW["web"]})
    with pytest.raises(DeploymentFailed):
        deployment.up()
    lab.docker_faults()
    others = {name: of for name, of in images_of(deployment).items() if name not in IMAGES}
    said: list[str] = []
    since = len(lab.commands())
    assert Rollback(deployment, said.append).act("", sure=True)
    assert "not undone: the database's schema" in said[0]
    assert named(deployment) == good
    assert {name: of for name, of in images_of(deployment).items() if name not in IMAGES} == others
    assert "release-begun" in ends(lab, since), "it is a release as any other"
    releases = Releases.of(deployment)
    assert releases.running == good == releases.last_good
    newest, failed, first = releases.updates
    assert [newest.result, failed.result, first.result] == ["succeeded", "failed", "succeeded"]
    assert (newest.good, failed.good, first.good) == (True, False, True)
    assert_whole(lab)


def test_a_good_release_goes_back_to_the_one_before_or_to_the_one_that_is_named(bring: Bring) -> None:
    lab = bring("uat")
    first = summary.outputs(lab.resources())["last_good"]
    lab.deployment("uat", {"images.web": NEW["web"]}).up()
    second = {**first, "web": NEW["web"]}
    deployment = lab.deployment("uat", {"images.web": NEW["web"], "images.worker": NEW["worker"]})
    deployment.up()
    quiet = Rollback(deployment, lambda _: None)
    with pytest.raises(NoWayBack, match="TO: got 99; uat has no such release"):
        quiet.act("99", sure=True)
    assert quiet.act("", sure=True)
    # Nothing is printed by what is only recorded: of a release before the last the tag alone is known.
    assert same(named(deployment), second)
    table = Releases.of(deployment).table().splitlines()
    number = next(line.split()[0] for line in reversed(table) if line[:1].isdigit())
    assert "<- runs <- last good" in table[1]
    assert quiet.act(number, sure=True)
    assert same(named(deployment), first)


def test_images_that_their_registry_shows_are_written_and_previewed(bring: Bring, registry: Registry) -> None:
    """The login is the settings' and the state's; what does not fit changes no line."""
    lab = bring("uat")
    registry.private = True
    login = {"registry": {"server": registry.host, "username": "puller"}}
    deployment = lab.deployment("uat", login)
    deployment.open().set_config("jira-plus-plus:registry_password", ConfigValue("secret", secret=True))
    before = images_of(deployment)
    fitting = {name: registry.image(name, "amd64", "arm64", revision="one") for name in IMAGES}
    with pytest.raises(NoRelease, match="not of one build"):
        Release(deployment).prepare({**fitting, "web": registry.image("web", "amd64", revision="two")})
    assert images_of(deployment) == before
    said = Release(deployment).prepare(fitting)
    assert f"  api: {fitting['api']} (one), was {before['api']}" in said
    assert images_of(deployment) == {**before, **fitting}
    changed = {step.name for step in deployment.preview().steps if step.op != "same"}
    assert {"api", "worker", "web", "migration", "cutover", "release-good"} <= changed


def test_a_canary_is_looked_for_in_its_registry_and_written(bring: Bring, registry: Registry) -> None:
    deployment = bring("local").deployment("local")
    file = deployment.project / "Pulumi.local.yaml"
    before, text = images_of(deployment), file.read_text()
    here = registry.image("api", architecture({"kind": "local"}))
    other = "arm64" if architecture({"kind": "local"}) == "amd64" else "amd64"
    with pytest.raises(NotThere, match=f"for linux/{other}"):
        Release(deployment).prepare({}, registry.image("api", other), 5)
    assert file.read_text() == text
    said = Release(deployment).prepare({}, here, 5)
    assert f"  canary: {here}, was not there" in said
    assert "  canary: 5 % of the clients" in said
    assert stack_file.canary(file) == {"image": here, "share": 5}
    assert images_of(deployment) == before
    said = Release(deployment).prepare({}, "promote")
    assert said[-1] == "  canary: none any more"
    assert stack_file.canary(file) == {}
    assert images_of(deployment) == {**before, "api": here}
