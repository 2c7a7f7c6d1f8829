"""The engine's provider protocol (gRPC messages and stubs), loaded without the Pulumi SDK.

The messages ship inside the SDK, but importing `pulumi.runtime.proto` first runs `pulumi/__init__.py`, which
costs about 300 ms a plugin. Bare stand-in packages with the right search path spare that, and are taken away
again, so that a later `import pulumi` in the same process (a test) finds nothing changed.
"""

from __future__ import annotations

import importlib.util
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc

_PACKAGES = ("pulumi", "pulumi.runtime", "pulumi.runtime.proto")


@contextmanager
def bare_packages() -> Iterator[None]:
    """Let the message modules be imported without running the SDK's package files."""
    if "pulumi" in sys.modules:
        yield
        return
    spec = importlib.util.find_spec("pulumi")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(
            "the Python package pulumi is not installed: pip install -r requirements.txt"
        )
    root = Path(spec.submodule_search_locations[0]).parent
    for name in _PACKAGES:
        package = types.ModuleType(name)
        package.__path__ = [str(root.joinpath(*name.split(".")))]
        sys.modules[name] = package
    try:
        yield
    finally:
        for name in _PACKAGES:
            sys.modules.pop(name, None)


with bare_packages():
    from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2


def engine_log_stub(address: str) -> tuple[grpc.Channel, Any, Any]:
    """A channel to the engine's own service (for log lines), its messages and its stub; loaded only when
    wanted."""
    with bare_packages():
        from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc
    channel = grpc.insecure_channel(address)
    return channel, engine_pb2, engine_pb2_grpc.EngineStub(channel)


__all__ = ["engine_log_stub", "grpc", "plugin_pb2", "provider_pb2", "provider_pb2_grpc", "status_pb2"]
