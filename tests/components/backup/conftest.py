"""The server of the services' tests, and where its backups go."""

import shutil
from pathlib import Path

import pytest

from tests.components.services.conftest import Server, give, server

__all__ = ["server"]


@pytest.fixture
def backups(server: Server) -> Path:
    """An empty folder for backups, and three databases of which one holds rows."""
    assert server.make_roles().returncode == 0
    server.sql(
        "jira",
        "drop table if exists issues cascade; create table issues (id serial primary key, title text);"
        "insert into issues (title) select 'issue ' || i from generate_series(1, 5000) i;"
        "create view titles as select title from issues",
        user="jira",
    )
    folder = server.folder / "backups"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    give(folder)
    return folder
