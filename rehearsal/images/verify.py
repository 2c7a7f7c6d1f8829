"""Command line: `python -m rehearsal.images.verify [--stack NAME …]`: the originals against their contracts.

Pulls each image of the stack files by its digest, compares it with its contract, and starts all of them as the
program starts them. Ends with 1 on a breach, and where no registry answers.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping

import docker
import requests
from docker.errors import APIError, ImageNotFound

from rehearsal.declared.stacks import stack_file
from rehearsal.images import ImageError, builder, contract, inspection, trial
from rehearsal.images.stack_images import APPLICATION

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
    """The images of a stack file by their names there, without the application's."""
    images: Mapping[str, str] = stack_file(stack)["images"]
    return {name: reference for name, reference in images.items() if name not in APPLICATION}


def verify(client: docker.DockerClient, images: Mapping[str, str], say: builder.Say) -> bool:
    """Whether the images, by their names in the stack files, are as they should be; says what is not.

    Raises:
        ImageError: an image could not be pulled.
    """
    say("pulled, and compared with the contract:")
    good = True
    for name, reference in images.items():
        started = time.monotonic()
        pull(client, reference)
        found = inspection.breaches(client, reference, contract.load(name))
        seconds = time.monotonic() - started
        say(
            f"  {name:<22} {'as its contract says' if not found else 'BREACH':<22} {seconds:6.1f} s  {reference}"
        )
        for text in found:
            say(f"    {text}")
        good = good and not found
    say("started as the program starts them:")
    try:
        trial.run(client, images, say)
    except trial.TrialError as error:
        say(f"  BREACH: {error}")
        return False
    return good


def pull(client: docker.DockerClient, reference: str) -> None:
    """Pulls an image that is not there yet.

    Raises:
        ImageError: no registry answers, or it has no such image.
    """
    try:
        client.images.get(reference)
    except ImageNotFound:
        repository, _, digest = reference.partition("@")
        try:
            client.images.pull(repository.rpartition(":")[0], digest or repository.rpartition(":")[2])
            client.images.get(reference.replace(f":{repository.rpartition(':')[2]}@", "@"))
        except (APIError, ImageNotFound, requests.RequestException) as error:
            reason = getattr(error, "explanation", None) or error
            raise ImageError(
                f"{reference} cannot be pulled ({reason}); a registry must be in reach"
            ) from None


def _say(line: str) -> None:
    """One line of progress, at once."""
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
