"""Files that a container is given: configuration, scripts and secrets, on the host, mounted read-only."""

import hashlib
import io
import shlex
import tarfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import pulumi

from components.containers.mount import Mount
from components.containers.packed import given
from components.containers.runtime import Runtime
from components.host.machine import once

HERE = Path(__file__).parent
MOUNTED = (HERE / "mounted.sh").read_text(encoding="utf-8")
"""The function of a shell that tells whether a container mounts a folder."""


class Files(pulumi.ComponentResource):
    """A folder on the host, named after its content; `mounts` bring it into the container.

    A changed file is a new folder, hence a new container. Content travels on the stdin of a command and
    counts as secret; it is in no environment, no argument vector and no label.
    """

    def __init__(
        self,
        name: str,
        runtime: Runtime,
        files: Mapping[str, pulumi.Input[str]],
        user: str,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("jira-plus-plus:containers:Files", name, {}, opts)
        host = runtime.host
        contents: pulumi.Output[dict[str, str]] = pulumi.Output.all(**files).apply(pulumi.Output.secret)
        # The digest of a secret is none: 48 bits of a hash over passwords that are longer than itself.
        self.digest: pulumi.Output[str] = pulumi.Output.unsecret(
            contents.apply(lambda known: digest(known, user))
        )
        self.folder: pulumi.Output[str] = self.digest.apply(lambda known: f"{host.files_root}/{name}-{known}")
        command = host.run(
            f"{name}-files",
            create=self.folder.apply(
                lambda folder: f"{host.sudo}{shlex.join(['sh', '-s', '--', folder, user])}"
            ),
            stdin=contents.apply(script),
            delete=self.folder.apply(lambda folder: removal(folder, host.sudo)),
            triggers=[self.digest],
            opts=pulumi.ResourceOptions(
                parent=self, retain_on_delete=opts.retain_on_delete if opts else None
            ),
        )
        # Waits for the command: the source must be there before a container mounts it.
        written = once(self.folder, command)
        self.mounts = tuple(
            Mount(source=pulumi.Output.concat(written, target), target=target, read_only=True)
            for target in folders(files)
        )
        self.register_outputs({})


def folders(files: Mapping[str, object]) -> list[str]:
    """The folders in the container that the files lie in, each a mount; `ValueError` if nested."""
    found = sorted({str(PurePosixPath(path).parent) for path in files})
    for outer in found:
        for inner in found:
            if inner.startswith(f"{outer}/"):
                raise ValueError(f"{inner} lies in {outer}: a read-only mount has no place for another in it")
    return found


def digest(files: Mapping[str, str], user: str) -> str:
    """Twelve hexadecimal digits that change with any path, any content and the owner."""
    return hashlib.sha256(repr((user, sorted(files.items()))).encode()).hexdigest()[:12]


def archive(files: Mapping[str, str]) -> bytes:
    """A tar archive of the files, the same bytes for the same files. Unpacking sets modes and owner."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path, content in sorted(files.items()):
            member = tarfile.TarInfo(path.lstrip("/"))
            data = content.encode()
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def script(files: Mapping[str, str]) -> str:
    """The script that writes the files, and the files within it."""
    return writing("write-files.sh", files)


def writing(script: str, files: Mapping[str, str]) -> str:
    """A script of this folder that has `unpack`, and the files within it."""
    return given((HERE / script).read_text(encoding="utf-8"), "unpack", "FILES", archive(files))


def removal(folder: str, sudo: str) -> str:
    """The command that removes the folder, unless a container still mounts it."""
    text = (HERE / "remove-files.sh").read_text(encoding="utf-8")
    return f"{sudo}sh -s -- {shlex.quote(folder)} <<'SCRIPT'\n{MOUNTED}\n{text}SCRIPT"
