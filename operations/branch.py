"""New images on a branch of the repository that holds the stack files, beside others who do the same.

A commit changes the lines that it was told and no other, and is made anew on what is newest when a push is
refused: so two releases at once do not undo each other.
"""

from __future__ import annotations

import base64
import os
import random
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from operations import stack_file
from operations.registry import NotThere
from operations.releases import short

TRIES = 8
_OVERTAKEN = (
    *("(fetch first)", "(non-fast-forward)", "(stale info)"),
    *("(cannot lock ref", "(failed to update ref)", "(incorrect old value provided)"),
)
"""What git says of a push that came after another one; any other refusal stays one."""


class NotDelivered(NotThere):
    """Nothing was pushed; the message says why, and what would help."""


@dataclass(frozen=True)
class Pushed:
    """A commit that is in the repository, and the one that it stands on."""

    commit: str
    base: str
    images: Mapping[str, str]
    """What it changed, with what waited before."""


class Repository:
    """The repository that `checkout` was cloned from; its own work tree and branches are left alone."""

    def __init__(
        self, checkout: Path, branch: str = "main", sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._checkout, self._branch, self._sleep = checkout, branch, sleep

    @contextmanager
    def newest(self) -> Iterator[Tree]:
        """Within, a work tree of what the branch is now."""
        with tempfile.TemporaryDirectory(prefix="release-") as folder:
            tree = Tree(Path(folder) / "tree", self._checkout, self._branch)
            tree.open()
            try:
                yield tree
            finally:
                tree.close()

    def deliver(
        self,
        tree: Tree,
        file: str,
        wanted: Mapping[str, str],
        to: str = "",
        over: Callable[[str], bool] = lambda _: False,
    ) -> Pushed | None:
        """Commits these images and pushes; None: the branch has them already.

        `to` names another branch, on which the images that wait there stay, unless what it is at is `over`;
        empty: the branch itself.

        Raises:
            NotDelivered: another release changed the same lines meanwhile, or the push is refused for good.
            Unwritable: the file's form does not allow it.
        """
        target = to or self._branch
        before: dict[str, str] = {}
        for again in range(TRIES):
            if again:
                self._sleep(random.uniform(0.2, 1.0) * again)  # noqa: S311 who is first need not be secret
                tree.renew()
            now = stack_file.images(tree.path / file)
            waiting, lease = tree.waiting(file, to) if to else ({}, "")
            if lease and over(lease):
                waiting = {}
            seen = {**now, **waiting}
            before = before or seen
            if meanwhile := [name for name, of in wanted.items() if seen[name] not in (before[name], of)]:
                changed = ", ".join(f"{name} to {short(seen[name])}" for name in meanwhile)
                raise NotDelivered(
                    f"{file}: another release has changed {changed} meanwhile; nothing was pushed. Run it "
                    "again if this one is the newer"
                )
            together = {**waiting, **wanted}
            if all(now.get(name) == reference for name, reference in together.items()):
                return None
            stack_file.write_images(tree.path / file, together)
            pushed = tree.commit(file, together)
            refused = tree.push(target, lease if to else None)
            if not refused:
                return pushed
            if not any(words in refused for words in _OVERTAKEN):
                raise NotDelivered(
                    f"{target}: the push was refused: {refused}; it takes a token with `contents: write` "
                    "and rules of the branch that let it push (or leave release.commit out: a pull request)"
                )
        raise NotDelivered(f"{target}: others pushed first, {TRIES} times; run it again")


class Tree:
    """A work tree of its own."""

    def __init__(self, path: Path, checkout: Path, branch: str) -> None:
        self.path, self._checkout, self._branch = path, checkout, branch

    def open(self) -> None:
        """Makes it."""
        self._fetch()
        self._git(self._checkout, "worktree", "add", "--quiet", "--detach", str(self.path), self._base)

    def renew(self) -> None:
        """To what the branch is now."""
        self._fetch()
        self._git(self.path, "reset", "--quiet", "--hard", self._base)

    def close(self) -> None:
        """Removes it."""
        self._git(self._checkout, "worktree", "remove", "--force", str(self.path))

    def waiting(self, file: str, branch: str) -> tuple[dict[str, str], str]:
        """The images that wait on another branch to be merged, and where it is; empty: it is not there.

        Those that the branch has not changed itself since they were written: a merged one waits no more.
        """
        there = self._git(self.path, "ls-remote", "origin", f"refs/heads/{branch}").split()
        if not there:
            return {}, ""
        self._git(self.path, "fetch", "--quiet", "origin", f"+refs/heads/{branch}:{_ref(branch)}")
        fork = self._git(self.path, "merge-base", "HEAD", there[0]).strip()
        then, proposed, now = (self._images(file, commit) for commit in (fork, there[0], "HEAD"))
        waiting = {
            name: reference
            for name, reference in proposed.items()
            if reference != then.get(name) == now.get(name)
        }
        return waiting, there[0]

    def commit(self, file: str, images: Mapping[str, str]) -> Pushed:
        """Commits the file, which has these images now."""
        base = self._git(self.path, "rev-parse", "HEAD").strip()
        message = f"{title_of(file, images)}\n\n{listed(images)}"
        self._git(self.path, "commit", "--quiet", "--no-verify", "--message", message, "--", file)
        return Pushed(self._git(self.path, "rev-parse", "HEAD").strip(), base, images)

    def push(self, branch: str, lease: str | None) -> str:
        """What was said of a push that was refused; empty: it was not.

        `lease`: the branch is replaced if it is still there; None: it is gone on with.
        """
        ref = f"refs/heads/{branch}"
        force = [] if lease is None else [f"--force-with-lease={ref}:{lease}"]
        done = self._run(self.path, "push", "--porcelain", *force, "origin", f"HEAD:{ref}")
        if done.returncode == 0:
            return ""
        rejected = [line for line in done.stdout.splitlines() if line.startswith("!")]
        return " ".join("\n".join(rejected or [done.stderr]).split())

    @property
    def _base(self) -> str:
        return _ref(self._branch)

    def _fetch(self) -> None:
        self._git(self._checkout, "fetch", "--quiet", "origin", f"+refs/heads/{self._branch}:{self._base}")

    def _images(self, file: str, commit: str) -> dict[str, str]:
        text = self._git(self.path, "show", f"{commit}:{file}")
        return stack_file.images_in(file, text)

    def _git(self, folder: Path, *words: str) -> str:
        done = self._run(folder, *words)
        if done.returncode:
            raise NotDelivered(f"git {words[0]} failed: {' '.join(done.stderr.split())}; nothing was pushed")
        return done.stdout

    def _run(self, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["git", *words],
            cwd=folder,
            env={**os.environ, **credentials(os.environ), "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"},
            capture_output=True,
            text=True,
            check=False,
        )


def title_of(file: str, images: Mapping[str, str]) -> str:
    """The subject of a commit: the stack, and what it gets."""
    return f"{file.split('.')[1]}: {', '.join(f'{name} {short(of)}' for name, of in images.items())}"


def listed(images: Mapping[str, str]) -> str:
    """The images in whole, a line each."""
    return "\n".join(f"{name}: {reference}" for name, reference in images.items())


def credentials(environment: Mapping[str, str]) -> dict[str, str]:
    """What git needs to push as the bearer of `GITHUB_TOKEN`, as variables: an argument is for all to see."""
    token = environment.get("GITHUB_TOKEN")
    if not token:
        return {}
    server = environment.get("GITHUB_SERVER_URL") or "https://github.com"
    basic = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"http.{server}/.extraheader",
        "GIT_CONFIG_VALUE_0": f"AUTHORIZATION: basic {basic}",
    }


def _ref(branch: str) -> str:
    return f"refs/remotes/origin/{branch}"
