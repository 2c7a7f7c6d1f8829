"""What is spared of Pulumi's SDK, counted rather than timed."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pulumi
import pytest
from pulumi.runtime import mocks, resource, stack
from pulumi.runtime.proto.source_pb2 import StackFrame, StackTrace

from components import sdk

RESOURCES = 60


class _Thing(pulumi.CustomResource):
    def __init__(self, name: str) -> None:
        super().__init__("test:index:Thing", name, {f"input{number}": number for number in range(10)})


class _Mocks(mocks.Mocks):
    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        return args.name, dict(args.inputs)

    def call(self, args: mocks.MockCallArgs) -> dict[str, Any]:
        return {}


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Callable[[], Awaitable[Any]]]]:
    """What the program gave `pulumi.run`; what it changes is put back."""
    found: list[Callable[[], Awaitable[Any]]] = []
    monkeypatch.setattr(pulumi, "run", found.append)
    monkeypatch.setattr(pulumi.log, "debug", pulumi.log.debug)
    # Another test of this process may have spared it already.
    monkeypatch.setattr(resource, "_get_stack_trace", lambda: StackTrace(frames=[StackFrame()]))
    threshold = gc.get_threshold()
    yield found
    gc.set_threshold(*threshold)
    asyncio.set_event_loop(asyncio.new_event_loop())  # `asyncio.run` leaves none, and mocks want one


def together(monkeypatch: pytest.MonkeyPatch, ends: list[Callable[[], Awaitable[Any]]]) -> int:
    """How many futures at most the SDK has waited for together until all was registered."""
    most = 0
    wait = asyncio.wait

    def counting(pending: Any, **more: Any) -> Any:
        nonlocal most
        most = max(most, len(pending))
        return wait(pending, **more)

    async def program() -> None:
        for number in range(RESOURCES):
            _Thing(f"thing-{number}")
        for end in ends:
            await end()

    async def everything() -> None:
        mocks.set_mocks(_Mocks(), project="jira-plus-plus", stack="uat", preview=False)
        await stack.run_pulumi_func(program)

    with monkeypatch.context() as patch:
        patch.setattr(asyncio, "wait", counting)
        asyncio.run(everything())
    return most


def test_the_sdk_waits_for_registrations_in_turn_and_not_for_all_outputs_at_once(
    monkeypatch: pytest.MonkeyPatch, ends: list[Callable[[], Awaitable[Any]]]
) -> None:
    before = together(monkeypatch, ends)
    sdk.spare()
    after = together(monkeypatch, ends)
    # How often it waits again, and for how many, is the speed of the machine; the first time is not.
    outputs = RESOURCES * 10
    assert before >= outputs, "what is spared is no longer there"
    assert after < outputs


def test_debug_lines_stay_here(monkeypatch: pytest.MonkeyPatch, ends: list[Any]) -> None:
    class Engine(mocks.MockEngine):
        def Log(self, request: Any) -> Any:  # noqa: N802 gRPC's name
            said.append(request.message)

    said: list[str] = []
    monkeypatch.setattr(pulumi.log, "get_engine", lambda: Engine(None))
    sdk.spare()
    pulumi.log.debug("of each resource")
    pulumi.log.warn("of one")
    assert said == ["of one"]


def test_the_engine_is_not_told_where_in_the_program_a_resource_is_made(
    monkeypatch: pytest.MonkeyPatch, ends: list[Any]
) -> None:
    class Engine(mocks.MockMonitor):
        def RegisterResource(self, request: Any) -> Any:  # noqa: N802 gRPC's name
            frames.append(len(request.stackTrace.frames))
            return super().RegisterResource(request)

    frames: list[int] = []
    monkeypatch.setattr(mocks, "MockMonitor", Engine)
    together(monkeypatch, ends)
    assert set(frames[-RESOURCES:]) == {1}, "what is spared is no longer there"
    sdk.spare()
    together(monkeypatch, ends)
    assert set(frames[-RESOURCES:]) == {0}
