"""`command.local.Command`: a command on the machine that the engine runs on."""

from __future__ import annotations

import contextvars
import os
import signal
import subprocess
import threading
from collections.abc import Mapping
from typing import IO

from rehearsal.plugins.command.command import Command, Output, Transcript
from rehearsal.plugins.provider import ProviderError, Values, call

_SHELL = ("/bin/sh", "-c")
_SECONDS_BETWEEN_LOOKS = 0.2


class LocalCommand(Command):
    """Runs by `interpreter` (a shell) in `dir`, with the engine's environment and `environment` on top."""

    inputs = Command.inputs | {"dir", "interpreter"}

    def place(self, inputs: Values) -> str:
        """See `Command`."""
        return "local"

    def run(self, command: str, inputs: Values, previous: Mapping[str, str]) -> Output:
        """See `Command`. When the engine cancels, the process is killed."""
        transcript = Transcript(inputs.get("logging"))
        arguments = [*(inputs.get("interpreter") or _SHELL), command]
        folder = inputs.get("dir") or os.getcwd()  # noqa: PTH109 - as the process sees it
        try:
            process = subprocess.Popen(
                arguments,
                cwd=folder,
                env={**os.environ, **(inputs.get("environment") or {}), **previous},
                stdin=subprocess.PIPE if inputs.get("stdin") else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        except OSError as error:
            raise transcript.failure(_not_started(error, arguments[0], folder), command) from None
        readers = [
            _reading(process.stdout, "stdout", transcript),
            _reading(process.stderr, "stderr", transcript),
        ]
        _feed(process, inputs.get("stdin"))
        code = _wait(process)
        for reader in readers:
            reader.join()
        if code < 0:
            reason = f"signal: {(signal.strsignal(-code) or str(-code)).lower()}"
            raise transcript.failure(reason, command)
        if code > 0:
            raise transcript.failure(f"exit status {code}", command)
        return transcript.output()


def _not_started(error: OSError, program: str, folder: str) -> str:
    if not os.path.isdir(folder):  # noqa: PTH112
        return f"chdir {folder}: {str(error.strerror).lower()}"
    if isinstance(error, FileNotFoundError) and "/" not in program:
        return f'exec: "{program}": executable file not found in $PATH'
    return f"fork/exec {program}: {str(error.strerror).lower()}"


def _reading(stream: IO[bytes] | None, name: str, transcript: Transcript) -> threading.Thread:
    """A thread that reads the stream to its end, within the request (for its log)."""
    assert stream is not None

    def read() -> None:
        with stream:
            for line in stream:
                transcript.add(name, line)

    thread = threading.Thread(target=contextvars.copy_context().run, args=(read,), daemon=True)
    thread.start()
    return thread


def _feed(process: subprocess.Popen[bytes], stdin: str | None) -> None:
    if process.stdin is None or stdin is None:
        return
    try:
        with process.stdin as pipe:
            pipe.write(stdin.encode())
    except BrokenPipeError:
        return  # it did not want to read all of it


def _wait(process: subprocess.Popen[bytes]) -> int:
    while True:
        try:
            return process.wait(timeout=_SECONDS_BETWEEN_LOOKS)
        except subprocess.TimeoutExpired:
            if call().cancelled.is_set():
                process.kill()
                process.wait()
                raise ProviderError("cancelled by the engine: the command was killed") from None
