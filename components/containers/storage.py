"""A place for data that outlives every container: a folder on the host, or else a named volume."""

import shlex

import pulumi
import pulumi_docker as docker

from components.containers import hardening
from components.containers.mount import Mount
from components.containers.runtime import Runtime
from components.host.machine import once


class Storage(pulumi.ComponentResource):
    """Belongs to `user` (`uid:gid`). `path` is the folder; None for a volume, which goes with the stack.

    A folder is never removed, and on a data disk it is made only where the disk is mounted: the bare
    mountpoint takes no folder, and Docker refuses a source that is missing.
    """

    def __init__(
        self,
        name: str,
        runtime: Runtime,
        path: str | None,
        user: str,
        image: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("jira-plus-plus:containers:Storage", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        self._volume = path is None
        if path is None:
            volume = docker.Volume(
                name,
                labels=[docker.VolumeLabelArgs(label="jira-plus-plus.stack", value=runtime.stack)],
                opts=runtime.options(self),
            )
            create = pulumi.Output.all(volume.name, image).apply(
                lambda known: take_over(known[0], known[1], user)
            )
            source: pulumi.Input[str] = volume.name
        else:
            uid, gid = user.split(":")
            install = ["install", "--directory", "--mode=0700", f"--owner={uid}", f"--group={gid}", path]
            create = pulumi.Output.from_input(f"{runtime.host.sudo}{shlex.join(install)}")
            source = path
        prepared = runtime.host.run(f"{name}-owner", create=create, opts=child)
        # Waits for the command: what mounts it finds it, and may write to it.
        self._source = once(source, prepared)
        self.register_outputs({})

    def mount(self, target: str) -> Mount:
        """The mount that brings it into a container."""
        return Mount(source=self._source, target=target, kind="volume" if self._volume else "bind")


def take_over(volume: str, image: str, user: str) -> str:
    """The command that gives a volume, which is root's, to its user; with the capability that it takes."""
    return shlex.join(
        [
            *hardening.aside("0:0"),
            *("--cap-add=CHOWN", "--security-opt=no-new-privileges:true"),
            f"--mount=type=volume,source={volume},target=/data,volume-nocopy",
            *("--entrypoint=chown", image, user, "/data"),
        ]
    )
