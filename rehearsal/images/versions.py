"""Which stand-ins have another version than the stack files ask for, and why."""

from __future__ import annotations

from dataclasses import dataclass

from components.settings.images import parse
from rehearsal.declared.stacks import stack_file
from rehearsal.images.catalogue import IMAGES, Image

STACKS = ("uat", "prod", "local")


@dataclass(frozen=True)
class Difference:
    """A stand-in, the tag in some stack files, and the recorded reason; without one it is a fault."""

    image: Image
    tag: str
    stacks: tuple[str, ...]

    def __str__(self) -> str:
        reason = self.image.differs or "no reason is recorded: raise it in rehearsal/images/catalogue.py"
        return f"{self.image.name}: {self.image.version} for {self.tag} ({', '.join(self.stacks)}); {reason}"


def differences(stacks: tuple[str, ...] = STACKS) -> list[Difference]:
    """Each stand-in of another version than the tag that stack files have for it."""
    wanted: dict[tuple[Image, str], list[str]] = {}
    for stack in stacks:
        references = stack_file(stack)["images"]
        for image in IMAGES:
            if image.name in references:
                tag = parse(references[image.name]).tag or "latest"
                wanted.setdefault((image, tag), []).append(stack)
    return [Difference(image, tag, tuple(of)) for (image, tag), of in wanted.items() if tag != image.version]


def faults(found: list[Difference]) -> list[str]:
    """The differences without a reason, and the reasons without a difference."""
    there = {difference.image.name for difference in found}
    unneeded = [
        f"{image.name}: has the version of every stack file; take its `differs` out of the catalogue"
        for image in IMAGES
        if image.differs and image.name not in there
    ]
    return [str(difference) for difference in found if not difference.image.differs] + unneeded
