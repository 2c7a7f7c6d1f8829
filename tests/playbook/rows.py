"""The rows that there are before a release: by the columns of that moment, as it may add some."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .target import Target
from .wholeness import sql

TABLES = ("issues", "users")
REWRITTEN = "password_hash"
"""Each migration gives the administrator's password a new salt."""
LEDGERS = {
    "migrations": "name || ' ' || applied_at",
    "_prisma_migrations": "migration_name || ' ' || coalesce(finished_at::text, 'unfinished')",
}
"""Where a migration notes itself, by table: the stand-in's, and Prisma's."""


@dataclass(frozen=True)
class Rows:
    """Those of `TABLES`."""

    columns: Mapping[str, str]
    """Of each table, as SQL."""
    last: Mapping[str, int]
    """The highest id of each; later rows are another's."""

    @classmethod
    def now(cls, target: Target) -> Rows:
        """Those of this moment."""
        columns, last = {}, {}
        for table in TABLES:
            columns[table] = sql(
                target,
                "SELECT string_agg(quote_ident(column_name), ', ' ORDER BY column_name) "
                "FROM information_schema.columns "
                f"WHERE table_name = '{table}' AND column_name <> '{REWRITTEN}'",
            )
            last[table] = int(sql(target, f"SELECT coalesce(max(id), 0) FROM {table}"))
        return cls(columns, last)

    def digest(self, target: Target) -> str:
        """Of their content as it is now, and how many they are."""
        return " ".join(
            sql(
                target,
                f"SELECT count(*), md5(coalesce(string_agg(ROW({columns})::text, ',' ORDER BY id), '')) "
                f"FROM {table} WHERE id <= {self.last[table]}",
            )
            for table, columns in self.columns.items()
        )


def migrations(target: Target) -> list[str]:
    """Those that ran, each with when it did, as their table has it.

    Raises:
        AssertionError: there is no such table.
    """
    for table, entry in LEDGERS.items():
        if sql(target, f"SELECT to_regclass('{table}')"):
            return sql(target, f"SELECT {entry} FROM {table} ORDER BY 1").splitlines()
    raise AssertionError(f"no migration was noted: the database has none of {', '.join(LEDGERS)}")
