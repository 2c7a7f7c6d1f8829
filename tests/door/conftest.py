"""The door that the tests of this folder stand before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rehearsal.images import ImageError, catalogue, wheel
from tests.door.door import Door, opened


@pytest.fixture(scope="session")
def traefik() -> Path:
    """The program of the stand-in's image, which is the stack files' release."""
    (program,) = catalogue.image("traefik").programs
    assert isinstance(program, catalogue.Wheel)
    try:
        return wheel.program(program)
    except ImageError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def door(traefik: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """As it stands behind Cloudflare."""
    with opened(tmp_path_factory.mktemp("door"), traefik) as door:
        yield door
