"""Which stand-ins have another version than the stack files ask for, and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from components.settings.images import parse
from rehearsal.declared.stacks import stack_file
from rehearsal.images.catalogue import IMAGES, Image

STACKS = ("uat", "prod", "local")


@dataclass(frozen=True)
class Difference:
    """A stand-in, the tag in a stack file, and the recorded reason; without one it is a fault."""

    image: Image
    stack: str
    tag: str

    def __str__(self) -> str:
        reason = self.image.differs or "no reason is recorded: raise it in rehearsal/images/catalogue.py"
        return f"{self.image.name}: {self.image.version} for {self.tag} of Pulumi.{self.stack}.yaml; {reason}"


def differences(stacks: tuple[str, ...] = STACKS) -> Iterator[Difference]:
    """Each stand-in of another version than the tag that a stack file has for it."""
    for stack in stacks:
        references = stack_file(stack)["images"]
        for image in IMAGES:
            reference = references.get(image.name)
            if reference is not None and parse(reference).tag != image.version:
                yield Difference(image, stack, parse(reference).tag or "latest")


def faults(found: list[Difference]) -> list[str]:
    """The differences without a reason, and the reasons without a difference."""
    there = {difference.image.name for difference in found}
    unneeded = [
        f"{image.name}: has the version of every stack file; take its `differs` out of the catalogue"
        for image in IMAGES
        if image.differs and image.name not in there
    ]
    return [str(difference) for difference in found if not difference.image.differs] + unneeded
