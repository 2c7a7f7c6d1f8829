"""A database in a folder, in Postgres 15, and images of two major versions."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.live.upgrade.disk import Disk, stood


@pytest.fixture
def disk(built: Callable[..., dict[str, str]]) -> Iterator[Disk]:
    images = built("postgres", "postgres_17")
    with stood(images["postgres"], images["postgres_17"]) as disk:
        yield disk
