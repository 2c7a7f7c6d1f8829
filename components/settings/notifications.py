"""Who is told of alerts, releases, drift and drills; addresses that are passwords are secrets."""

from typing import Annotated

from pydantic import Field

from components.settings.email import Email
from components.settings.number import between
from components.settings.section import Section
from components.settings.text import matching


class Mail(Section):
    """One mail an event, over TLS (STARTTLS; on port 465 from the first byte)."""

    smtp_host: Annotated[
        str,
        matching(
            r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?",
            "is no host",
            "write the mail server's name alone, e.g. smtp.example.com",
        ),
    ] = Field(
        description="mail server that takes mails for `to`; its certificate must be valid for this name"
    )
    smtp_port: Annotated[int, between(1, 65535)] = Field(
        587, description="its port; on 25 and 465 Hetzner lets no server of a new account out"
    )
    sender: Email = Field(description="address that the mails are from")
    to: Email = Field(description="address that gets them: a group's, so that the stack file names nobody")
    username: (
        Annotated[str, matching(r"\S+", "is no user name", "write the name that smtp_password belongs to")]
        | None
    ) = Field(None, description="login, if the server wants one; its password is smtp_password")


class Notifications(Section):
    """Who is told, and how. The URLs are secrets: whoever has one may write there."""

    slack: bool = Field(
        False,
        description="tells a channel of Slack, or of what speaks as Slack does; needs the secret "
        "`slack_webhook`",
    )
    email: Mail | None = Field(None, description="mails alerts as well")
    heartbeat: bool = Field(
        False,
        description="calls a dead man's switch every few minutes, which tells when the calls stop; needs the "
        "secret `heartbeat_url`",
    )

    @property
    def tells(self) -> bool:
        """Whether anybody hears of an alert."""
        return self.slack or self.email is not None
