"""What another stack gets of this one's rows: by rules for each table and column, and nothing without one."""

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from components.settings.bucket import Bucket
from components.settings.problem import wrong
from components.settings.text import matching

WORDS = ("keep", "null", "empty", "email", "name", "text", "hash", "number")
EVERY = "*"
"""In place of a column's name: of all rows of the table."""
_LISTED = f"{', '.join(WORDS)} or fixed:<value>"


def _null(value: object) -> object:
    """YAML has it for a value of its own."""
    return "null" if value is None else value


def _rule(value: str) -> str:
    if value not in WORDS and not value.startswith("fixed:"):
        raise wrong("is no rule", f"use {_LISTED}")
    if re.search(r"[\t\r\n]", value):
        raise wrong("has a tab or a line break in it", "write a value of one line")
    return value


def _columns(columns: dict[str, str]) -> dict[str, str]:
    if EVERY in columns and columns != {EVERY: "empty"}:
        raise wrong(
            'has more beside "*", or another rule for it',
            'write {"*": empty} alone, or a rule for each column: one that comes later must have its own',
        )
    return columns


Rule = Annotated[str, BeforeValidator(_null), AfterValidator(_rule)]
Table = Annotated[
    str,
    matching(
        r"(?!public\.)[^.\s\\]+(\.[^.\s\\]+)?",
        "is no name of a table",
        "write it as the database has it, capitals and all, with its schema before it unless that is public, "
        "e.g. User or billing.Invoice",
    ),
]
Column = Annotated[
    str,
    matching(r"[^\t\r\n\\]+", "is no name of a column", "write it as the database has it, e.g. createdAt"),
]


class Masked(Bucket):
    """A bucket of its own, which the stack that takes the rows may read.

    The keys are the secrets `masked_access_key` and `masked_secret_key`; what is in the bucket is encrypted
    with `masked_passphrase`. No other secret goes along.
    """

    rules: dict[Table, Annotated[dict[Column, Rule], AfterValidator(_columns)]] = Field(
        description=f'what becomes of each column of each table: {_LISTED}; {{"*": empty}}: of all its rows'
    )

    def lines(self) -> str:
        """The rules as masking.sql takes them."""
        rows = [(table, *rule) for table, columns in self.rules.items() for rule in columns.items()]
        return "".join("\t".join(row).replace("\\", "\\\\") + "\n" for row in rows)
