"""A folder on the host that holds data, and outlives every container."""

import shlex

import pulumi

from components.containers.runtime import Runtime


class Directory(pulumi.ComponentResource):
    """Makes the folder `path` and gives it to `user` (`uid:gid`); removes nothing, ever.

    On a volume it is made only where the volume is mounted: the bare mountpoint takes no folder.
    """

    def __init__(
        self, name: str, runtime: Runtime, path: str, user: str, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("jira-plus-plus:containers:Directory", name, {}, opts)
        uid, gid = user.split(":")
        install = ["install", "--directory", "--mode=0700", f"--owner={uid}", f"--group={gid}", path]
        command = runtime.host.run(
            f"{name}-directory",
            create=f"{runtime.host.sudo}{shlex.join(install)}",
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.path: pulumi.Output[str] = command.id.apply(lambda _: path)
        self.register_outputs({})
