"""Who hears of a run: a channel of Slack, and who gets its mails.

An address of Slack's is a password: whoever has it may write there. So no message of an error is passed on,
for those of `requests` quote it.
"""

from __future__ import annotations

import smtplib
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any, Protocol
from urllib.parse import urlsplit

import requests

from operations.notices.notice import Notice

SECONDS = 5.0
"""For one notice and one channel, however slowly that answers. A run waits no longer."""
TLS_FROM_THE_FIRST = 465


class Untold(Exception):
    """A channel did not take a notice; the message says why, and holds no secret."""


class Channel(Protocol):
    """Somebody who can be told."""

    @property
    def name(self) -> str:
        """As a person calls it."""

    def send(self, notice: Notice, late: bool) -> None:
        """Tells it.

        Raises:
            Untold: it did not come about.
        """


@dataclass(frozen=True)
class Slack:
    """An incoming webhook: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks"""

    url: str
    name: str = "Slack"

    def send(self, notice: Notice, late: bool) -> None:
        """See `Channel`."""
        body = f"{notice.sign} *{_escaped(notice.title)}*\n{_escaped(notice.text(late))}".rstrip()
        try:
            answer = requests.post(self.url, json={"text": body}, timeout=SECONDS, allow_redirects=False)
        except (requests.RequestException, ValueError) as error:
            raise Untold(f"{urlsplit(self.url).hostname}: {type(error).__name__}") from None
        if answer.status_code != requests.codes.ok:
            raise Untold(f"{urlsplit(self.url).hostname} answers {answer.status_code}")


def _escaped(text: str) -> str:
    """As Slack wants it; without, a commit's subject such as `<!channel>` would wake everybody up."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


@dataclass(frozen=True)
class Mail:
    """A mail server, as `components.settings.notifications.Mail` describes it."""

    settings: Mapping[str, Any]
    password: str | None
    name: str = "mail"

    def send(self, notice: Notice, late: bool) -> None:
        """See `Channel`."""
        given = self.settings
        message = EmailMessage()
        message["Subject"] = f"{notice.sign} {' '.join(notice.title.split())}"
        message["From"], message["To"] = given["sender"], given["to"]
        message.set_content(notice.text(late) or notice.title)
        host, port = str(given["smtp_host"]), int(given.get("smtp_port") or 587)
        context = ssl.create_default_context()
        try:
            with (
                smtplib.SMTP_SSL(host, port, timeout=SECONDS, context=context)
                if port == TLS_FROM_THE_FIRST
                else smtplib.SMTP(host, port, timeout=SECONDS)
            ) as server:
                if port != TLS_FROM_THE_FIRST:
                    server.starttls(context=context)
                if given.get("username"):
                    server.login(str(given["username"]), self.password or "")
                server.send_message(message)
        except (OSError, smtplib.SMTPException) as error:
            raise Untold(f"{host}: {type(error).__name__}") from None


def send(channel: Channel, notice: Notice, late: bool = False, seconds: float = SECONDS) -> None:
    """Tells it, or gives up after `seconds`: one that sends a byte now and then resets each other timeout.

    Raises:
        Untold: it did not come about, as far as is known.
    """
    failed: list[Exception] = []
    # One that is given up ends with this process, which does not wait for it.
    thread = threading.Thread(target=_caught(lambda: channel.send(notice, late), failed), daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise Untold(f"no answer within {seconds:.0f} s")
    if failed:
        raise failed[0]


def _caught(work: Callable[[], None], failed: list[Exception]) -> Callable[[], None]:
    def caught() -> None:
        try:
            work()
        except Exception as error:  # none may pass: a thread's is printed, with the address
            failed.append(error if isinstance(error, Untold) else Untold(type(error).__name__))

    return caught
