"""Remote commands, against an ssh server on loopback."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rehearsal.plugins import provider as plugin
from rehearsal.plugins.command.copy import CopyToRemote
from rehearsal.plugins.command.remote import RemoteCommand
from rehearsal.plugins.provider import UNKNOWN, Call, ProviderError, Values
from tests.rehearsal.plugins.command_sshd import Sshd, new_key, sshd

COMMAND = RemoteCommand()


@pytest.fixture
def server() -> Iterator[Sshd]:
    with sshd() as running:
        yield running


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, str]]]:
    lines: list[tuple[str, str]] = []
    call = Call(
        name="job", logger=lambda urn, message, severity, ephemeral: lines.append((severity, message))
    )
    token = plugin._CALL.set(call)
    yield lines
    plugin._CALL.reset(token)


def connection(server: Sshd, **other: Any) -> Values:
    given = {
        "host": "127.0.0.1",
        "port": server.port,
        "user": "deploy",
        "privateKey": server.client_key,
        "hostKey": server.host_key,
        "dialErrorLimit": 0,
        **other,
    }
    inputs, failures = COMMAND.check({}, {"connection": given}, b"")
    assert failures == []
    return dict(inputs["connection"])


def run(server: Sshd, command: str, **inputs: Any) -> Values:
    given = {"connection": connection(server), "create": command, **inputs}
    return COMMAND.create(given, preview=False)[1]


def test_stdout_and_stderr_come_back_without_their_last_newline(server: Sshd) -> None:
    outputs = run(server, "printf 'a\\nb\\n'; echo oops >&2")
    assert (outputs["stdout"], outputs["stderr"]) == ("a\nb", "oops")


def test_stdin_is_passed_on_and_closed(server: Sshd) -> None:
    text = "secret\n" * 50_000
    assert run(server, "cat | md5sum; wc -c < /dev/null", stdin=text)["stdout"].endswith("0")


def test_a_command_without_stdin_reads_nothing(server: Sshd) -> None:
    assert run(server, "wc -c")["stdout"].strip() == "0"


def test_a_failed_command_shows_its_status_itself_and_what_it_wrote(server: Sshd) -> None:
    with pytest.raises(ProviderError) as failure:
        run(server, 'echo out; echo "err" >&2; exit 3')
    assert str(failure.value).startswith(
        'Process exited with status 3: running "echo out; echo \\"err\\" >&2; exit 3":\n'
    )
    assert sorted(str(failure.value).splitlines()[1:]) == ["err", "out"]


def test_lines_are_shown_while_it_runs_only_as_far_as_logging_says(
    server: Sshd, said: list[tuple[str, str]]
) -> None:
    run(server, "echo out; echo err >&2", logging="stderr")
    assert said == [("info", "err")]
    run(server, "echo out; echo err >&2", logging="none")
    assert said == [("info", "err")]


def test_another_host_key_than_the_pinned_one_is_refused(server: Sshd) -> None:
    with pytest.raises(
        ProviderError, match="after 0 failed attempts: ssh: handshake failed: ssh: host key mismatch"
    ):
        COMMAND.create(
            {"connection": connection(server, hostKey=new_key()[1]), "create": "true"}, preview=False
        )
    assert server.logins == 0, "no key is offered to a host that is not the pinned one"


def test_a_key_that_may_not_log_in_is_reported(server: Sshd) -> None:
    wanted = r"unable to authenticate, attempted methods \[none publickey\], no supported methods remain"
    with pytest.raises(ProviderError, match=wanted):
        COMMAND.create(
            {"connection": connection(server, privateKey=new_key()[0]), "create": "true"}, preview=False
        )


def test_a_text_that_is_no_key_is_reported_without_showing_it(server: Sshd) -> None:
    with pytest.raises(ProviderError) as failure:
        COMMAND.create(
            {"connection": connection(server, privateKey="hunter2"), "create": "true"}, preview=False
        )
    assert "connection.privateKey" in str(failure.value)
    assert "hunter2" not in str(failure.value)


def test_dialling_is_retried_until_the_host_listens(said: list[tuple[str, str]]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    dead = {"host": "127.0.0.1", "port": port, "privateKey": new_key()[0], "dialErrorLimit": 3}
    with pytest.raises(
        ProviderError, match=f"after 3 failed attempts: dial tcp 127.0.0.1:{port}: connect: conn"
    ):
        COMMAND.create({"connection": dead, "create": "true"}, preview=False)
    assert said == [("info", f"Dial {n}/3 failed: retrying") for n in (1, 2, 3)]


def test_a_variable_that_sshd_does_not_accept_fails_the_command(
    server: Sshd, said: list[tuple[str, str]]
) -> None:
    with pytest.raises(ProviderError, match='could not set environment variable "TOKEN": ssh: setenv failed'):
        run(server, "echo $TOKEN", environment={"TOKEN": "hunter22"})
    assert "hunter22" not in str(said)


def test_accepted_variables_reach_the_command() -> None:
    with sshd(accepted_variables=("COLOUR", "PULUMI_COMMAND_STDOUT")) as server:
        assert run(server, "echo $COLOUR", environment={"COLOUR": "blue"})["stdout"] == "blue"


def test_output_of_the_last_run_is_only_tried_as_variables(server: Sshd, said: list[tuple[str, str]]) -> None:
    inputs = {"connection": connection(server), "create": "echo ${PULUMI_COMMAND_STDOUT:-none}"}
    before = {**inputs, "stdout": "old", "stderr": ""}
    outputs = COMMAND.update("job", inputs, before, inputs, preview=False)
    assert outputs["stdout"] == "none"
    assert [severity for severity, _ in said] == ["warning", "info"]


def test_update_runs_create_again_unless_there_is_an_update(server: Sshd) -> None:
    news = {"connection": connection(server), "create": "echo c", "addPreviousOutputInEnv": False}
    old = {**news, "stdout": "c", "stderr": ""}
    assert COMMAND.update("job", news, old, news, preview=False)["stdout"] == "c"
    news = {**news, "update": "echo u"}
    assert COMMAND.update("job", news, old, news, preview=False)["stdout"] == "u"


def test_delete_runs_the_delete_command_of_the_state(server: Sshd, tmp_path: Path) -> None:
    state = {"connection": connection(server), "delete": f"touch {tmp_path}/gone"}
    COMMAND.delete("job", {}, state)
    assert (tmp_path / "gone").exists()
    COMMAND.delete("job", {}, {"connection": connection(server)})


def test_a_proxy_is_dialled_first_and_named_in_its_errors(server: Sshd) -> None:
    proxy = {"host": "127.0.0.1", "port": 1, "dialErrorLimit": 0}
    inputs = COMMAND.check({}, {"connection": connection(server, proxy=proxy)}, b"")[0]
    with pytest.raises(ProviderError, match=r"^proxy: after 0 failed attempts: dial tcp 127\.0\.0\.1:1"):
        COMMAND.create({**inputs, "create": "true"}, preview=False)


def test_a_command_runs_through_a_proxy(server: Sshd) -> None:
    with sshd() as bastion:
        proxy = {
            "host": "127.0.0.1",
            "port": bastion.port,
            "privateKey": bastion.client_key,
            "hostKey": bastion.host_key,
        }
        given = connection(server, proxy=proxy)
        assert (
            COMMAND.create({"connection": given, "create": "echo hello"}, preview=False)[1]["stdout"]
            == "hello"
        )
        assert (bastion.logins, server.logins) == (1, 1)


def test_a_connection_has_defaults_and_needs_a_host() -> None:
    inputs, failures = COMMAND.check({}, {"connection": {"user": "deploy"}}, b"")
    assert inputs["connection"] == {"user": "deploy", "port": 22, "dialErrorLimit": 10, "perDialTimeout": 15}
    assert [failure.property for failure in failures] == ["connection.host"]
    assert COMMAND.check({}, {"connection": UNKNOWN}, b"") == ({"connection": UNKNOWN}, [])


def test_many_commands_at_once_stay_below_the_servers_limit() -> None:
    from concurrent.futures import ThreadPoolExecutor

    with sshd(max_startups=5) as server, ThreadPoolExecutor(16) as pool:
        results = list(pool.map(lambda n: run(server, f"echo {n}")["stdout"], range(24)))
        assert results == [str(n) for n in range(24)]
        assert server.dropped == 0


def test_a_text_and_a_folder_are_copied(server: Sshd, tmp_path: Path) -> None:
    copy = CopyToRemote()
    source = tmp_path / "source"
    (source / "inner").mkdir(parents=True)
    (source / "inner" / "file").write_text("deep")
    common = {"connection": connection(server)}
    copy.create(
        {**common, "source": {"text": "hello", "hash": "1"}, "remotePath": f"{tmp_path}/a/b"}, preview=False
    )
    assert (tmp_path / "a" / "b").read_text() == "hello"
    copy.create(
        {**common, "source": {"path": str(source), "hash": "2"}, "remotePath": f"{tmp_path}/a"}, preview=False
    )
    assert (tmp_path / "a" / "source" / "inner" / "file").read_text() == "deep"
    with pytest.raises(ProviderError, match="is a directory; when using a text asset"):
        copy.create(
            {**common, "source": {"text": "x", "hash": "3"}, "remotePath": f"{tmp_path}/a"}, preview=False
        )
