"""An incoming webhook of Slack.

https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks, "Handling errors": what it answers,
and that `ok` alone is success. The fields:
https://docs.slack.dev/legacy/legacy-messaging/legacy-secondary-message-attachments
"""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass
from typing import Any

from rehearsal.receivers.door import Answer, Door, Request

PATH = "/services/T00000000/B00000000/rehearsed"
"""The secret of the webhook; any other path is none's."""
MOST_ATTACHMENTS = 100
LONGEST_TEXT = 40_000
SHORTEST_PAUSE_SECONDS = 1.0
"""One message a second and channel, short bursts apart (https://docs.slack.dev/apis/web-api/rate-limits)."""
BURST = 5
COLOUR = re.compile(r"good|warning|danger|#[0-9A-Fa-f]{6}")
_LINK = re.compile(r"<(https?://|mailto:|@|#|!)[^<>]*>")
_ESCAPED = re.compile(r"&(amp|lt|gt);")
_TEXTS = ("fallback", "pretext", "title", "title_link", "text", "footer", "author_name", "image_url")


@dataclass(frozen=True)
class Message:
    """What the channel shows; `raw` is the JSON as it came."""

    at: float
    title: str
    text: str
    colour: str
    raw: dict[str, Any]


class Slack(Door):
    """The webhook; `messages` are in the channel, oldest first."""

    def __init__(self, address: str = "127.0.0.1", port: int = 0, name: str = "") -> None:
        super().__init__(address, port, name)
        self.messages: list[Message] = []
        self.mistakes: list[str] = []
        """What Slack would take, and show otherwise than it was meant."""

    @property
    def webhook(self) -> str:
        """The URL that a stack is given."""
        return f"{self.url}{PATH}"

    def answer(self, request: Request) -> Answer:
        """What Slack answers; what it takes is in `messages` then."""
        if request.path != PATH:
            return Answer(404, "no_service")
        if request.method != "POST":
            return Answer(405, "method_not_allowed")
        if not request.headers.get("content-type", "").startswith("application/json"):
            return Answer(400, "invalid_payload")
        try:
            payload = json.loads(request.body)
        except ValueError:
            return Answer(400, "invalid_payload")
        if not isinstance(payload, dict):
            return Answer(400, "invalid_payload")
        if refused := _refused(payload):
            return Answer(400, refused)
        now = time.time()
        with self.lock:
            recent = [one for one in self.messages if now - one.at < BURST * SHORTEST_PAUSE_SECONDS]
            if len(recent) >= BURST:
                return Answer(429, "rate_limited", {"Retry-After": "5"})
            first: dict[str, Any] = next(iter(payload.get("attachments") or []), {})
            text = "\n".join(filter(None, (payload.get("text"), first.get("text"))))
            self.mistakes += _mistakes(text) + _mistakes(first.get("title") or "")
            self.messages.append(
                Message(now, first.get("title") or "", text, first.get("color") or "", payload)
            )
        return Answer(200, "ok", {"Content-Type": "text/html"})


def _refused(payload: dict[str, Any]) -> str | None:
    """Why Slack does not take it, in its words."""
    attachments = payload.get("attachments") or []
    if not isinstance(attachments, list) or not all(isinstance(one, dict) for one in attachments):
        return "invalid_attachments"
    if len(attachments) > MOST_ATTACHMENTS:
        return "too_many_attachments"
    texts = [payload.get("text"), *(one.get(name) for one in attachments for name in _TEXTS)]
    if any(text is not None and not isinstance(text, str) for text in texts):
        return "invalid_payload"
    shown = [payload.get("text"), *(one.get(name) for one in attachments for name in ("text", "title"))]
    if not any(text and text.strip() for text in shown) and not payload.get("blocks"):
        return "no_text"
    if any(text and len(text) > LONGEST_TEXT for text in texts):
        return "msg_too_long"
    if any(one.get("color") and not COLOUR.fullmatch(one["color"]) for one in attachments):
        return "invalid_attachments"
    return None


def _mistakes(text: str) -> list[str]:
    """What in a text Slack would read as markup of its own."""
    rest = _ESCAPED.sub("", _LINK.sub("", text))
    return [f"{character!r} is not escaped in {text!r}" for character in "&<>" if character in rest]
