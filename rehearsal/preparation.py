"""What the tests need and takes minutes once: the engine, an ACME server, Docker's daemon, the images.

`python -m rehearsal.preparation` shows the progress, and says what could not be made; the tests that need it
are skipped then, with the same words. A test that built it would do so unseen, and within its own time limit.
"""

from __future__ import annotations

import sys

from operations import golang
from operations.beside import Beside
from operations.engine import EngineMissing, engine
from rehearsal import acme, dockerd
from rehearsal.images import ImageError, builder


def main() -> None:
    """Makes what can be made."""
    trouble = dockerd.ensure(_say)
    images = None if trouble else Beside(lambda: builder.build(say=builder.only_work(_say)))
    try:
        engine(_say)
    except EngineMissing as error:
        print(error, file=sys.stderr)
    try:
        acme.program(_say)
    except (golang.GoMissing, golang.BuildFailed) as error:
        print(error, file=sys.stderr)
    try:
        if images:
            images.future.result()
        else:
            print(trouble, file=sys.stderr)
    except ImageError as error:
        print(error, file=sys.stderr)


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    main()
