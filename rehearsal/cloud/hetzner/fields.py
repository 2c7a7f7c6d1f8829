"""Reads the fields of a request's body, refusing in Hetzner's words."""

from __future__ import annotations

import re
from typing import Any

from rehearsal.cloud.errors import HetznerError, invalid
from rehearsal.cloud.hetzner.labels import check_labels
from rehearsal.cloud.messages import Request
from rehearsal.cloud.records import Record

MAX_USER_DATA = 32 * 1024

HOSTNAME = re.compile(
    r"(?=.{1,253}$)[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*"
)
RESOURCE_NAME = re.compile(r"[a-zA-Z0-9](?:[a-zA-Z0-9._-]{0,62}[a-zA-Z0-9])?")


class Fields:
    """The members of a JSON object; every reader raises `invalid_input` with the field's name."""

    def __init__(self, request: Request) -> None:
        """Takes the body, where no body is an empty one.

        Raises:
            HetznerError: the body is no object.
        """
        body = {} if request.body is None else request.body
        if not isinstance(body, dict):
            raise HetznerError("invalid_input", "request body must be a JSON object")
        self.values: Record = body

    def has(self, name: str) -> bool:
        """Whether the field is there with a value."""
        return self.values.get(name) is not None

    def text(self, name: str, default: str | None = None) -> str:
        """A string; required unless it has a default."""
        value = self.values.get(name, default)
        if value is None:
            raise invalid(name, "missing data for required field")
        if not isinstance(value, str):
            raise invalid(name, "must be a string")
        return value

    def choice(self, name: str, choices: tuple[str, ...], default: str | None = None) -> str:
        """One of some strings."""
        value = self.text(name, default)
        if value not in choices:
            raise invalid(name, f"must be one of {', '.join(choices)}")
        return value

    def number(self, name: str) -> int:
        """A required whole number."""
        value = self.values.get(name)
        if value is None:
            raise invalid(name, "missing data for required field")
        if not isinstance(value, int) or isinstance(value, bool):
            raise invalid(name, "must be an integer")
        return value

    def flag(self, name: str, *, default: bool) -> bool:
        """A boolean."""
        value = self.values.get(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise invalid(name, "must be a boolean")
        return value

    def items(self, name: str) -> list[Any]:
        """An array; missing is empty."""
        value = self.values.get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            raise invalid(name, "must be an array")
        return value

    def reference(self, name: str) -> str | int:
        """A required id or name."""
        value = self.values.get(name)
        if value is None or value == "":
            raise invalid(name, "missing data for required field")
        if not isinstance(value, (str, int)) or isinstance(value, bool):
            raise invalid(name, "must be an ID or a name")
        return value

    def labels(self) -> dict[str, str]:
        """The labels."""
        return check_labels(self.values.get("labels"))

    def hostname(self) -> str:
        """A server's name: a hostname as of RFC 1123."""
        value = self.text("name")
        if not HOSTNAME.fullmatch(value):
            raise invalid("name", "Name must be a valid hostname.")
        return value

    def resource_name(self, limit: int = 64) -> str:
        """The name of anything else."""
        value = self.text("name")
        if not value:
            raise invalid("name", "is too short")
        if len(value) > limit:
            raise invalid("name", "is too long")
        return value

    def volume_name(self) -> str:
        """Letters, digits, dashes, underscores, dots; letters or digits at both ends; at most 64."""
        value = self.text("name")
        if not RESOURCE_NAME.fullmatch(value):
            raise invalid("name", "is not correctly formatted")
        return value

    def user_data(self) -> str:
        """cloud-init's input, at most 32 KiB."""
        value = self.text("user_data", "")
        if len(value.encode()) > MAX_USER_DATA:
            raise invalid("user_data", "is too long")
        return value
