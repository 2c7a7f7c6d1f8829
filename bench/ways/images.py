"""Two images of the API that differ, in the registry of this machine."""

from __future__ import annotations

from pathlib import Path

import docker

from rehearsal.images import builder, registry

NAMES = ("one", "two")
DOCKERFILE = Path(__file__).parent / "Dockerfile"
REPOSITORY = f"{registry.ADDRESS}/{builder.REPOSITORY}/application"


def pair(client: docker.DockerClient, say: builder.Say) -> tuple[str, str]:
    """Their references, with tag and digest. The stand-in application is built where it is not there yet.

    Raises:
        ImageError: it could not be built, or the registry did not take it.
    """
    base = builder.build(("application", "registry"), builder.only_work(say))["application"]
    registry.serve(client)
    one, two = (_pushed(client, base, name) for name in NAMES)
    return one, two


def _pushed(client: docker.DockerClient, base: str, name: str) -> str:
    tag = f"bench-{name}-{base.rpartition('-')[2]}"
    with DOCKERFILE.open("rb") as recipe:
        client.images.build(
            fileobj=recipe,
            tag=f"{REPOSITORY}:{tag}",
            buildargs={"BASE": base, "RELEASE": name},
            rm=True,
            forcerm=True,
        )
    return registry.send(client, REPOSITORY, tag)
