"""`make release`: new images and a canary into the stack file, once their registry has shown them to fit."""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from components.settings.catalogue import SERVER_TYPES
from components.settings.release import MOST_PERCENT
from operations import changes, signatures, stack_file
from operations.at_server import told
from operations.deployed import deployed
from operations.deployment import Deployment
from operations.journal import Journal
from operations.meaning import Meaning, text
from operations.registry import Found, Login, NotThere, login_of, look
from operations.releases import IMAGES

ROOT = Path(__file__).resolve().parents[1]
DESCRIPTION = """\
Looks whether the images are in their registry, for the server's architecture, of one build, and signed where
`release.signed_by` has keys; writes them into the stack file, whose comments stay, and shows what a deploy
would do. It does not deploy.

A canary is another image of the API beside it, for SHARE percent of the clients. CANARY=promote makes its
image that of the API, CANARY=none takes it back.
"""
LABELS = ("org.opencontainers.image.revision", "org.opencontainers.image.version")
"""What must be the same in images of one build, where they have it."""
NONE, PROMOTE = "none", "promote"
"""What is to become of a canary, in place of its image."""
_DOCKERS = {"x86": "amd64", "arm": "arm64", "x86_64": "amd64", "aarch64": "arm64"}
"""Architectures as images name them."""


class NoRelease(NotThere):
    """The images do not go together, or there are none; the message says what would."""


def checked(
    wanted: Mapping[str, str], architecture: str, login: Login | None, signed_by: Sequence[str] = ()
) -> dict[str, Found]:
    """What the registries say of the images; with `signed_by` of those that one of these keys has signed.

    Raises:
        NotThere: one is not to be had, or not signed; all of them are named.
        NoRelease: they are not of one build.
    """
    found, missing = {}, []
    for name, reference in wanted.items():
        try:
            found[name] = look(reference, architecture, login)
            if signed_by:
                signatures.require(reference, signed_by, login)
        except NotThere as error:
            missing.append(f"{name.upper()}: {error}")
    if missing:
        raise NotThere("\n".join(missing))
    for label in LABELS:
        values = {name: image.labels[label] for name, image in found.items() if image.labels.get(label)}
        if len(set(values.values())) > 1:
            raise NoRelease(
                f"the images are not of one build: {label} is "
                + ", ".join(f"{value} in {name}" for name, value in values.items())
                + "; give the three of one run of the release build"
            )
    return found


def architecture(host: Mapping[str, Any]) -> str:
    """Of the machine that the section `host` names; of one that exists nobody knows, and amd64 is taken."""
    if host.get("kind") == "local":
        return _DOCKERS.get(platform.machine(), platform.machine())
    ordered = SERVER_TYPES.get(str(host.get("server_type")))
    return _DOCKERS[ordered.architecture] if ordered else "amd64"


class Release:
    """Of one stack, whose stack file is in its project's folder."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._file = deployment.project / f"Pulumi.{deployment.stack}.yaml"

    def prepare(self, wanted: Mapping[str, str], canary: str = "", share: int | None = None) -> list[str]:
        """Checks the images and writes them; what it did, in words.

        `canary` is an image, `NONE`, `PROMOTE`, or empty: as it is, but for its `share` in percent.

        Raises:
            NotThere, NoRelease, Unwritable: nothing was written.
        """
        there = stack_file.canary(self._file)
        wanted, beside = with_canary(wanted, there, canary, share)
        found = fitting(self._file, wanted, lambda: self._deployment) if wanted else {}
        lines = told_of(found, stack_file.images(self._file))
        if beside and beside["image"] != there.get("image"):
            another = fitting(self._file, {"api": beside["image"]}, lambda: self._deployment)
            lines += told_of({"canary": another["api"]}, {"canary": there.get("image", "not there")})
        if beside != there:
            lines.append(
                f"  canary: {beside['share']} % of the clients" if beside else "  canary: none any more"
            )
        text = self._file.read_text(encoding="utf-8")
        try:
            stack_file.write_images(self._file, wanted)
            if beside != there:
                stack_file.write_canary(self._file, beside)
        except stack_file.Unwritable:
            self._file.write_text(text, encoding="utf-8")
            raise
        return [f"{self._file.name}:", *lines]

    def show(self) -> Journal:
        """The preview of what was written, also as Markdown in `.pulumi-out/<stack>/preview.md`.

        Raises:
            DeploymentFailed: it failed.
        """
        stack = self._deployment.stack
        journal = self._deployment.preview()
        markdown = self._deployment.project / ".pulumi-out" / stack / "preview.md"
        markdown.parent.mkdir(parents=True, exist_ok=True)
        markdown.write_text(changes.markdown(stack, journal, f"Preview of `{stack}`"), encoding="utf-8")
        if said := text(Meaning.of(stack, journal)):
            self._deployment.say(f"\n{said}")
        self._deployment.say(
            f"nothing was deployed: commit Pulumi.{stack}.yaml, or `make deploy STACK={stack}`"
        )
        return journal


def with_canary(
    wanted: Mapping[str, str], there: Mapping[str, Any], canary: str, share: int | None
) -> tuple[Mapping[str, str], Mapping[str, Any]]:
    """The images of a release, and the canary beside it (empty: none), where the file has the one of `there`.

    Raises:
        NoRelease: what is asked for is not there, or says too little.
    """
    if canary in (NONE, PROMOTE):
        if not there:
            raise NoRelease(f"CANARY: got {canary}; the stack file has no release.canary")
        if share is not None:
            raise NoRelease(f"SHARE: got {share}; has no meaning with CANARY={canary}; leave it out")
        if canary == PROMOTE and wanted.get("api", there["image"]) != there["image"]:
            raise NoRelease("CANARY: got promote, and API= another image; leave API out")
        return ({**wanted, "api": there["image"]} if canary == PROMOTE else wanted), {}
    if not canary and share is None:
        # Its image is the API's now: that is what it was there for.
        return wanted, {} if there.get("image") == wanted.get("api", "") else there
    found = {
        **there,
        **({"image": canary} if canary else {}),
        **({"share": share} if share is not None else {}),
    }
    if missing := [name for name in ("image", "share") if name not in found]:
        raise NoRelease(
            f"{'CANARY' if 'image' in missing else 'SHARE'}: got nothing; a canary has an image and a share: "
            "CANARY=<repository>:<version>@<digest> SHARE=5 (percent of the clients)"
        )
    if not 1 <= found["share"] <= MOST_PERCENT:
        raise NoRelease(f"SHARE: got {found['share']}; must be 1 to {MOST_PERCENT} percent of the clients")
    return wanted, found


def fitting(file: Path, wanted: Mapping[str, str], deployment: Callable[[], Deployment]) -> dict[str, Found]:
    """What the registries say of images for the stack of this file, whose settings say what fits.

    `deployment` is asked where the registry wants a password, which the state keeps.

    Raises:
        NotThere, NoRelease: they do not fit.
    """
    registry = stack_file.section(file, "registry")
    login = login_of(registry, deployment()) if registry else None
    signed_by = stack_file.section(file, "release").get("signed_by") or ()
    return checked(wanted, architecture(stack_file.section(file, "host")), login, signed_by)


def told_of(found: Mapping[str, Found], before: Mapping[str, str]) -> list[str]:
    """A line for each image: what it is of, and what was there before."""
    lines = []
    for name, image in found.items():
        label = next((f" ({image.labels[label]})" for label in LABELS if image.labels.get(label)), "")
        was = "stays" if before.get(name) == image.reference else f"was {before.get(name)}"
        lines.append(f"  {name}: {image.reference}{label}, {was}")
    return lines


def add_images(parser: argparse.ArgumentParser) -> None:
    """The options that name the images of a release."""
    for name in IMAGES:
        parser.add_argument(f"--{name}", default="", help="<repository>:<version>@sha256:<digest>")


def images_of(arguments: argparse.Namespace) -> dict[str, str]:
    """What these options were given.

    Raises:
        NoRelease: nothing.
    """
    wanted = {name: getattr(arguments, name) for name in IMAGES if getattr(arguments, name)}
    if not wanted:
        raise NoRelease("got no image; give API=, WORKER= and WEB=, each <repository>:<version>@<digest>")
    return wanted


def main() -> int:
    """Exit codes: 0 done, 1 not done, 130 interrupted."""
    parser = argparse.ArgumentParser(prog="python -m operations.release", description=DESCRIPTION)
    parser.add_argument("--stack", required=True, help="uat, prod or local")
    add_images(parser)
    parser.add_argument("--canary", default="", help=f"<repository>:<version>@<digest>, {PROMOTE} or {NONE}")
    parser.add_argument("--share", type=int, help="percent of the clients that the canary gets")
    arguments = parser.parse_args()

    def work() -> int:
        alone = arguments.canary or arguments.share is not None
        wanted = (
            {} if alone and not any(getattr(arguments, name) for name in IMAGES) else images_of(arguments)
        )
        release = Release(deployed(ROOT, arguments.stack))
        print("\n".join(release.prepare(wanted, arguments.canary, arguments.share)))
        release.show()
        return 0

    return told(work, NotThere, "the stack file may have the new images already; nothing was deployed")


if __name__ == "__main__":
    sys.exit(main())
