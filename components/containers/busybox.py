"""BusyBox for a container whose image holds nothing that could ask it how it is."""

import shlex

import pulumi
import pulumi_docker as docker

from components.containers import hardening
from components.containers.mount import Mount
from components.containers.runtime import Runtime

PROGRAM = "/bin/busybox"
FOLDERS = ("/bin", "/lib")
"""Of an Alpine image: the program, and musl's loader, which it is linked to."""


class Busybox(pulumi.ComponentResource):
    """The BusyBox of the Alpine image with the id `image`, in volumes; `mounts` bring it, read-only.

    Docker fills a new volume with what the image has at the place where it is mounted first
    (https://docs.docker.com/engine/storage/volumes/#populate-a-volume-using-a-container). Another image is
    other volumes, so nobody goes on with an old one.
    """

    def __init__(
        self,
        name: str,
        runtime: Runtime,
        image: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
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
            for folder in FOLDERS
        ]
        names = pulumi.Output.all(*(volume.name for volume in volumes))
        filled = runtime.host.run(
            f"{name}-filled",
            create=pulumi.Output.all(names, image).apply(lambda known: fill(known[0], known[1])),
            opts=pulumi.ResourceOptions(parent=self),
        )
        # Waits for the command: an empty volume would be filled by whoever mounts it first.
        self.mounts = tuple(
            Mount(
                source=pulumi.Output.all(volume.name, filled.id).apply(lambda known: str(known[0])),
                target=folder,
                kind="volume",
                read_only=True,
            )
            for volume, folder in zip(volumes, FOLDERS, strict=True)
        )
        self.register_outputs({})


def fill(volumes: list[str], image: str) -> str:
    """The command that mounts the new volumes into a container of the image, which starts and ends."""
    mounts = [
        f"--mount=type=volume,source={volume},target={folder}"
        for volume, folder in zip(volumes, FOLDERS, strict=True)
    ]
    return shlex.join(
        [
            *hardening.aside("65534:65534"),
            "--security-opt=no-new-privileges:true",
            *mounts,
            *(f"--entrypoint={PROGRAM}", image, "true"),
        ]
    )
