"""A registry on this machine, from which the booted machines pull by digest.

Its address is a loopback one for this machine and inside every booted machine (which hands connections on to
it): Docker trusts those without TLS, and an image has one name everywhere.
"""

from __future__ import annotations

import contextlib
import json
import time
import urllib.error
import urllib.request

import docker
from docker.errors import APIError, NotFound

from rehearsal.images import LABEL, ImageError, builder, cache
from rehearsal.images.catalogue import IMAGES
from rehearsal.machines import MachineError
from rehearsal.machines.docker import network

ADDRESS = "127.0.0.1:5077"
NAME = "jira-plus-plus-registry"
NOT_PUSHED = (
    "base",
    "base_13",
    "bare_12",
    "bare_13",
    "machine_12",
    "machine_13",
    "alpine",
    "packages",
    "registry",
    "s3",
)
PATIENCE_SECONDS = 20


def references() -> dict[str, str]:
    """Of each image that was pushed, by name, the reference with tag and digest that a machine can pull."""
    path = cache() / "images.json"
    return dict(json.loads(path.read_text())) if path.exists() else {}


def push(names: tuple[str, ...] = (), say: builder.Say = print) -> dict[str, str]:
    """Pushes the named images (all, if none is named), which are built; writes and returns the references.

    Raises:
        ImageError: the registry did not start, or did not take an image.
    """
    client = builder.connect()
    serve(client)
    known = references()
    pushed = {}
    for name in names or tuple(image.name for image in IMAGES if image.name not in NOT_PUSHED):
        pushed[name] = _push(client, builder.require(client, name), known.get(name, ""))
        say(f"  {name:<22} {pushed[name]}")
    path = cache() / "images.json"
    unfinished = path.with_suffix(".new")
    unfinished.write_text(json.dumps(known | pushed, indent=1, sort_keys=True) + "\n")
    unfinished.replace(path)
    return pushed


def serve(client: docker.DockerClient) -> None:
    """Starts the registry, unless it runs as this checkout wants it.

    Raises:
        ImageError: it does not answer.
    """
    image = builder.require(client, "registry")
    try:
        with network.kept(client):
            _run(client, image)
    except MachineError as error:
        raise ImageError(str(error)) from None
    _wait()


def _run(client: docker.DockerClient, image: str) -> None:
    try:
        container = client.containers.get(NAME)
    except NotFound:
        container = None
    if container is not None and container.attrs["Config"]["Image"] != image:
        container.remove(force=True)
        container = None
    try:
        if container is None:
            container = client.containers.create(
                image,
                name=NAME,
                labels={LABEL: "registry"},
                network=network.NAME,
                networking_config={
                    network.NAME: client.api.create_endpoint_config(ipv4_address=network.REGISTRY)
                },
                ports={"5000/tcp": tuple(ADDRESS.split(":"))},
                volumes={NAME: {"bind": "/var/lib/registry", "mode": "rw"}},
                restart_policy={"Name": "unless-stopped"},
                cap_drop=["ALL"],
                read_only=True,
            )
        container.start()
    except APIError as error:
        raise ImageError(f"the registry at {ADDRESS} did not start: {error.explanation}") from None


def stop(client: docker.DockerClient) -> None:
    """Removes the registry's container, and the network if no machine is on it; what was pushed stays."""
    with contextlib.suppress(NotFound):
        client.containers.get(NAME).remove(force=True)
    network.remove_if_unused(client)


def _push(client: docker.DockerClient, built: str, known: str) -> str:
    repository, _, version = built.rpartition(":")
    there = f"{ADDRESS}/{repository}"
    image, digest = client.images.get(built), known.rpartition("@")[2]
    # A tag is made of the files that an image is built from, not of what came out: built once more, after the
    # daemon lost it, it has its tag and another digest, and the registry holds the former one still. Docker
    # notes with an image each digest that it was pushed as, and forgets it with the image.
    pushed = f"{there}@{digest}" in image.attrs["RepoDigests"]
    if known == f"{there}:{version}@{digest}" and pushed and _holds(there, digest):
        return known
    image.tag(there, version)
    return send(client, there, version)


def send(client: docker.DockerClient, repository: str, tag: str) -> str:
    """Pushes what Docker has under a name in this registry; its reference, with tag and digest.

    Raises:
        ImageError: the registry does not take it.
    """
    digest = ""
    for message in client.api.push(repository, tag, stream=True, decode=True):
        if "error" in message:
            raise ImageError(f"the registry did not take {repository}:{tag}: {message['error']}")
        digest = message.get("aux", {}).get("Digest", digest)
    return f"{repository}:{tag}@{digest}"


def _holds(repository: str, digest: str) -> bool:
    name = repository.removeprefix(f"{ADDRESS}/")
    request = urllib.request.Request(f"http://{ADDRESS}/v2/{name}/manifests/{digest}", method="HEAD")
    request.add_header("Accept", "application/vnd.docker.distribution.manifest.v2+json")
    try:
        with urllib.request.urlopen(request, timeout=5):
            return True
    except (urllib.error.URLError, OSError):
        return False


def _wait() -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with urllib.request.urlopen(f"http://{ADDRESS}/v2/", timeout=2):
                return
        except (urllib.error.URLError, OSError) as error:
            if time.monotonic() > deadline:
                raise ImageError(
                    f"the registry at {ADDRESS} does not answer ({error}); see: docker logs {NAME}"
                ) from None
            time.sleep(0.1)
