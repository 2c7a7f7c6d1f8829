"""Images are built once per content, and pulled from the registry by digest."""

from __future__ import annotations

import shutil
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from rehearsal.images import LABEL, builder, catalogue, outdated, registry
from rehearsal.images.builder import REPOSITORY


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of the images, to be changed at will."""
    folder = tmp_path / "images"
    shutil.copytree(catalogue.HERE, folder)
    shutil.copytree(
        catalogue.HERE.parent / "app",
        tmp_path / "app",
        ignore=shutil.ignore_patterns("node_modules", "dist"),
    )
    monkeypatch.setattr(catalogue, "HERE", folder)
    builder.key.cache_clear()
    yield folder
    builder.key.cache_clear()


def test_a_copy_elsewhere_has_the_same_content(copied: Path) -> None:
    there = {known.name: builder.key(known.name) for known in catalogue.IMAGES}
    builder.key.cache_clear()
    for path in copied.rglob("Dockerfile"):
        path.touch()
    assert {known.name: builder.key(known.name) for known in catalogue.IMAGES} == there, (
        "a time is no content"
    )


@pytest.mark.parametrize(
    ("changed", "affected"),
    [
        (
            "postgres/docker-entrypoint.sh",
            {"postgres", "postgres_pgdg", "postgres_archiving", "postgres_17", "postgres_archiving_17"},
        ),
        ("temporal/go.sum", {"temporal", "temporal_admin_tools"}),
        ("node/package-lock.json", {"node", "application", "application_next"}),
        ("bare/init.sh", {"bare_12", "machine_12", "bare_13", "machine_13"}),
        (
            "alpine/Dockerfile",
            {
                *("alpine", "traefik", "temporal", "temporal_admin_tools", "temporal_ui"),
                *("socket_proxy", "autoheal", "restic", "metrics", "alerts", "grafana"),
                *("busybox", "alertmanager", "node_exporter", "postgres_exporter"),
            },
        ),
        ("base/bootstrap.sh", {known.name for known in catalogue.IMAGES} - {"s3"}),
    ],
)
def test_a_change_makes_anew_what_it_is_part_of_and_nothing_else(
    copied: Path, changed: str, affected: set[str]
) -> None:
    before = {known.name: builder.key(known.name) for known in catalogue.IMAGES}
    with (copied / changed).open("a") as file:
        file.write("\n# changed\n")
    builder.key.cache_clear()
    after = {known.name: builder.key(known.name) for known in catalogue.IMAGES}
    assert {name for name in before if before[name] != after[name]} == affected


def test_a_file_that_becomes_executable_is_a_change(copied: Path) -> None:
    before = builder.key("registry")
    (copied / "registry" / "config.yml").chmod(0o755)
    builder.key.cache_clear()
    assert builder.key("registry") != before


def test_a_name_that_is_none_says_which_there_are() -> None:
    with pytest.raises(KeyError, match="no image nginx; there are: base, "):
        catalogue.with_parents(("nginx",))


@pytest.mark.live
def test_a_second_build_builds_nothing(images: dict[str, str]) -> None:
    said: list[str] = []
    started = time.monotonic()
    assert builder.build(say=said.append) == images
    assert time.monotonic() - started < 5
    assert len(said) == len(images)
    assert all(line.endswith("is there") for line in said), said


@pytest.mark.live
def test_a_pushed_image_is_pulled_by_its_digest(client: docker.DockerClient, images: dict[str, str]) -> None:
    reference = registry.push(("autoheal",))["autoheal"]
    assert reference.startswith(f"127.0.0.1:5077/{images['autoheal']}@sha256:")
    assert registry.references()["autoheal"] == reference
    assert client.images.pull(reference).id == client.images.get(images["autoheal"]).id


@pytest.mark.live
def test_an_image_that_was_built_once_more_under_its_tag_is_pushed_once_more(
    client: docker.DockerClient, images: dict[str, str]
) -> None:
    """The registry holds the former build by its digest: who pulls that runs what is not here."""
    registry.push(("autoheal",))
    repository, tag = f"{REPOSITORY}/built-again", f"1-{uuid.uuid4().hex}"
    container = client.containers.create(images["autoheal"], labels={LABEL: "registry"})
    made = [container.commit(repository, tag)]
    try:
        pushed = registry._push(client, f"{repository}:{tag}", "")
        assert registry._push(client, f"{repository}:{tag}", pushed) == pushed
        made.append(container.commit(repository, tag))
        reference = registry._push(client, f"{repository}:{tag}", pushed)
        assert client.images.pull(reference).id == made[1].id != made[0].id
    finally:
        container.remove()
        for image in made:
            client.images.remove(image.id, force=True)


@pytest.mark.live
def test_a_second_push_sends_nothing(images: dict[str, str]) -> None:
    first = registry.push(("autoheal",))
    started = time.monotonic()
    assert registry.push(("autoheal",)) == first
    assert time.monotonic() - started < 3


@pytest.mark.live
def test_an_outdated_image_is_removed_and_the_current_one_stays(
    client: docker.DockerClient, images: dict[str, str]
) -> None:
    image = client.images.get(images["restic"])
    for repository in ("jira-plus-plus/restic", "127.0.0.1:5077/jira-plus-plus/restic"):
        image.tag(repository, "0.1-outdated")
    removed = outdated.prune(("restic",))
    assert {"jira-plus-plus/restic:0.1-outdated", "127.0.0.1:5077/jira-plus-plus/restic:0.1-outdated"} <= set(
        removed
    )
    assert images["restic"] in client.images.get(images["restic"]).tags


@pytest.fixture
def stages(copied: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two images more: one that makes a file, one that begins with nothing and takes it."""
    made = catalogue.Image("maker", "1", "nothing")
    taken = catalogue.Image("from_nothing", "1", "a scratch image", parent="", takes_from=("maker",))
    for image, text in (
        (made, "ARG BASE\nFROM ${BASE}\nRUN echo made > /made\n"),
        (
            taken,
            'ARG MAKER\nFROM ${MAKER} AS maker\nFROM scratch\nCOPY --from=maker /made /made\nCMD ["/made"]\n',
        ),
    ):
        image.context.mkdir()
        (image.context / "Dockerfile").write_text(text)
    monkeypatch.setattr(catalogue, "IMAGES", (*catalogue.IMAGES, made, taken))
    return copied


def test_an_image_that_takes_files_of_another_is_made_anew_with_it(stages: Path) -> None:
    before = builder.key("from_nothing")
    with (stages / "maker" / "Dockerfile").open("a") as file:
        file.write("\n# changed\n")
    builder.key.cache_clear()
    assert builder.key("from_nothing") != before
    assert [known.name for known in catalogue.with_parents(("from_nothing",))] == [
        "base",
        "maker",
        "from_nothing",
    ]


def test_a_released_program_is_part_of_what_an_image_is(
    stages: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = set()
    for sha256 in ("1" * 64, "2" * 64):
        tool = catalogue.Wheel("tool-bin==1.0", "tool", "tool", sha256)
        image = catalogue.Image("maker", "1", "nothing", programs=(tool,))
        monkeypatch.setattr(catalogue, "IMAGES", (*catalogue.IMAGES[:-2], image))
        builder.key.cache_clear()
        keys.add(builder.key("maker"))
    assert len(keys) == 2
