"""Command line: `python -m rehearsal.images build|push|list|prune|stop|versions [names…]`.

build: what is not there yet. push: that, and into the registry, which it starts. list: what there is.
prune: removes images of earlier contents. stop: ends the registry; what was pushed to it stays.
versions: which stand-ins have another version than the stack files, and why; 1 if a reason is missing.
"""

from __future__ import annotations

import argparse
import sys

from rehearsal.images import ImageError, builder, outdated, registry, versions
from rehearsal.images.catalogue import IMAGES


def main() -> int:
    """Runs the command; an error is one readable line and exit code 1."""
    parser = argparse.ArgumentParser(prog="python -m rehearsal.images", description=__doc__)
    parser.add_argument("command", choices=("build", "push", "list", "prune", "stop", "versions"))
    parser.add_argument("names", nargs="*", metavar="name")
    chosen = parser.parse_args()
    known = [image.name for image in IMAGES]
    if unknown := [name for name in chosen.names if name not in known]:
        parser.error(f"no image {', '.join(unknown)}; there are: {', '.join(known)}")
    try:
        if chosen.command == "list":
            _list()
        elif chosen.command == "prune":
            outdated.prune(tuple(chosen.names), _say)
        elif chosen.command == "versions":
            return _versions()
        elif chosen.command == "stop":
            registry.stop(builder.connect())
        else:
            # What pushes needs somewhere to push to.
            registry_too = ("registry",) if chosen.command == "push" and chosen.names else ()
            builder.build((*chosen.names, *registry_too), _say)
            if chosen.command == "push":
                registry.push(tuple(chosen.names), _say)
    except ImageError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _list() -> None:
    client = builder.connect()
    for known in IMAGES:
        there = "is there" if builder.built(client, known.name) else "to be built"
        _say(f"  {builder.tag(known.name):<60} {there}; in place of {known.instead_of}")


def _versions() -> int:
    found = versions.differences()
    for difference in found:
        if difference.image.differs:
            _say(str(difference))
    for image in IMAGES:
        if image.within:
            _say(f"{image.name}: {image.within}")
    faults = versions.faults(found)
    for text in faults:
        print(f"error: {text}", file=sys.stderr)
    return 1 if faults else 0


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
