"""The server of the services' tests."""

from collections.abc import Iterator

import pytest

from tests.components.services.conftest import Server, started


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A fresh server of this module's own."""
    with started() as found:
        yield found
