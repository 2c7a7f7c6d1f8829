"""Releases that bring images to a repository at once: none undoes another, and none mixes two builds."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from operations import stack_file
from operations.branch import NotDelivered, credentials
from operations.delivery import Delivery
from operations.releases import IMAGES
from tests.operations.github_pulls import Pulls
from tests.operations.test_release import Registry, registry

__all__ = ["registry"]

ROOT = Path(__file__).resolve().parents[2]
WHO = {
    **{f"GIT_{role}_NAME": "Release" for role in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{role}_EMAIL": "release@example.com" for role in ("AUTHOR", "COMMITTER")},
    "GIT_CONFIG_GLOBAL": os.devnull,
}


@dataclass
class Remote:
    """A bare repository with our stack files, and who releases to it; UAT's commits, prod's are proposed."""

    folder: Path
    pulls: Pulls
    registry: Registry

    @property
    def bare(self) -> Path:
        return self.folder / "remote.git"

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, **WHO, **self.pulls.environment}

    def git(self, *words: str, folder: Path | None = None) -> str:
        return subprocess.run(
            ["git", *words],
            cwd=folder or self.bare,
            env={**os.environ, **WHO},
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    def clone(self, name: str) -> Path:
        """What a runner of its own has."""
        self.git("clone", "--quiet", str(self.bare), str(self.folder / name), folder=self.folder)
        return self.folder / name

    def text(self, stack: str, branch: str = "main") -> str:
        return self.git("show", f"{branch}:Pulumi.{stack}.yaml")

    def images(self, stack: str, branch: str = "main") -> dict[str, str]:
        return stack_file.images_in(stack, self.text(stack, branch))

    def at(self, branch: str) -> str:
        return self.git("rev-parse", branch).strip()

    def deliver(self, name: str, stack: str, **images: str) -> dict[str, str]:
        clone = self.folder / name if (self.folder / name).exists() else self.clone(name)
        return Delivery(clone, stack, self.environment, lambda _: None).make(images)

    def race(self, *runs: tuple[str, Mapping[str, str]]) -> list[tuple[int, str]]:
        """Runs the command in a clone each; none pushes before all have seen the same branch."""
        self.registry.meet({next(iter(images)) for _, images in runs})
        started = [
            subprocess.Popen(
                [
                    *(sys.executable, "-m", "operations.delivery", "--stack", stack),
                    *("--checkout", str(self.clone(f"racing-{number}"))),
                    *(word for name, of in images.items() for word in (f"--{name}", of)),
                ],
                cwd=ROOT,
                env=self.environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            for number, (stack, images) in enumerate(runs)
        ]
        said = [run.communicate(timeout=120)[0] for run in started]
        return [(run.returncode, words) for run, words in zip(started, said, strict=True)]


@pytest.fixture
def remote(tmp_path: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> Iterator[Remote]:
    for name, value in WHO.items():
        monkeypatch.setenv(name, value)
    with Pulls.at_work() as pulls:
        remote = Remote(tmp_path, pulls, registry)
        remote.git("init", "--quiet", "--bare", "--initial-branch=main", str(remote.bare), folder=tmp_path)
        first = remote.clone("first")
        for stack, more in (
            ("uat", "  jira-plus-plus:release: {commit: true} # deployed at once\n"),
            ("prod", ""),
        ):
            text = (ROOT / f"Pulumi.{stack}.yaml").read_text()
            (first / f"Pulumi.{stack}.yaml").write_text(text.rstrip("\n") + f"\n{more}")
        remote.git("add", ".", folder=first)
        remote.git("commit", "--quiet", "--message", "The stack files", folder=first)
        remote.git("push", "--quiet", "origin", "HEAD:main", folder=first)
        yield remote


def lines_changed(before: str, after: str) -> list[str]:
    return [new.strip() for old, new in zip(before.split("\n"), after.split("\n"), strict=True) if old != new]


def test_two_releases_at_once_both_arrive(remote: Remote) -> None:
    before = remote.text("uat")
    api = {"api": remote.registry.image("api", "amd64", revision="a")}
    others = {name: remote.registry.image(name, "amd64", revision="b") for name in ("web", "worker")}
    ended = remote.race(("uat", api), ("uat", others))
    assert [code for code, _ in ended] == [0, 0], ended
    wanted = {**api, **others}
    assert lines_changed(before, remote.text("uat")) == [f"{n}: {wanted[n]}" for n in IMAGES]
    assert remote.git("rev-list", "--count", "main").strip() == "3", "two commits on the first"
    assert not remote.pulls.all


def test_of_two_releases_at_once_of_the_same_image_one_is_refused_and_nothing_is_mixed(
    remote: Remote,
) -> None:
    before = remote.images("uat")
    one = {name: remote.registry.image(name, "amd64", revision="a") for name in IMAGES}
    other = {name: remote.registry.image(name, "amd64", revision="b") for name in ("web", "api")}
    ended = remote.race(("uat", one), ("uat", other))
    assert sorted(code for code, _ in ended) == [0, 1], ended
    (won,) = (images for (code, _), images in zip(ended, (one, other), strict=True) if code == 0)
    assert remote.images("uat") == {**before, **won}
    (refused,) = (words for code, words in ended if code)
    assert "another release has changed" in refused
    assert "nothing was pushed. Run it again if this one is the newer" in refused


def test_releases_of_two_stacks_at_once_are_a_commit_and_a_pull_request(remote: Remote) -> None:
    api = {"api": remote.registry.image("api", "amd64")}
    web = {"web": remote.registry.image("web", "amd64")}
    prod = remote.text("prod")
    ended = remote.race(("uat", api), ("prod", web))
    assert [code for code, _ in ended] == [0, 0], ended
    assert remote.images("uat")["api"] == api["api"]
    assert remote.text("prod") == prod, "it waits to be merged"
    assert lines_changed(prod, remote.text("prod", "release/prod")) == [f"web: {web['web']}"]
    (pull,) = remote.pulls.all
    assert pull["title"].startswith("prod: web 1.1.0@")
    assert f"web: {web['web']}" in pull["body"]


def test_two_releases_at_once_share_a_pull_request(remote: Remote) -> None:
    before = remote.images("prod")
    api = {"api": remote.registry.image("api", "amd64")}
    web = {"web": remote.registry.image("web", "amd64")}
    ended = remote.race(("prod", api), ("prod", web))
    assert [code for code, _ in ended] == [0, 0], ended
    assert remote.images("prod", "release/prod") == {**before, **api, **web}
    assert remote.git("rev-list", "--count", "main..release/prod").strip() == "1"
    (pull,) = remote.pulls.all
    assert pull["branch"] == "release/prod"


def test_what_waits_stays_until_it_is_merged_or_closed(remote: Remote) -> None:
    first = {name: remote.registry.image(name, "amd64", revision="1") for name in IMAGES}
    made = remote.deliver("one", "prod", **first)
    assert made["pull_request"] == "1"
    assert made["base"] == remote.at("main")
    assert made["commit"] == remote.at("release/prod")

    # Merged as one commit, the branch left behind; then another way was gone on.
    clone = remote.folder / "one"
    remote.git("fetch", "--quiet", folder=clone)
    remote.git("checkout", "--quiet", "-B", "main", "origin/main", folder=clone)
    remote.git("merge", "--quiet", "--squash", "origin/release/prod", folder=clone)
    remote.git("commit", "--quiet", "--message", "Merged", folder=clone)
    remote.git("push", "--quiet", "origin", "main", folder=clone)
    remote.pulls.close(1, remote.at("release/prod"))
    second = {"web": remote.registry.image("web", "amd64", revision="2")}
    assert remote.deliver("two", "prod", **second)["pull_request"] == "2"
    assert remote.images("prod", "release/prod") == {**remote.images("prod"), **second}
    assert remote.git("rev-list", "--count", "main..release/prod").strip() == "1"

    third = {"api": remote.registry.image("api", "amd64", revision="3")}
    assert remote.deliver("three", "prod", **third)["pull_request"] == "2"
    assert remote.images("prod", "release/prod") == {**remote.images("prod"), **second, **third}

    remote.pulls.close(2, remote.at("release/prod"))
    fourth = {"worker": remote.registry.image("worker", "amd64", revision="4")}
    assert remote.deliver("four", "prod", **fourth)["pull_request"] == "3"
    assert remote.images("prod", "release/prod") == {**remote.images("prod"), **fourth}, (
        "they were not wanted"
    )


def test_what_is_there_already_is_not_committed_again(remote: Remote) -> None:
    images = {name: remote.registry.image(name, "amd64") for name in IMAGES}
    assert remote.deliver("one", "uat", **images)["commit"] == remote.at("main")
    assert remote.deliver("two", "uat", **images) == {}
    assert remote.git("rev-list", "--count", "main").strip() == "2"


def test_a_branch_that_takes_no_push_is_told_at_once(remote: Remote) -> None:
    hook = remote.bare / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho >>tried; echo 'protected branch' >&2; exit 1\n")
    hook.chmod(0o755)
    image = remote.registry.image("api", "amd64")
    with pytest.raises(
        NotDelivered, match=r"main: the push was refused: .*pre-receive hook declined.*`contents"
    ):
        remote.deliver("one", "uat", api=image)
    assert (remote.bare / "tried").read_text() == "\n", "it was not tried again"


def test_an_image_that_is_not_there_pushes_nothing(remote: Remote) -> None:
    before = remote.at("main")
    with pytest.raises(Exception, match="does not have it; look whether it was pushed"):
        remote.deliver("one", "uat", api=f"{remote.registry.host}/jira/api:2@sha256:{'0' * 64}")
    assert remote.at("main") == before
    assert remote.git("worktree", "list", folder=remote.folder / "one").count("\n") == 1


def test_the_token_is_no_argument_of_git() -> None:
    assert credentials({}) == {}
    given = credentials({"GITHUB_TOKEN": "t", "GITHUB_SERVER_URL": "https://github.example"})
    assert given["GIT_CONFIG_KEY_0"] == "http.https://github.example/.extraheader"
    assert given["GIT_CONFIG_VALUE_0"] == "AUTHORIZATION: basic eC1hY2Nlc3MtdG9rZW46dA=="
