"""Programs of another image, for a container whose own has none that could do it."""

import shlex
from collections.abc import Mapping

import pulumi
import pulumi_docker as docker

from components.containers import hardening
from components.containers.mount import Mount
from components.containers.runtime import Runtime
from components.host.machine import once

BUSYBOX = "/bin/busybox"
"""Of every Alpine image."""
BUSYBOX_FOLDERS = {"/bin": "/bin", "/lib": "/lib"}
"""The program, and musl's loader, which it is linked to."""


class Borrowed(pulumi.ComponentResource):
    """Folders of the Alpine image with the id `image`, in volumes; `mounts` bring them, read-only.

    `folders`: what they are in the image, to where they are mounted. Docker fills a new volume with what the
    image has at the place where it is mounted first
    (https://docs.docker.com/engine/storage/volumes/#populate-a-volume-using-a-container). Another image is
    other volumes, so nobody goes on with an old one.
    """

    def __init__(
        self,
        name: str,
        runtime: Runtime,
        image: pulumi.Input[str],
        folders: Mapping[str, str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        # The first that was borrowed was BusyBox, and states know it by that.
        super().__init__("jira-plus-plus:containers:Busybox", name, {}, opts)
        volumes = [
            docker.Volume(
                f"{name}{folder.replace('/', '-')}",
                labels=[
                    docker.VolumeLabelArgs(label="jira-plus-plus.stack", value=runtime.stack),
                    docker.VolumeLabelArgs(label="jira-plus-plus.filled-from", value=image),
                ],
                opts=runtime.options(self),
            )
            for folder in folders
        ]
        names = pulumi.Output.all(*(volume.name for volume in volumes))
        filled = runtime.host.run(
            f"{name}-filled",
            create=pulumi.Output.all(names, image).apply(
                lambda known: fill(dict(zip(known[0], folders, strict=True)), known[1])
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        # Waits for the command: an empty volume would be filled by whoever mounts it first.
        self.mounts = tuple(
            Mount(
                source=once(volume.name, filled),
                target=target,
                kind="volume",
                read_only=True,
            )
            for volume, target in zip(volumes, folders.values(), strict=True)
        )
        self.register_outputs({})


def fill(volumes: Mapping[str, str], image: str) -> str:
    """The command that mounts new volumes at places of the image, in a container that starts and ends."""
    mounts = [f"--mount=type=volume,source={volume},target={folder}" for volume, folder in volumes.items()]
    return shlex.join(
        [
            *hardening.aside("65534:65534"),
            "--security-opt=no-new-privileges:true",
            *mounts,
            *(f"--entrypoint={BUSYBOX}", image, "true"),
        ]
    )
