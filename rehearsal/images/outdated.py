"""Images of earlier contents, which nothing asks for any more."""

from __future__ import annotations

from docker.errors import APIError

from rehearsal.images import LABEL, builder, registry
from rehearsal.images.catalogue import IMAGES


def prune(names: tuple[str, ...] = (), say: builder.Say = print) -> list[str]:
    """Removes outdated tags of the named images (all, if none is named); returns them.

    One that a container uses stays, and is said.
    """
    client = builder.connect()
    wanted = names or tuple(known.name for known in IMAGES)
    current = {builder.tag(name) for name in wanted}
    prefixes = tuple(f"{builder.REPOSITORY}/{name}:" for name in wanted)
    removed = []
    for image in client.images.list(filters={"label": f"{LABEL}=image"}):
        for tag in image.tags:
            local = tag.removeprefix(f"{registry.ADDRESS}/")
            if not local.startswith(prefixes) or local in current:
                continue
            try:
                client.images.remove(tag)
            except APIError as error:
                say(f"  {tag} stays: {error.explanation}")
            else:
                say(f"  {tag} removed")
                removed.append(tag)
    return removed
