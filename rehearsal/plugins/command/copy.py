"""`command.remote.CopyToRemote`: an asset or archive put on another machine, over sftp."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from rehearsal.plugins.command import recording
from rehearsal.plugins.provider import (
    UNKNOWN,
    CheckFailure,
    Diff,
    ProviderError,
    Resource,
    Values,
    call,
    unique_name,
)

if TYPE_CHECKING:
    import paramiko

_INPUTS = frozenset({"connection", "remotePath", "source", "triggers"})
_REQUIRED = frozenset({"connection", "remotePath", "source"})


class CopyToRemote(Resource):
    """Copies when made, and when source or path change. What was copied stays when the resource goes."""

    secret_outputs = frozenset({"connection"})

    def check(self, olds: Values, news: Values, random_seed: bytes) -> tuple[Values, list[CheckFailure]]:
        """See `Resource`."""
        from rehearsal.plugins.command.connection import complete

        failures = [
            CheckFailure(name, f"unknown property {name}: remove it") for name in news.keys() - _INPUTS
        ]
        failures += [
            CheckFailure(name, f"missing required property {name}") for name in _REQUIRED - news.keys()
        ]
        source = news.get("source", UNKNOWN)
        if source is not UNKNOWN and not (
            isinstance(source, dict) and {"text", "path", "assets"} & source.keys()
        ):
            failures.append(
                CheckFailure(
                    "source", "the stand-in plugin command copies text, files, folders and archives of them"
                )
            )
        return {**news, "connection": complete(news.get("connection"))}, failures

    def diff(self, resource_id: str, old_inputs: Values, old_outputs: Values, news: Values) -> Diff:
        """As for a command: an update, unless `triggers` come or go as a whole."""
        found = Diff.between(old_inputs, news)
        found.replaces = ["triggers"] if "triggers" in found.detailed else []
        return found

    def create(self, inputs: Values, preview: bool) -> tuple[str, Values]:
        """Copy."""
        if preview:
            return "", inputs
        _copy("create", inputs)
        return unique_name("", b"", digits=8, separator=""), inputs

    def update(
        self, resource_id: str, old_inputs: Values, old_outputs: Values, news: Values, preview: bool
    ) -> Values:
        """Copy again if the source or the path differs."""
        moved = news["remotePath"] != old_outputs.get("remotePath")
        if not preview and (moved or _hash(news["source"]) != _hash(old_outputs.get("source"))):
            _copy("update", news)
        return news

    def delete(self, resource_id: str, inputs: Values, outputs: Values) -> None:
        """Nothing: the copy stays, as with the official plugin."""


def _hash(source: Any) -> str | None:
    return source.get("hash") if isinstance(source, dict) else None


def _copy(operation: str, inputs: Values) -> None:
    path, source = str(inputs["remotePath"]), inputs["source"]
    host = str(inputs["connection"]["host"])
    if recording.on():
        content = source["text"] if "text" in source else str(source.get("hash", ""))
        recording.record(operation, f"copy {call().name} to {path}", host, content)
        return
    import paramiko

    from rehearsal.plugins.command.connection import connected

    with connected(inputs["connection"]) as transport:
        sftp = paramiko.SFTPClient.from_transport(transport)
        if sftp is None:
            raise ProviderError(f"no sftp session on {host}: allow the sftp subsystem in its sshd")
        with sftp:
            try:
                _put(sftp, source, path)
            except OSError as error:
                raise ProviderError(
                    f"failed to copy to remote path {path}: {error.strerror or error}"
                ) from None


def _put(sftp: paramiko.SFTPClient, source: Values, path: str) -> None:
    target = PurePosixPath(path)
    if "text" in source:
        if _is_folder(sftp, target):
            raise ProviderError(
                f"remote path {path} is a directory; when using a text asset, remotePath must be a file path"
            )
        _write(sftp, target, str(source["text"]).encode())
    elif "assets" in source:
        for name, part in sorted(source["assets"].items()):
            _put(sftp, part, str(target / name))
    else:
        for file, content in _files(str(source["path"]), target, _is_folder(sftp, target)):
            _write(sftp, file, content)


def _files(path: str, target: PurePosixPath, into: bool) -> Iterator[tuple[PurePosixPath, bytes]]:
    """What to write where: a file to the target or into it, a folder into it; `folder/`: its content."""
    source = Path(path)
    if not source.exists():
        raise ProviderError(f"open {path}: no such file or directory")
    if source.is_file():
        yield (target / source.name if into else target), source.read_bytes()
        return
    base = target if path.endswith("/") else target / source.name
    for file in sorted(source.rglob("*")):
        if file.is_file():
            yield base / file.relative_to(source).as_posix(), file.read_bytes()


def _write(sftp: paramiko.SFTPClient, target: PurePosixPath, content: bytes) -> None:
    for folder in reversed(target.parents):
        try:
            sftp.stat(str(folder))
        except FileNotFoundError:
            sftp.mkdir(str(folder))
    with sftp.open(str(target), "wb") as file:
        file.write(content)


def _is_folder(sftp: paramiko.SFTPClient, path: PurePosixPath) -> bool:
    try:
        mode = sftp.stat(str(path)).st_mode
    except FileNotFoundError:
        return False
    return mode is not None and stat.S_ISDIR(mode)
