"""What an image holds: its files, read from an export as it comes, without unpacking it."""

from __future__ import annotations

import posixpath
import re
import stat
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO, Any, cast

import docker

from rehearsal.images import LABEL

_LIBRARY = re.compile(r"\.so(\.[0-9.]+)?$")
_MOST_LINKS = 40  # the kernel's limit
_MADE = ("/.dockerenv", "/dev/console", "/etc/hostname", "/etc/hosts", "/etc/resolv.conf")
"""What Docker puts into every container: empty, and executable."""


@dataclass(frozen=True)
class File:
    """One entry: its owner (`uid:gid`), its mode with the set-uid bits and, of a link, where it leads."""

    owner: str
    mode: int
    link: str | None = None
    regular: bool = False


@dataclass(frozen=True)
class Contents:
    """Every entry by its absolute path, and the text of /etc/passwd."""

    files: dict[str, File]
    passwd: str

    def real(self, path: str) -> str | None:
        """Where a path leads after all links; None if nothing is there."""
        done = "/"
        rest = [part for part in path.split("/") if part]
        for _ in range(_MOST_LINKS):
            while rest:
                part = rest.pop(0)
                step = posixpath.normpath(posixpath.join(done, part))
                entry = self.files.get(step)
                if entry is None:
                    return None
                if entry.link is not None:
                    rest = [part for part in posixpath.join(done, entry.link).split("/") if part] + rest
                    done = "/"
                    break
                done = step
            else:
                return done
        return None

    def executables(self) -> frozenset[str]:
        """The path of each program and of each link to one; shared libraries are none."""
        return frozenset(path for path in self.files if path not in _MADE and self.executable(path))

    def executable(self, path: str) -> bool:
        """Whether a program, or a link to one, is there."""
        real = self.real(path)
        if real is None or _LIBRARY.search(path) or _LIBRARY.search(real):
            return False
        entry = self.files[real]
        return entry.regular and bool(entry.mode & 0o111)

    def users(self) -> dict[str, str]:
        """Names to `uid:gid`."""
        lines = (line.split(":") for line in self.passwd.splitlines())
        return {fields[0]: f"{fields[2]}:{fields[3]}" for fields in lines if len(fields) > 3}


def contents(client: docker.DockerClient, image: str) -> Contents:
    """What the image holds, which is there already. Nothing of it is run."""
    # A container that is never started; an image without a command of its own needs some.
    container = client.containers.create(
        image, command=["/"], labels={LABEL: "contents"}, network_mode="none"
    )
    try:
        # Docker sends the archive whole or not at all; the stream of it cannot be rewound.
        reader = cast(IO[bytes], _Chunks(container.export()))
        with tarfile.open(fileobj=reader, mode="r|") as tar:
            return _read(tar)
    finally:
        container.remove(force=True, v=True)


def _read(tar: tarfile.TarFile) -> Contents:
    files = {"/": File("0:0", 0o755)}
    passwd = ""
    for member in tar:
        path = "/" + member.name.strip("/").removeprefix("./")
        if member.islnk():
            files[path] = files["/" + member.linkname.strip("/")]
            continue
        files[path] = File(
            f"{member.uid}:{member.gid}",
            stat.S_IMODE(member.mode),
            member.linkname if member.issym() else None,
            member.isreg(),
        )
        if path == "/etc/passwd" and (content := tar.extractfile(member)) is not None:
            passwd = content.read().decode()
    return Contents(files, passwd)


class _Chunks:
    """A file that is read from an iterator of bytes."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks: Iterator[Any] = iter(chunks)
        self._rest = b""

    def read(self, size: int) -> bytes:
        while len(self._rest) < size:
            chunk = next(self._chunks, None)
            if chunk is None:
                break
            self._rest += chunk
        read, self._rest = self._rest[:size], self._rest[size:]
        return read
