"""Seconds and MB/s of a move to another major version of Postgres: see docs/bench.md."""

from __future__ import annotations

import argparse
import re

from bench.data import FILL, ROW_BYTES
from operations.upgrade import MB_PER_SECOND, OVERHEAD_SECONDS
from rehearsal.images import builder
from tests.live.upgrade.disk import stood

TIMES = 1.5
"""Limit: of what a plan says beforehand."""


def main() -> int:
    """Exit codes: 0 none took longer than the limit, 1 one did."""
    parser = argparse.ArgumentParser(prog="python -m bench.upgrade", description=__doc__)
    parser.add_argument("--sizes", nargs="+", type=int, default=[100, 1000], help="MB (default: 100 1000)")
    arguments = parser.parse_args()
    images = builder.build(("postgres", "postgres_17"))
    print("| database | nobody writes for | said before |\n|---|---|---|", flush=True)
    holds = True
    for size in arguments.sizes:
        with stood(images["postgres"], images["postgres_17"]) as disk:
            disk.sql(FILL.format(rows=size * 2**20 // ROW_BYTES))
            megabytes = int(disk.sql("select pg_database_size('jira') >> 20"))
            done = disk.script("move")
            found = re.search(r"all is moved, in (\d+) s", done.stdout)
            if not found:
                raise SystemExit(done.stdout)
        said = megabytes // MB_PER_SECOND + OVERHEAD_SECONDS
        print(f"| {megabytes} MB | {found[1]} s | {said} s |", flush=True)
        holds &= int(found[1]) <= TIMES * said
    return 0 if holds else 1


if __name__ == "__main__":
    raise SystemExit(main())
