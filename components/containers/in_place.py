"""Files that change while a container has them mounted, where `Files` would make another container of it."""

import shlex
from collections.abc import Mapping

import pulumi

from components.containers.files import digest, removal, writing
from components.containers.mount import Mount
from components.containers.runtime import Runtime
from components.host.machine import once


class InPlace(pulumi.ComponentResource):
    """A folder on the host, which `mount` brings to `target`; `digest` changes with its content.

    The process that reads them has to be told of a change, or read them each time. `user` is the container's.
    Content travels as that of `Files` does.
    """

    def __init__(
        self,
        name: str,
        runtime: Runtime,
        files: Mapping[str, pulumi.Input[str]],
        target: str,
        user: str,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`files`: name in `target` to content."""
        super().__init__("jira-plus-plus:containers:InPlace", name, {}, opts)
        host = runtime.host
        folder = f"{host.files_root}/{name}"
        contents: pulumi.Output[dict[str, str]] = pulumi.Output.all(
            **{f"{target}/{file}": content for file, content in files.items()}
        ).apply(pulumi.Output.secret)
        self.digest: pulumi.Output[str] = pulumi.Output.unsecret(
            contents.apply(lambda known: digest(known, user))
        )
        # No trigger: changed files run the command again, in place.
        self.resource = host.run(
            name,
            create=f"{host.sudo}{shlex.join(['sh', '-s', '--', folder, user])}",
            stdin=contents.apply(script),
            delete=removal(folder, host.sudo),
            opts=pulumi.ResourceOptions(parent=self),
        )
        # Waits for the command: Docker refuses a source that is not there.
        self.mount = Mount(source=once(f"{folder}{target}", self.resource), target=target, read_only=True)
        self.register_outputs({})


def script(files: Mapping[str, str]) -> str:
    """The script that writes the files, and the files within it."""
    return writing("write-in-place.sh", files)
