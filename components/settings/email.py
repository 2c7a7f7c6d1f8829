"""Addresses of mail, checked for plausibility only: whether one exists, only a mail can tell."""

import re
from typing import Annotated

from pydantic import AfterValidator

from components.settings.problem import wrong

_ADDRESS = re.compile(r"[^@\s,;<>]+@[a-z0-9-]+(\.[a-z0-9-]+)+", re.IGNORECASE)


def _email(value: str) -> str:
    if not _ADDRESS.fullmatch(value):
        raise wrong("is no mail address", "write one address, e.g. ops@example.com")
    return value


Email = Annotated[str, AfterValidator(_email)]
