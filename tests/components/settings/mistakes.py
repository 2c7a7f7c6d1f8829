"""Loads settings that are wrong, and hands back what was said about them."""

from collections.abc import Mapping
from typing import Any

import pytest

from components.settings import SettingsError, load
from rehearsal.declared.stacks import ENVIRONMENT, SECRETS, changed, configured, released, stack_file

ACME = {"tls.mode": "dns-01", "tls.acme_email": "ops@example.com"}
"""Lets Traefik get its certificates from Let's Encrypt, for which it needs a secret."""


def mistakes(
    changes: Mapping[str, Any],
    stack: str = "uat",
    secrets: Mapping[str, str] = SECRETS,
    environment: Mapping[str, str] = ENVIRONMENT,
) -> list[str]:
    """Each mistake in `stack` with `changes`, as the person reads it."""
    config = configured(changed(released(stack_file(stack)), changes), secrets)
    with pytest.raises(SettingsError) as caught:
        load(config, environment)
    head, *lines = str(caught.value).split("\n")
    number = "1 mistake" if len(lines) == 1 else f"{len(lines)} mistakes"
    assert head == f"{number} in the settings of this stack (nothing was created or changed):"
    return [line.removeprefix("  ") for line in lines]
