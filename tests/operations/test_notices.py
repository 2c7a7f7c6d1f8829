"""Who is told of a run, over HTTP and SMTP that is spoken; and a run that nobody can be told of goes on."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from pulumi.automation import CommandError

from components.host.folders import DATA
from operations.deployment import PROJECT, DeploymentFailed
from operations.journal import Journal, Step
from operations.notices import Telling
from operations.notices.channels import Slack as Webhook
from operations.notices.channels import Untold, send
from operations.notices.notice import LONGEST, Notice, who
from operations.notices.untold import KEPT, Here
from rehearsal.receivers import Slack
from tests.operations.mail_server import mail_server
from tests.operations.test_checks import certificate

CANARY = "T000-B000-canary"
NOTICE = Notice("uat", "deploy", "done", "after 2:31", ("by Ada",), "2026-11-28T02:03:04Z")
API = "x/api:{}@sha256:" + "a" * 64


@pytest.fixture
def slack() -> Iterator[Slack]:
    with Slack() as receiver:
        yield receiver
        assert receiver.mistakes == []


def texts(slack: Slack) -> list[str]:
    """What the channel shows."""
    return [message.text for message in slack.messages]


@contextmanager
def dripping() -> Iterator[str]:
    """The address of a server that sends a byte now and then, which resets each timeout."""

    def drip(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection, suppress(OSError):
            connection.sendall(b"HTTP/1.1 200 OK\r\nx: ")
            while True:
                connection.sendall(b"x")
                time.sleep(0.1)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=drip, args=(listener,), daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


class Told:
    """A stack whose file says who is told, and what its runs say."""

    def __init__(self, folder: Path, secrets: dict[str, str]) -> None:
        self.said: list[str] = []
        self.file = folder / "Pulumi.uat.yaml"
        self.resources: list[dict[str, Any]] = []
        self.deployment = SimpleNamespace(
            stack="uat",
            project=folder,
            environment={"PULUMI_BACKEND_URL": "file:///x"},
            resources=lambda: self.resources,
            way_in=nullcontext,
            open=lambda: SimpleNamespace(get_config=self._secret),
        )
        self._secrets = secrets

    def _secret(self, name: str) -> Any:
        if name not in self._secrets:
            raise CommandError(SimpleNamespace(code=1, stdout="", stderr=""))  # type: ignore[arg-type]
        return SimpleNamespace(value=self._secrets[name])

    def settings(self, host: str = "local", **notifications: Any) -> None:
        config = {
            "host": {"kind": host},
            "notifications": notifications,
            "images": {"api": API.format("1.1.0")},
        }
        self.file.write_text(yaml.safe_dump({"config": {f"{PROJECT}:{k}": v for k, v in config.items()}}))

    @property
    def telling(self) -> Telling:
        return Telling(self.deployment, self.said.append)  # type: ignore[arg-type]


@pytest.fixture
def told(tmp_path: Path, slack: Slack, monkeypatch: pytest.MonkeyPatch) -> Told:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("GITHUB_ACTOR", "ada")
    made = Told(
        tmp_path, {f"{PROJECT}:slack_webhook": slack.webhook, f"{PROJECT}:smtp_password": "canary-password"}
    )
    made.settings(slack=True)
    return made


def step(op: str, name: str) -> Step:
    return Step(
        op,
        f"urn:pulumi:uat::p::docker:index/container:Container::{name}",
        "docker:index/container:Container",
        {},
        {},
        {},
    )


def test_a_release_is_told_when_it_begins_and_when_it_is_done_with_who_and_what(
    told: Told, slack: Slack
) -> None:
    with told.telling.of("deploy") as outcome:
        assert len(slack.messages) == 1, "it is told before the work begins"
        outcome.journal = Journal(steps=[step("replace", "api"), step("same", "web")], counts={"same": 1})
    begun, done = texts(slack)
    assert begun.startswith("▶ *uat: deploy begun*\nby ada")
    assert begun.endswith("api new → 1.1.0@aaaaaaaa")
    assert done.startswith("✅ *uat: deploy done after 0:00*\nby ada")
    assert done.endswith("1 to replace, 1 unchanged\n± api")
    assert told.said == []


def test_one_that_fails_is_told_with_its_error_and_fails_as_before(told: Told, slack: Slack) -> None:
    lines = "\n".join(f"line {number}" for number in range(20))
    with pytest.raises(DeploymentFailed), told.telling.of("rollback"):
        raise DeploymentFailed(f"up failed:\n{lines}", Journal())
    assert texts(slack)[-1].startswith("❌ *uat: rollback failed after 0:00*\nby ada")
    assert texts(slack)[-1].endswith("up failed:\nline 0\nline 1\nline 2\nline 3\nline 4\nline 5\nline 6\n…")


def test_drift_is_told_where_there_is_some(told: Told, slack: Slack) -> None:
    for state in ("", "found"):
        with told.telling.of("drift", begin=False) as outcome:
            outcome.state = state
    (text,) = texts(slack)
    assert text.startswith("⚠ *uat: drift found after 0:00*")


def test_where_nobody_is_to_be_told_nothing_is_asked(told: Told, slack: Slack) -> None:
    told.settings()
    told.deployment.open = told.deployment.resources = None
    with told.telling.of("deploy"):
        pass
    assert (texts(slack), told.said) == ([], [])


@pytest.mark.parametrize("status", [500, 429, 302])
def test_what_is_refused_is_said_fails_nothing_and_is_told_by_the_next_run(
    told: Told, slack: Slack, status: int
) -> None:
    slack.refuse(status, "", {"Location": f"{slack.webhook}/elsewhere"})
    with told.telling.of("deploy"):
        pass
    assert len(told.said) == 2
    assert told.said[0].startswith(f"Slack was not told that uat: deploy begun (127.0.0.1 answers {status})")
    slack.accept()
    told.said.clear()
    with told.telling.of("drift", begin=False) as outcome:
        outcome.state = ""
    assert [text.splitlines()[0] for text in texts(slack)] == [
        "▶ *uat: deploy begun*",
        "✅ *uat: deploy done after 0:00*",
    ]
    assert all("it could not be told then" in text for text in texts(slack))
    assert told.said == ["told late: 2 notices of former runs"]
    with told.telling.of("drift", begin=False) as outcome:
        outcome.state = ""
    assert len(slack.messages) == 2, "once"


def test_one_that_is_down_or_drips_costs_a_few_seconds_and_its_address_is_said_nowhere() -> None:
    started = time.monotonic()
    with dripping() as url, pytest.raises(Untold, match="no answer within 1 s"):
        send(Webhook(url), NOTICE, seconds=1.0)
    assert time.monotonic() - started < 5
    for url in (f"http://127.0.0.1:9/{CANARY}", f"no url {CANARY}", f"https://nowhere.invalid/{CANARY}"):
        with pytest.raises(Untold) as refused:
            send(Webhook(url), NOTICE)
        assert CANARY not in str(refused.value)


def test_a_missing_secret_is_said_and_fails_nothing(told: Told, tmp_path: Path) -> None:
    made = Told(tmp_path, {})
    with made.telling.of("deploy"):
        pass
    assert made.said == ["nobody is told by it: the secret slack_webhook cannot be read"]


def test_an_interrupted_run_waits_for_nobody_and_is_told_by_the_next_one(told: Told, slack: Slack) -> None:
    with pytest.raises(KeyboardInterrupt), told.telling.of("deploy"):
        raise KeyboardInterrupt
    assert len(slack.messages) == 1
    with told.telling.of("drift", begin=False) as outcome:
        outcome.state = ""
    assert texts(slack)[-1].startswith("❌ *uat: deploy failed (interrupted)*")


def test_what_cannot_be_told_is_handed_to_the_machine_where_another_runner_finds_it(
    told: Told, slack: Slack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs = {"containers": {"api": "api-1"}, "docker_host": ""}
    told.resources = [{"type": "pulumi:pulumi:Stack", "urn": "stack", "outputs": outputs}]
    there = tmp_path / "state" / "jira-plus-plus" / "uat" / "untold"
    slack.refuse(500)
    with told.telling.of("deploy"):
        pass
    assert len(there.read_text().splitlines()) == 2
    assert there.stat().st_mode & 0o077 == 0
    assert "rehearsed" not in there.read_text(), "the webhook's secret part"
    assert list((tmp_path / "state" / "jira-plus-plus" / "untold").glob("*")) == []
    slack.accept()
    with told.telling.of("drift", begin=False) as outcome:
        outcome.state = ""
    assert len(slack.messages) == 2
    assert not there.exists()


def test_a_machine_that_cannot_be_asked_keeps_nothing_and_fails_nothing(told: Told, slack: Slack) -> None:
    outputs = {"containers": {"api": "api-1"}, "ssh": "false deploy@127.0.0.1"}
    told.resources = [{"type": "pulumi:pulumi:Stack", "urn": "stack", "outputs": outputs}]

    @contextmanager
    def shut() -> Iterator[None]:
        raise DeploymentFailed("port 22 is shut", Journal())
        yield

    told.deployment.way_in = shut
    slack.refuse(500)
    with told.telling.of("deploy"):
        pass
    assert told.said[-1] == "what could not be told stays on this machine: port 22 is shut"


def test_a_channel_that_is_away_is_waited_for_once_at_the_begin_and_once_at_the_end(
    told: Told, slack: Slack
) -> None:
    slack.refuse(500)
    for _ in range(2):
        with told.telling.of("deploy"):
            pass
    # The second run tries the first of what is kept, its begin, its end; and not again what it hands over.
    assert len(slack.requests) == 2 + 3


def test_neither_a_full_disk_nor_a_state_that_cannot_be_read_fails_a_run(
    told: Told, slack: Slack, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> Any:
        raise OSError("No space left on device")

    monkeypatch.setattr(Here, "write", broken)
    slack.refuse(500)
    told.deployment.resources = broken
    told.settings(slack=True)
    with told.telling.of("drift", begin=False):
        pass
    assert told.said[0] == "what is kept of former runs cannot be told: No space left on device"
    assert "it cannot be kept for a later run either: No space left on device" in told.said
    assert told.said[-1] == "what could not be told stays on this machine: No space left on device"


def test_what_a_commit_says_wakes_nobody_up_and_is_cut_at_a_screen(slack: Slack) -> None:
    loud = Notice("uat", "deploy", "begun", "", ("by Ada <!channel> & co", "x" * 2 * LONGEST), "")
    send(Webhook(slack.webhook), loud)
    (text,) = texts(slack)
    assert "by Ada &lt;!channel&gt; &amp; co" in text
    assert len(text) < LONGEST + 100


def test_a_mail_goes_over_tls_and_with_the_login(
    told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "authorities.pem").write_text(certificate(tmp_path, "localhost"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authorities.pem"))
    with mail_server(tmp_path / "served.pem") as server:
        mail = {
            "smtp_host": "localhost",
            "smtp_port": server.port,
            "sender": "a@example.com",
            "to": "b@example.com",
        }
        told.settings(email={**mail, "username": "ada"})
        with told.telling.of("deploy"):
            pass
        assert server.logins == ["ada canary-password"] * 2
        assert [line for mail in server.mails for line in mail.splitlines() if line.startswith("To:")] == [
            "To: b@example.com"
        ] * 2
        assert "by ada" in server.mails[0]
        monkeypatch.delenv("SSL_CERT_FILE")
        with told.telling.of("drill", begin=False):
            pass
    assert told.said == [
        "mail was not told that uat: drill done after 0:00 (localhost: SSLCertVerificationError): a later "
        "run tells it; see docs/runbook.md, Nobody was told"
    ]


def test_only_the_newest_are_kept_and_what_is_no_notice_is_left_out(tmp_path: Path) -> None:
    here = Here(tmp_path / "untold" / "uat")
    here.write([("Slack", Notice("uat", f"deploy {number}", "done")) for number in range(KEPT + 5)])
    here.file.write_text(f"{here.file.read_text()}no JSON\n{{}}\n")
    kept = here.read()
    assert (len(kept), kept[0][1].what) == (KEPT, "deploy 5")
    here.write([])
    assert not here.file.exists()


def test_a_run_of_ci_names_who_began_it_and_where_it_is_read(tmp_path: Path) -> None:
    ci = {
        "GITHUB_ACTOR": "ada",
        "GITHUB_RUN_ID": "7",
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_REPOSITORY": "example-org/server",
    }
    assert who(tmp_path, ci) == ["by ada", "https://github.com/example-org/server/actions/runs/7"]
    assert who(Path(__file__).parent, {"USER": "ada"})[0].startswith("by ")


JOURNAL = """#!/bin/sh
# Of the arguments that journalctl gets the last is the tag.
for tag; do :; done
cat "$JOURNAL/$tag" 2>/dev/null
"""


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a server's journal, a file for each tag."""
    folder = tmp_path / "journal"
    folder.mkdir()
    for name, text in (("sudo", '#!/bin/sh\nexec "$@"\n'), ("journalctl", JOURNAL)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("JOURNAL", str(folder))
    return folder


def pull(ago: int, image: str, tag: str) -> str:
    """As the filter of watchtower logs what it refuses."""
    at = int(time.time()) - ago
    asked = f"/v1.44/images/create?fromImage={image.replace('/', '%2F')}&tag={tag}"
    return (
        f"{at}.123456 uat-server jira-uat-socket-watchtower[71]: 172.18.0.3:4 [29/Nov/2026:05:30:01] filter "
        f'filter/<NOSRV> 0/-1/-1/-1/0 403 192 - - PR-- 1/1/0/0/0 0/0 "POST {asked} HTTP/1.1"\n'
    )


def test_what_the_watchers_have_done_is_told_once(
    told: Told, slack: Slack, journal: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(DATA, "hetzner", str(tmp_path))
    told.settings(host="hetzner", slack=True)
    told.resources = [{"type": "pulumi:pulumi:Stack", "urn": "stack", "outputs": {"containers": {}}}]
    line = f"{int(time.time()) - 60}.5 uat-server jira-uat-autoheal[7]: api-1 (0a1b) "
    failed = "is unhealthy, and its restart failed: curl: (28) timed out"
    (journal / "jira-uat-autoheal").write_text(
        f"{line}was unhealthy and has been restarted\n" * 2 + f"{line}{failed}\n{line}Docker answers again\n"
    )
    (journal / "jira-uat-socket-watchtower").write_text(
        pull(3600, "docker.io/library/postgres", "15.20") + pull(60, "docker.io/library/postgres", "15.20")
    )
    told.telling.of_the_watchers()
    assert texts(slack) == [
        "⚠ *uat: news of the watchers*\n"
        "autoheal: api-1 was restarted, 2 times\n"
        "autoheal: api-1 could not be restarted\n"
        "watchtower: docker.io/library/postgres:15.20 is another image by now"
    ]
    assert abs(int((tmp_path / "watchers").read_text()) - time.time()) < 60
    # The next morning it says the same again.
    (tmp_path / "watchers").write_text(str(int(time.time()) - 1800))
    (journal / "jira-uat-autoheal").unlink()
    told.telling.of_the_watchers()
    assert len(slack.messages) == 1


def test_watchers_that_cannot_be_asked_fail_nothing(told: Told, slack: Slack) -> None:
    told.settings(host="hetzner", slack=True)
    outputs = {"containers": {}, "ssh": "ssh -p 9 -o StrictHostKeyChecking=no deploy@127.0.0.1"}
    told.resources = [{"type": "pulumi:pulumi:Stack", "urn": "stack", "outputs": outputs}]
    told.telling.of_the_watchers()
    (said,) = told.said
    assert said.startswith("the watchers at deploy@127.0.0.1 cannot be asked: ssh: connect to host 127.0.0.1")
