"""A small engine: it drives a provider plugin, official or stand-in, over its own protocol, one resource
after another.

What the real engine does beside (parallelism, its state file, its display) is left out, so that two plugins
can be compared call by call.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from google.protobuf import empty_pb2, struct_pb2

from rehearsal.plugins import marshal
from rehearsal.plugins.protocol import bare_packages, grpc, provider_pb2, provider_pb2_grpc
from rehearsal.plugins.provider import UNKNOWN, has_unknown

with bare_packages():
    from pulumi.runtime.proto import engine_pb2_grpc

Program = Mapping[str, tuple[str, dict[str, Any]]]
"""Name to token and inputs, in the order in which they are made."""
URN = "urn:pulumi:dev::project::{token}::{name}"
_SEVERITIES = ("debug", "info", "warning", "error")


@dataclass(frozen=True)
class Ref:
    """An input that is another resource's id (`kind` int or str), unknown while that is unknown."""

    name: str
    kind: type = str


@dataclass
class Known:
    """What the driver's state has of a resource."""

    token: str
    resource_id: str
    inputs: dict[str, Any]
    outputs: dict[str, Any]
    failed: bool = False


class _Engine(engine_pb2_grpc.EngineServicer):
    """The engine's own service: takes log lines."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []

    def Log(self, request: Any, context: Any) -> Any:  # noqa: N802 - the protocol's name
        self.lines.append((_SEVERITIES[request.severity], request.message))
        return empty_pb2.Empty()


@contextmanager
def started(command: list[str], environment: Mapping[str, str]) -> Iterator[Driver]:
    """A driver for the plugin that `command` starts, as the engine would start it."""
    engine = _Engine()
    server = grpc.server(ThreadPoolExecutor(4))
    engine_pb2_grpc.add_EngineServicer_to_server(engine, server)
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    process = subprocess.Popen(
        [*command, address],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **environment},
    )
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield Driver(provider_pb2_grpc.ResourceProviderStub(channel), engine, address)
    finally:
        process.terminate()
        process.communicate(timeout=10)
        server.stop(None)


@dataclass
class Driver:
    """One deployment through one plugin. Each operation answers what was done, as plain data."""

    stub: Any
    engine: _Engine
    address: str
    state: dict[str, Known] = field(default_factory=dict)

    def configure(self, package: str, **config: Any) -> list[str]:
        """Handshake, check and configure; the reasons why the configuration is refused."""
        with suppress(grpc.RpcError):  # plugins older than this call have none
            self.stub.Handshake(provider_pb2.ProviderHandshakeRequest(engine_address=self.address))
        urn = URN.format(token=f"pulumi:providers:{package}", name="default")
        news = marshal.encode(config)
        checked = self.stub.CheckConfig(provider_pb2.CheckRequest(urn=urn, news=news))
        if checked.failures:
            return [failure.reason for failure in checked.failures]
        self.stub.Configure(
            provider_pb2.ConfigureRequest(
                args=checked.inputs, acceptSecrets=True, acceptResources=True, sends_old_inputs=True
            )
        )
        return []

    def apply(self, program: Program, *, preview: bool = False) -> list[dict[str, Any]]:
        """Preview or update to the program, in its order; what is no longer in it goes last, in reverse."""
        done: list[dict[str, Any]] = []
        ids: dict[str, Any] = {}
        for name, (token, inputs) in program.items():
            entry = self._one(name, token, _resolved(inputs, ids), preview, done)
            ids[name] = entry.pop("id", UNKNOWN)
            done.append({"name": name, **entry})
            if "error" in entry or "failures" in entry:
                return done
        for name in [name for name in reversed(self.state) if name not in program]:
            if preview:
                done.append({"name": name, "op": "delete"})
            else:
                done.append(self.delete(name))
                if "error" in done[-1]:
                    return done
        return done

    def refresh(self) -> list[dict[str, Any]]:
        """Read everything."""
        return [self._read(name) for name in list(self.state)]

    def imported(self, name: str, token: str, resource_id: str) -> dict[str, Any]:
        """Read something that is not in the state by its id."""
        urn = URN.format(token=token, name=name)
        try:
            answer = self.stub.Read(provider_pb2.ReadRequest(urn=urn, id=resource_id))
        except grpc.RpcError as error:
            return {"error": error.details()}
        return {"id": answer.id, "inputs": _plain(answer.inputs), "outputs": _plain(answer.properties)}

    def _one(
        self, name: str, token: str, inputs: dict[str, Any], preview: bool, done: list[dict[str, Any]]
    ) -> dict[str, Any]:
        urn = URN.format(token=token, name=name)
        known = self.state.get(name)
        olds = marshal.encode(known.inputs if known else {})
        try:
            answer = self.stub.Check(
                provider_pb2.CheckRequest(
                    urn=urn, olds=olds, news=marshal.encode(inputs), randomSeed=b"seed" * 8
                )
            )
            if answer.failures:
                return {"failures": sorted(failure.reason for failure in answer.failures)}
            checked = marshal.decode(answer.inputs)
            if known is None:
                return self._create(urn, name, token, checked, preview, "create")
            return self._changed(urn, name, known, checked, preview, done)
        except grpc.RpcError as error:
            return {"error": error.details(), **self._kept(name, token, error)}

    def _changed(
        self,
        urn: str,
        name: str,
        known: Known,
        checked: dict[str, Any],
        preview: bool,
        done: list[dict[str, Any]],
    ) -> dict[str, Any]:
        old_inputs, old_outputs = marshal.encode(known.inputs), marshal.encode(known.outputs)
        news = marshal.encode(checked)
        diff = self.stub.Diff(
            provider_pb2.DiffRequest(
                urn=urn, id=known.resource_id, old_inputs=old_inputs, olds=old_outputs, news=news
            )
        )
        if diff.changes != provider_pb2.DiffResponse.DIFF_SOME and not known.failed:
            known.inputs = checked
            return {"op": "same", "id": known.resource_id}
        told = _told(diff)
        if diff.replaces:
            if preview:
                return {**self._create(urn, name, known.token, checked, True, "replace"), "diff": told}
            if diff.deleteBeforeReplace:
                done.append(self.delete(name))
                return {**self._create(urn, name, known.token, checked, False, "replace"), "diff": told}
            self.state.pop(name)
            entry = self._create(urn, name, known.token, checked, False, "replace")
            self.stub.Delete(
                provider_pb2.DeleteRequest(
                    urn=urn, id=known.resource_id, properties=old_outputs, old_inputs=old_inputs
                )
            )
            return {**entry, "diff": told}
        answer = self.stub.Update(
            provider_pb2.UpdateRequest(
                urn=urn,
                id=known.resource_id,
                olds=old_outputs,
                news=news,
                old_inputs=old_inputs,
                preview=preview,
            )
        )
        outputs = marshal.decode(answer.properties)
        if not preview:
            self.state[name] = Known(known.token, known.resource_id, checked, outputs)
        return {
            "op": "update",
            "id": known.resource_id,
            "diff": told,
            "outputs": _clean(marshal.plain(outputs)),
        }

    def _create(
        self, urn: str, name: str, token: str, checked: dict[str, Any], preview: bool, op: str
    ) -> dict[str, Any]:
        request = provider_pb2.CreateRequest(urn=urn, properties=marshal.encode(checked), preview=preview)
        answer = self.stub.Create(request)
        outputs = marshal.decode(answer.properties)
        if not preview:
            self.state[name] = Known(token, answer.id, checked, outputs)
        return {
            "op": op,
            "id": UNKNOWN if preview else answer.id,
            "inputs": _clean(marshal.plain(checked)),
            "outputs": _clean(marshal.plain(outputs)),
        }

    def _read(self, name: str) -> dict[str, Any]:
        known = self.state[name]
        urn = URN.format(token=known.token, name=name)
        try:
            answer = self.stub.Read(
                provider_pb2.ReadRequest(
                    urn=urn,
                    id=known.resource_id,
                    inputs=marshal.encode(known.inputs),
                    properties=marshal.encode(known.outputs),
                )
            )
        except grpc.RpcError as error:
            return {"name": name, "error": error.details()}
        if not answer.id:
            del self.state[name]
            return {"name": name, "op": "gone"}
        known.inputs, known.outputs = marshal.decode(answer.inputs), marshal.decode(answer.properties)
        return {"name": name, "inputs": _plain(answer.inputs), "outputs": _plain(answer.properties)}

    def delete(self, name: str) -> dict[str, Any]:
        """Delete one resource."""
        known = self.state[name]
        try:
            self.stub.Delete(
                provider_pb2.DeleteRequest(
                    urn=URN.format(token=known.token, name=name),
                    id=known.resource_id,
                    properties=marshal.encode(known.outputs),
                    old_inputs=marshal.encode(known.inputs),
                )
            )
        except grpc.RpcError as error:
            return {"name": name, "op": "delete", "error": error.details()}
        del self.state[name]
        return {"name": name, "op": "delete"}

    def _kept(self, name: str, token: str, error: Any) -> dict[str, Any]:
        """What a failed start leaves in the state."""
        from rehearsal.plugins.protocol import status_pb2

        for key, value in error.trailing_metadata() or ():
            if key == "grpc-status-details-bin":
                for detail in status_pb2.Status.FromString(value).details:
                    failure = provider_pb2.ErrorResourceInitFailed()
                    if detail.Unpack(failure):
                        known = self.state.get(name)
                        outputs = marshal.decode(failure.properties)
                        inputs = marshal.decode(failure.inputs) or (known.inputs if known else {})
                        self.state[name] = Known(token, failure.id, inputs, outputs, failed=True)
                        return {"reasons": list(failure.reasons), "kept": _clean(marshal.plain(outputs))}
        return {}


def _told(diff: Any) -> dict[str, Any]:
    kinds = provider_pb2.PropertyDiff.Kind
    return {
        "replaces": sorted(set(diff.replaces)),
        "diffs": sorted(set(diff.diffs)),
        "detailed": sorted(  # a set has no order: at which place an element stands says nothing
            f"{re.sub(r'[0-9]+', '#', path)} {kinds.Name(entry.kind)}"
            for path, entry in diff.detailedDiff.items()
        )
        if diff.hasDetailedDiff
        else None,
        "delete_before_replace": diff.deleteBeforeReplace,
    }


def _plain(struct: struct_pb2.Struct) -> Any:
    return _clean(marshal.plain(marshal.decode(struct)))


def _clean(value: Any) -> Any:
    """Without what is empty, or the bridge's own: neither is shown to anyone."""
    if isinstance(value, dict):
        cleaned = {name: _clean(item) for name, item in value.items() if not name.startswith("__")}
        return {name: item for name, item in cleaned.items() if item not in (None, "", [], {}, 0, False)}
    if isinstance(value, list):
        return sorted(
            (_clean(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True, default=str)
        )
    return "UNKNOWN" if value is UNKNOWN else value


def _resolved(value: Any, ids: Mapping[str, Any]) -> Any:
    if isinstance(value, Ref):
        found = ids[value.name]
        return UNKNOWN if has_unknown(found) else value.kind(found)
    if isinstance(value, dict):
        return {name: _resolved(item, ids) for name, item in value.items()}
    if isinstance(value, list):
        return [_resolved(item, ids) for item in value]
    return value
