"""`command.remote.Command`: a command on another machine, over ssh."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rehearsal.plugins.command.command import Command, Output, Transcript
from rehearsal.plugins.provider import CheckFailure, ProviderError, Values, call, log

if TYPE_CHECKING:
    import paramiko

_SECONDS_BETWEEN_LOOKS = 0.2


class RemoteCommand(Command):
    """Runs by the login shell of the connection's user. Variables need AcceptEnv in the sshd of the host."""

    inputs = Command.inputs | {"connection"}
    required = frozenset({"connection"})
    secret_outputs = frozenset({"connection"})

    def check(self, olds: Values, news: Values, random_seed: bytes) -> tuple[Values, list[CheckFailure]]:
        """See `Resource`."""
        from rehearsal.plugins.command.connection import complete

        inputs, failures = super().check(olds, news, random_seed)
        connection = complete(inputs.get("connection"))
        if isinstance(connection, dict) and "host" not in connection:
            failures.append(CheckFailure("connection.host", "missing required property host"))
        return ({**inputs, "connection": connection} if connection is not None else inputs), failures

    def place(self, inputs: Values) -> str:
        """See `Command`."""
        return str(inputs["connection"]["host"])

    def run(self, command: str, inputs: Values, previous: Mapping[str, str]) -> Output:
        """See `Command`."""
        from rehearsal.plugins.command.connection import connected

        transcript = Transcript(inputs.get("logging"))
        with connected(inputs["connection"]) as transport:
            variables = _accepted(transport, inputs.get("environment") or {}, previous)
            session = transport.open_session()
            for name, value in variables.items():
                session.set_environment_variable(name, value)
            session.exec_command(command)
            readers = [
                _reading(session.makefile("rb"), "stdout", transcript),
                _reading(session.makefile_stderr("rb"), "stderr", transcript),
            ]
            _feed(session, inputs.get("stdin"))
            while not session.status_event.wait(_SECONDS_BETWEEN_LOOKS):
                if call().cancelled.is_set():
                    raise ProviderError("cancelled by the engine: the ssh session was closed")
            for reader in readers:
                reader.join()
            code = session.recv_exit_status()
        if code < 0:
            raise transcript.failure(
                "wait: remote command exited without exit status or exit signal", command
            )
        if code > 0:
            raise transcript.failure(f"Process exited with status {code}", command)
        return transcript.output()


def _accepted(
    transport: paramiko.Transport, environment: Mapping[str, str], previous: Mapping[str, str]
) -> dict[str, str]:
    """The variables that sshd takes: those of the program it must take, those of the last run are tried."""
    accepted = {}
    for name, value in {**environment, **previous}.items():
        if _takes(transport, name, value):
            accepted[name] = value
            continue
        log(
            f"Unable to set '{name}'. This only works if your SSH server is configured to accept\n"
            "\tthese variables via AcceptEnv. Alternatively, if a Bash-like shell runs the command on the "
            "remote host, you could\n\tprefix the command itself with the variables in the form "
            "'VAR=value command'",
            "error" if name in environment else "warning",
        )
        if name in environment:
            raise ProviderError(f'could not set environment variable "{name}": ssh: setenv failed')
    return accepted


def _takes(transport: paramiko.Transport, name: str, value: str) -> bool:
    """Whether sshd accepts the variable: asked on a session of its own, since a refusal ends it."""
    import paramiko

    session: Any = transport.open_session()
    message = paramiko.Message()
    message.add_byte(paramiko.common.cMSG_CHANNEL_REQUEST)
    message.add_int(session.remote_chanid)
    message.add_string("env")
    message.add_boolean(True)  # paramiko's own call asks for no answer
    message.add_string(name)
    message.add_string(value)
    try:
        session._event_pending()
        session.transport._send_user_message(message)
        session._wait_for_event()
    except paramiko.SSHException:
        return False
    finally:
        session.close()
    return True


def _reading(stream: Any, name: str, transcript: Transcript) -> threading.Thread:
    """A thread that reads the stream to its end, within the request (for its log)."""

    def read() -> None:
        for line in stream:
            transcript.add(name, line)

    thread = threading.Thread(target=contextvars.copy_context().run, args=(read,), daemon=True)
    thread.start()
    return thread


def _feed(session: paramiko.Channel, stdin: str | None) -> None:
    try:
        if stdin:
            session.sendall(stdin.encode())
        session.shutdown_write()
    except OSError:
        return  # it ended without reading all of it
