"""What Pulumi's SDK takes for a program of this size, and how most of it is spared."""

import asyncio
import gc

import pulumi
from pulumi.runtime import resource
from pulumi.runtime.proto.source_pb2 import StackTrace


def spare() -> None:
    """Called once, before the first resource; what it is worth is in docs/bench.md."""
    # Much is made here, little of it garbage: at Python's thresholds the search took a fifth of the time.
    gc.set_threshold(100_000, 20, 100)
    # Several to a resource, each a call to the engine that the whole program waits for. They are shown by
    # `pulumi up --debug` alone, which goes on to show the engine's and the plugins' own.
    pulumi.log.debug = _unsaid
    # Where each resource was made: thirty lines of each, with paths of this machine. They were a fifth of the
    # state, which is written whole with each step, and nothing reads them.
    resource._get_stack_trace = StackTrace
    pulumi.run(_begun)


def _unsaid(*_: object, **__: object) -> None:
    """In place of `pulumi.log.debug`."""


async def _begun() -> None:
    """Comes after the program's last line, and lets each registration begin.

    Then the SDK (`wait_for_rpcs` in pulumi/runtime/stack.py) waits for them, one after the other. Where it
    finds none that has begun, it waits for one of all outputs, of which there are thousands, and again for
    one of the others, and so on: that grows with the square of their number.
    """
    await asyncio.sleep(0)
