"""The address that this machine has on the Internet."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping

import requests

OWN_ADDRESS_URL = "https://1.1.1.1/cdn-cgi/trace"
"""Cloudflare's, by an IPv4 address, so that the answer is one, too. The variable of this name wins."""
_REMEDY = "set OWN_ADDRESS_URL to a service that answers with the caller's IPv4 address"


class AddressUnknown(Exception):
    """The service did not answer, or with no address; the message names it and the remedy."""


def own_address(environment: Mapping[str, str]) -> str:
    """The IPv4 address that this machine is seen with, from the service at `OWN_ADDRESS_URL`.

    It may answer with the address alone, with lines of which one is `ip=…`, or with JSON that has an `ip`.

    Raises:
        AddressUnknown: see there.
    """
    url = environment.get("OWN_ADDRESS_URL") or OWN_ADDRESS_URL
    try:
        answer = requests.get(url, timeout=10)
        answer.raise_for_status()
    except requests.RequestException as error:
        raise AddressUnknown(f"{url} does not tell this machine's address ({error}); {_REMEDY}") from None
    found = re.search(r'(?:^|\bip"?\s*[=:]\s*"?)(\d+(?:\.\d+){3})\b', answer.text, re.MULTILINE)
    try:
        return str(ipaddress.IPv4Address(found[1] if found else ""))
    except ValueError:
        raise AddressUnknown(
            f"{url} answers with no IPv4 address: {answer.text[:100]!r}; {_REMEDY}"
        ) from None
