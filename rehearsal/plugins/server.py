"""Serves `Provider`s to the engine over gRPC.

A plugin that an engine started has one instance of its provider. A server that engines attach to makes one
for each connection: every provider resource of an engine has a connection of its own, so that a server that
is kept alive (`PULUMI_DEBUG_PROVIDERS=name:port`) can serve several engines, one after another and at once,
each with its own configuration.
"""

# ruff: noqa: N802 - the engine's protocol names the calls and documents them

from __future__ import annotations

import os
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from google.protobuf import any_pb2, empty_pb2

from rehearsal.plugins import marshal
from rehearsal.plugins.protocol import (
    engine_log_stub,
    grpc,
    plugin_pb2,
    provider_pb2,
    provider_pb2_grpc,
    status_pb2,
)
from rehearsal.plugins.provider import (
    _CALL,
    Autonaming,
    Call,
    CheckFailure,
    Diff,
    InitFailed,
    Provider,
    ProviderError,
    Resource,
)

_THREADS = 64
_AUTONAMING = {0: "propose", 1: "enforce", 2: "disable"}
_SEVERITY = {"debug": 0, "info": 1, "warning": 2, "error": 3}


class _Session:
    """What belongs to one connection of an engine: its provider, its configuration's secrets, its end."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.cancelled = threading.Event()
        self.engine = ""
        self._log: tuple[Any, Any, Any] | None = None
        self._lock = threading.Lock()

    def log(self, urn: str, message: str, severity: str, ephemeral: bool) -> None:
        """Send one line to the engine; a lost line is no error."""
        if not self.engine:
            return
        with self._lock:
            if self._log is None:
                self._log = engine_log_stub(self.engine)
        _, messages, stub = self._log
        request = messages.LogRequest(
            severity=_SEVERITY[severity], message=message, urn=urn, ephemeral=ephemeral
        )
        try:
            stub.Log(request, timeout=5)
        except grpc.RpcError:
            return

    def close(self) -> None:
        """Tell what still runs to end, and let go of connections."""
        self.cancelled.set()
        self.provider.close()
        if self._log is not None:
            self._log[0].close()
            self._log = None


class Servicer(provider_pb2_grpc.ResourceProviderServicer):
    """The engine's calls, put to a `Provider` in plain values."""

    def __init__(self, make: Callable[[], Provider], engine: str = "") -> None:
        self._make = make
        self._engine = engine
        self._sessions: dict[str, _Session] = {}
        self._lock = threading.Lock()

    # -- connections ---------------------------------------------------------------------------------------

    def _session(self, context: Any) -> _Session:
        key = self._key(context)
        with self._lock:
            session = self._sessions.get(key)
            if session is None:
                session = self._sessions[key] = _Session(self._make())
                session.engine = self._engine
            return session

    def _key(self, context: Any) -> str:
        """The connection; for a plugin that one engine started for itself all are one (it may reconnect)."""
        return "" if self._engine else str(context.peer())

    def Handshake(self, request: Any, context: Any) -> Any:
        self._session(context).engine = request.engine_address
        return provider_pb2.ProviderHandshakeResponse(
            accept_secrets=True,
            accept_resources=False,
            accept_outputs=False,
            supports_autonaming_configuration=True,
        )

    def Attach(self, request: Any, context: Any) -> Any:
        self._session(context).engine = request.address
        return empty_pb2.Empty()

    def Cancel(self, request: Any, context: Any) -> Any:
        with self._lock:
            session = self._sessions.pop(self._key(context), None)
        if session is not None:
            session.close()
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version=self._session(context).provider.version)

    # -- the provider itself -------------------------------------------------------------------------------

    def CheckConfig(self, request: Any, context: Any) -> Any:
        session = self._session(context)
        news = marshal.decode(request.news)
        with self._serving(session, request, context):
            inputs, failures = session.provider.check_config(marshal.plain(news))
            marked = marshal.mark_secrets(inputs, [news], session.provider.secret_config)
            return provider_pb2.CheckResponse(inputs=marshal.encode(marked), failures=_failures(failures))

    def DiffConfig(self, request: Any, context: Any) -> Any:
        session = self._session(context)
        olds, news = marshal.decode(request.old_inputs), marshal.decode(request.news)
        with self._serving(session, request, context):
            return _diff_response(session.provider.diff_config(marshal.plain(olds), marshal.plain(news)))

    def Configure(self, request: Any, context: Any) -> Any:
        session = self._session(context)
        config = marshal.decode(request.args)
        with self._serving(session, request, context):
            session.provider.configure(marshal.plain(config))
            return provider_pb2.ConfigureResponse(
                acceptSecrets=True, supportsPreview=True, supports_autonaming_configuration=True
            )

    def Invoke(self, request: Any, context: Any) -> Any:
        session = self._session(context)
        args = marshal.decode(request.args)
        with self._serving(session, request, context):
            result = session.provider.invoke(request.tok, marshal.plain(args))
            marked = marshal.mark_secrets(result, [args])
            response = provider_pb2.InvokeResponse()
            getattr(response, "return").CopyFrom(marshal.encode(marked))
            return response

    # -- resources -----------------------------------------------------------------------------------------

    def Check(self, request: Any, context: Any) -> Any:
        session = self._session(context)
        olds, news = marshal.decode(request.olds), marshal.decode(request.news)
        with self._serving(session, request, context):
            resource = _resource(session, request.urn)
            inputs, failures = resource.check(marshal.plain(olds), marshal.plain(news), request.randomSeed)
            marked = marshal.mark_secrets(inputs, [news])
            return provider_pb2.CheckResponse(inputs=marshal.encode(marked), failures=_failures(failures))

    def Diff(self, request: Any, context: Any) -> Any:
        session = self._session(context)
        old_inputs, old_outputs = marshal.decode(request.old_inputs), marshal.decode(request.olds)
        news = marshal.decode(request.news)
        with self._serving(session, request, context):
            resource = _resource(session, request.urn)
            return _diff_response(
                resource.diff(
                    request.id, marshal.plain(old_inputs), marshal.plain(old_outputs), marshal.plain(news)
                )
            )

    def Create(self, request: Any, context: Any) -> Any:
        session = self._session(context)
        inputs = marshal.decode(request.properties)
        with self._serving(session, request, context) as mark:
            resource = _resource(session, request.urn)
            mark.rule = lambda outputs: marshal.mark_secrets(outputs, [inputs], resource.secret_outputs)
            resource_id, outputs = resource.create(marshal.plain(inputs), request.preview)
            return provider_pb2.CreateResponse(id=resource_id, properties=marshal.encode(mark.rule(outputs)))

    def Read(self, request: Any, context: Any) -> Any:
        session = self._session(context)
        inputs, state = marshal.decode(request.inputs), marshal.decode(request.properties)
        with self._serving(session, request, context) as mark:
            resource = _resource(session, request.urn)
            mark.rule = lambda outputs: marshal.mark_secrets(
                outputs, [inputs, state], resource.secret_outputs
            )
            found = resource.read(request.id, marshal.plain(inputs), marshal.plain(state))
            if found is None:
                return provider_pb2.ReadResponse()
            resource_id, live_inputs, live_state = found
            return provider_pb2.ReadResponse(
                id=resource_id,
                inputs=marshal.encode(marshal.mark_secrets(live_inputs, [inputs, state])),
                properties=marshal.encode(mark.rule(live_state)),
            )

    def Update(self, request: Any, context: Any) -> Any:
        session = self._session(context)
        old_inputs, old_outputs = marshal.decode(request.old_inputs), marshal.decode(request.olds)
        news = marshal.decode(request.news)
        with self._serving(session, request, context) as mark:
            resource = _resource(session, request.urn)
            mark.rule = lambda outputs: marshal.mark_secrets(
                outputs, [news, old_outputs], resource.secret_outputs
            )
            mark.resource_id = request.id
            outputs = resource.update(
                request.id,
                marshal.plain(old_inputs),
                marshal.plain(old_outputs),
                marshal.plain(news),
                request.preview,
            )
            return provider_pb2.UpdateResponse(properties=marshal.encode(mark.rule(outputs)))

    def Delete(self, request: Any, context: Any) -> Any:
        session = self._session(context)
        inputs, outputs = marshal.decode(request.old_inputs), marshal.decode(request.properties)
        with self._serving(session, request, context):
            resource = _resource(session, request.urn)
            resource.delete(request.id, marshal.plain(inputs), marshal.plain(outputs))
            return empty_pb2.Empty()

    # -- errors --------------------------------------------------------------------------------------------

    @contextmanager
    def _serving(self, session: _Session, request: Any, context: Any) -> Iterator[_Marking]:
        """Make the request known to `call()`, and turn an exception into the engine's form.

        With all that it says: of secrets the engine takes those of the stack's configuration out of what it
        shows (makeEventEmitter in pkg/engine/events.go), and no plugin those of a resource.
        """
        marking = _Marking()
        current = _call(session, request)
        token = _CALL.set(current)
        try:
            yield marking
        except InitFailed as failure:
            detail = any_pb2.Any()
            detail.Pack(
                provider_pb2.ErrorResourceInitFailed(
                    id=failure.resource_id or marking.resource_id,
                    reasons=[failure.reason],
                    properties=marshal.encode(marking.rule(failure.outputs)),
                    inputs=marshal.encode(failure.inputs) if failure.inputs is not None else None,
                ),
                type_url_prefix="type.googleapis.com/",
            )
            _abort(context, failure.reason, detail)
        except ProviderError as error:
            _abort(context, str(error))
        except Exception as error:
            where = "".join(traceback.format_tb(error.__traceback__)[-4:])
            text = f"{type(error).__name__}: {error}"
            print(f"{session.provider.name}: {current.urn}: {text}\n{where}", file=sys.stderr, flush=True)
            _abort(context, f"the stand-in plugin {session.provider.name} failed: {text}")
        finally:
            _CALL.reset(token)


class _Marking:
    """How the outputs of the request at hand become secret, and the id that a failed start keeps."""

    def __init__(self) -> None:
        self.rule: Callable[[dict[str, Any]], dict[str, Any]] = dict
        self.resource_id = ""


def _call(session: _Session, request: Any) -> Call:
    fields = request.DESCRIPTOR.fields_by_name
    urn = request.urn if "urn" in fields else ""
    current = Call(
        urn=urn,
        name=urn.rpartition("::")[2],
        type=_type(urn) if urn else "",
        timeout=request.timeout if "timeout" in fields else 0.0,
        cancelled=session.cancelled,
        logger=lambda urn, message, severity, ephemeral: session.log(urn, message, severity, ephemeral),
    )
    if "autonaming" in fields and request.HasField("autonaming"):
        current.autonaming = Autonaming(
            request.autonaming.proposed_name, _AUTONAMING[request.autonaming.mode]
        )
    if "ignoreChanges" in fields:
        current.ignore_changes = tuple(request.ignoreChanges)
    return current


def _type(urn: str) -> str:
    """The type token in a URN: `urn:pulumi:<stack>::<project>::<parent types>$<type>::<name>`."""
    return urn.split("::", 3)[2].rpartition("$")[2]


def _resource(session: _Session, urn: str) -> Resource:
    token = _type(urn)
    try:
        return session.provider.resources[token]
    except KeyError:
        offered = ", ".join(sorted(session.provider.resources))
        raise ProviderError(
            f"the stand-in plugin {session.provider.name} has no resource {token}; it has {offered}"
        ) from None


def _failures(failures: list[CheckFailure]) -> list[Any]:
    return [provider_pb2.CheckFailure(property=item.property, reason=item.reason) for item in failures]


def _diff_response(diff: Diff) -> Any:
    response = provider_pb2.DiffResponse(
        changes=provider_pb2.DiffResponse.DIFF_SOME if diff.changes else provider_pb2.DiffResponse.DIFF_NONE,
        replaces=diff.replaces,
        stables=diff.stables,
        deleteBeforeReplace=diff.delete_before_replace,
        diffs=sorted({_first_name(path) for path in diff.detailed}),
        hasDetailedDiff=not diff.names_only,
    )
    if diff.names_only:
        return response
    for path, kind in diff.detailed.items():
        replaced = path in diff.replaces or _first_name(path) in diff.replaces
        name = f"{kind.value}_REPLACE" if replaced else kind.value
        response.detailedDiff[path].kind = provider_pb2.PropertyDiff.Kind.Value(name)
    return response


def _first_name(path: str) -> str:
    return path.split(".", 1)[0].split("[", 1)[0]


def _abort(context: Any, message: str, detail: any_pb2.Any | None = None) -> None:
    """End the call with code UNKNOWN, as a Go plugin does with a plain error. Raises."""
    if detail is not None:
        status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=message, details=[detail])
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(grpc.StatusCode.UNKNOWN, message)


def start(make: Callable[[], Provider], engine: str = "") -> tuple[grpc.Server, int]:
    """A running server for one kind of provider on a free loopback port, and that port."""
    limits = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    server = grpc.server(ThreadPoolExecutor(_THREADS, thread_name_prefix="call"), options=limits)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Servicer(make, engine), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port


def wait_for_parent(parent: int) -> None:
    """Return once the process that started this one has ended: the engine kills its plugins, unless killed
    itself."""
    while os.getppid() == parent:
        threading.Event().wait(0.5)
