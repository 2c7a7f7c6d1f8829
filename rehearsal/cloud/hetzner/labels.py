"""Labels and what selects by them: https://docs.hetzner.cloud/reference/cloud, "Label Selector"."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from rehearsal.cloud.errors import invalid

_NAME = r"[a-zA-Z0-9](?:[a-zA-Z0-9._-]{0,61}[a-zA-Z0-9])?"
_PREFIX = r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?"
KEY = re.compile(rf"(?:(?P<prefix>{_PREFIX})/)?{_NAME}")
VALUE = re.compile(rf"(?:{_NAME})?")

_TERM = re.compile(
    rf"""\s*(?:
        !\s*(?P<absent>{KEY.pattern.replace("prefix", "p1")})
      | (?P<set_key>{KEY.pattern.replace("prefix", "p2")})\s+(?P<verb>in|notin)\s*\((?P<values>[^)]*)\)
      | (?P<key>{KEY.pattern.replace("prefix", "p3")})\s*(?:(?P<sign>==|=|!=)\s*(?P<value>{VALUE.pattern}))?
    )\s*(?:,|$)""",
    re.VERBOSE,
)


def check_labels(value: Any) -> dict[str, str]:
    """Labels from a request; a missing field is no labels.

    Raises:
        HetznerError: invalid_input, naming the label.
    """
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise invalid("labels", "must be an object")
    for key, text in value.items():
        match = KEY.fullmatch(key)
        if not match:
            raise invalid("labels", f"label key '{key}' is not correctly formatted")
        if (match["prefix"] or "") == "hetzner.cloud":
            raise invalid("labels", f"label key '{key}' uses the reserved prefix hetzner.cloud/")
        if not isinstance(text, str) or not VALUE.fullmatch(text):
            raise invalid("labels", f"value of label '{key}' is not correctly formatted")
    return dict(value)


def selects(selector: str, labels: Mapping[str, str]) -> bool:
    """Whether labels match a selector.

    Raises:
        HetznerError: invalid_input for a selector that cannot be read.
    """
    position, every = 0, True
    # Reads to the end whatever the outcome, so that what cannot be read is refused for any labels.
    while selector[position:].strip():
        term = _TERM.match(selector, position)
        if term is None or term.end() == position:
            raise invalid("label_selector", f"cannot be read at '{selector[position:]}'")
        position = term.end()
        if term["absent"]:
            hit = term["absent"] not in labels
        elif term["set_key"]:
            among = labels.get(term["set_key"]) in [item.strip() for item in term["values"].split(",")]
            # A missing key is among nothing, so `notin` holds, as it does for `!=`.
            hit = among if term["verb"] == "in" else not among
        elif term["sign"]:
            equal = labels.get(term["key"]) == term["value"]
            hit = not equal if term["sign"] == "!=" else equal
        else:
            hit = term["key"] in labels
        every = every and hit
    return every
