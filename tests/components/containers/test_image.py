"""Images on a server: how much room they need before they come, and when the old ones go."""

import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from components.containers.image import FIRST
from rehearsal.declared.platform import commands, declare, declared

CONTAINERS = Path(__file__).parents[3] / "components" / "containers"
REPOSITORY = f"jira-plus-plus-retention-test-{secrets.token_hex(4)}"
"""Of this process alone: tests run side by side."""


def free_space(*arguments: str) -> "subprocess.CompletedProcess[str]":
    script = CONTAINERS / "free-space.sh"
    return subprocess.run(["sh", script, *arguments], capture_output=True, text=True, check=False)


def test_a_deploy_on_a_nearly_full_disk_fails_and_says_where_how_full_and_what_helps(tmp_path: Path) -> None:
    """runtime 20."""
    result = free_space(
        "/", "1", "no matter", f"{tmp_path}/not/yet/made", str(10**9), "raise host.volume.size_gb"
    )
    assert result.returncode != 0
    assert result.stderr.startswith(f"ERROR: {tmp_path}/not/yet/made has ")
    assert "a deploy needs 1000000000 MB there: raise host.volume.size_gb" in result.stderr
    assert len(result.stderr.splitlines()) == 1, "the other disk has room"


def test_where_there_is_room_nothing_is_said(tmp_path: Path) -> None:
    result = free_space(str(tmp_path), "1", "no matter")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.parametrize("stack", ["uat", "prod"])
def test_the_room_is_looked_at_before_any_image_is_pulled_and_when_one_is_another(stack: str) -> None:
    recorded = declared(stack)
    space = commands(recorded)["image-space"]
    for image in recorded.of("docker:index/remoteImage:RemoteImage"):
        assert any("image-space" in urn for urn in image.request.dependencies), image.name
    changed = commands(declare(stack, {"images.api": f"example.com/api:2.0.0@sha256:{'1' * 64}"}))
    assert changed["image-space"].inputs["triggers"] != space.inputs["triggers"]
    assert "/var/lib/docker 2048" in space.inputs["create"]


@pytest.mark.parametrize("stack", ["local", "uat", "prod"])
def test_what_the_longest_way_is_made_of_is_pulled_before_the_others(stack: str) -> None:
    images = {r.name: r for r in declared(stack).of("docker:index/remoteImage:RemoteImage")}
    first = {name for name in images if name.removeprefix("image-").replace("-", "_") in FIRST}
    assert {"image-temporal", "image-temporal-admin-tools", "image-api"} < first
    for name, image in images.items():
        waits_for = {urn.split("::")[-1] for urn in image.request.dependencies} & images.keys()
        assert waits_for == (set() if name in first else first), name


def test_a_developers_docker_is_left_alone() -> None:
    assert not {"image-space", "image-retired"} & commands(declared("local")).keys()


@pytest.fixture
def images(client: docker.DockerClient) -> Iterator[list[str]]:
    """Ids of seven images of two repositories, each with a tag; the oldest first."""
    ids = []
    for number in range(7):
        layer = subprocess.run(["tar", "c", "--mtime=@1", __file__], capture_output=True, check=True).stdout
        made = client.api.import_image_from_data(
            layer,
            repository=f"{REPOSITORY}-{number % 2}",
            tag=str(number),
            changes=[f"LABEL number={number}"],
        )
        ids.append(str(made).split('"status":"')[1].split('"')[0])
    yield ids
    for image in client.api.images():
        if any(tag.startswith(REPOSITORY) for tag in image["RepoTags"] or ()):
            client.images.remove(image["Id"], force=True)


def there(client: docker.DockerClient, ids: list[str]) -> list[int]:
    # Not `images.list`, which then asks for each: one that another test removes meanwhile is an error there.
    present = {image["Id"] for image in client.api.images(all=True)}
    return [number for number, image in enumerate(ids) if image in present]


def retire(history: Path, *images: str) -> str:
    command = ["sh", CONTAINERS / "keep-images.sh", "5", history, *images]
    return subprocess.run(command, capture_output=True, text=True, check=True).stderr


@pytest.mark.live
def test_of_each_image_the_last_five_stay_and_older_ones_go_with_the_deploy(
    client: docker.DockerClient, images: list[str], tmp_path: Path
) -> None:
    """runtime 20."""
    history = tmp_path / "images" / "history"
    for image in images[:5]:
        assert retire(history, f"api={image}", f"postgres={images[0]}") == ""
    assert there(client, images) == [0, 1, 2, 3, 4, 5, 6]
    retire(history, f"api={images[5]}", f"postgres={images[0]}")
    assert there(client, images) == [0, 1, 2, 3, 4, 5, 6], "the first is another name's, still"
    told = retire(history, f"api={images[6]}", f"postgres={images[0]}")
    assert there(client, images) == [0, 2, 3, 4, 5, 6]
    assert f"removed {images[1]} ({REPOSITORY}-1:1 )" in told


@pytest.mark.live
def test_going_back_makes_an_image_the_newest_again(
    client: docker.DockerClient, images: list[str], tmp_path: Path
) -> None:
    history = tmp_path / "history"
    for image in (*images[:5], images[0], images[5]):
        retire(history, f"api={image}")
    assert there(client, images) == [0, 2, 3, 4, 5, 6]


@pytest.mark.live
def test_an_image_of_a_container_stays_until_that_is_gone(
    client: docker.DockerClient, images: list[str], tmp_path: Path
) -> None:
    history = tmp_path / "history"
    container = client.containers.create(images[0], ["never"], labels={"jira-plus-plus": "image-test"})
    try:
        for image in images:
            retire(history, f"api={image}")
        assert there(client, images) == [0, 2, 3, 4, 5, 6]
    finally:
        container.remove(v=True)
    retire(history, f"api={images[6]}")
    assert there(client, images) == [2, 3, 4, 5, 6]
