"""How a large SDK is imported."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected(module: str) -> Iterator[None]:
    """Spares what is made while `module` is imported from the garbage collector, then and later.

    Cloudflare's SDK makes a million that stay. To look through them for garbage, again and again, takes a
    quarter of its import and a fifth of what the program does afterwards.
    """
    if module in sys.modules or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()
