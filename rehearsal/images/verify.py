"""Command line: `python -m rehearsal.images.verify [--stack NAME …]`: originals against their contracts.

Pulls each image of the stack files by its digest, compares it with its contract, and starts all of them as
the program starts them. Ends with 1 on a breach, and where no registry answers.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping

import docker
import requests
from docker.errors import APIError, ImageNotFound

from components.settings.images import parse
from rehearsal.declared.stacks import stack_file
from rehearsal.images import ImageError, builder, contract, inspection, trial
from rehearsal.images.stack_images import APPLICATION, OWN

STACKS = ("uat", "prod", "local")


def main() -> int:
    """Runs the command; an error is one readable line and exit code 1."""
    parser = argparse.ArgumentParser(prog="python -m rehearsal.images.verify", description=__doc__)
    parser.add_argument("--stack", action="append", choices=STACKS, help="of which stack files; all, if none")
    chosen = parser.parse_args()
    try:
        client = builder.connect()
        # Most often all stacks have the same images: what is the same is looked at once.
        sets = {tuple(sorted(references(stack).items())): stack for stack in chosen.stack or STACKS}
        good = [verify(client, dict(images), _say) for images in sets]
    except ImageError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0 if all(good) else 1


def references(stack: str) -> dict[str, str]:
    """The images of a stack file by their names there, without those that are the user's own."""
    images: Mapping[str, str] = stack_file(stack)["images"]
    return {name: reference for name, reference in images.items() if name not in (*APPLICATION, *OWN)}


def verify(client: docker.DockerClient, images: Mapping[str, str], say: builder.Say) -> bool:
    """Whether the images, by their names in the stack files, are as they should be; says what is not.

    Raises:
        ImageError: an image could not be pulled.
    """
    say("pulled, and compared with the contract:")
    good, ids = True, {}
    for name, reference in images.items():
        started = time.monotonic()
        ids[name] = pull(client, reference)
        found = inspection.breaches(client, ids[name], contract.load(name))
        verdict = "BREACH" if found else "as its contract says"
        say(f"  {name:<22} {verdict:<22} {time.monotonic() - started:6.1f} s  {reference.partition('@')[0]}")
        for text in found:
            say(f"    {text}")
        good = good and not found
    say("started as the program starts them:")
    try:
        trial.run(client, ids, say)
    except trial.TrialError as error:
        say(f"  BREACH: {error}")
        return False
    return good


def pull(client: docker.DockerClient, reference: str) -> str:
    """The id of an image with a digest, pulled unless it is there.

    Raises:
        ImageError: no registry answers, or it has no such image.
    """
    image = parse(reference)
    name = f"{image.repository}@{image.digest}" if image.digest else f"{image.repository}:{image.tag}"
    try:
        return str(client.images.get(name).id)
    except ImageNotFound:
        pass
    try:
        return str(client.images.pull(image.repository, image.digest or image.tag).id)
    except (APIError, requests.RequestException) as error:
        reason = getattr(error, "explanation", None) or error
        raise ImageError(f"{reference} cannot be pulled: {reason}; this needs its registry") from None


def _say(line: str) -> None:
    """One line of progress, at once."""
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
