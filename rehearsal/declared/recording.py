"""A mock engine that records every registration as it was sent: inputs, options, secrets."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

import pulumi
from google.protobuf import json_format
from pulumi.runtime import mocks, settings
from pulumi.runtime.proto import engine_pb2, resource_pb2

KIND = "4dabf18193072939515e22adb298388d"
"""The key by which the engine's values on the wire say what they are, beside plain JSON."""
SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 # the kind, no secret


@dataclass(frozen=True)
class Registration:
    """One resource as the engine would have got it. Property names are the schema's (camelCase)."""

    type: str
    name: str
    urn: str
    inputs: Mapping[str, Any]
    secrets: frozenset[str]
    """The inputs that are secret, or hold a secret."""
    request: resource_pb2.RegisterResourceRequest

    @property
    def parent(self) -> str:
        """The name of the resource above it."""
        return str(self.request.parent).rsplit("::", 1)[-1]


@dataclass
class Recorded:
    """What a program declared, after all of it was registered."""

    resources: list[Registration] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    """Warnings and errors of the program."""
    result: Any = None

    def of(self, type_: str) -> list[Registration]:
        """The resources of a type, in order of name."""
        return sorted((r for r in self.resources if r.type == type_), key=lambda r: r.name)

    def one(self, name: str, type_: str | None = None) -> Registration:
        """The resource of that name (and type, where a component has a child of its name)."""
        found = [r for r in self.resources if r.name == name and type_ in (None, r.type)]
        assert len(found) == 1, (
            f"{len(found)} resources {name}; there are {sorted(r.name for r in self.resources)}"
        )
        return found[0]

    def urn(self, name: str) -> str:
        """The URN of the resource of that name."""
        return self.one(name).urn

    def types(self) -> set[str]:
        """The types of all resources."""
        return {r.type for r in self.resources}


def _plain(value: Any, seen: list[bool]) -> Any:
    if isinstance(value, dict):
        if value.get(KIND) == SECRET:
            seen.append(True)
            return _plain(value["value"], seen)
        return {k: _plain(v, seen) for k, v in value.items()}
    if isinstance(value, list):
        return [_plain(v, seen) for v in value]
    return value


class _Monitor(mocks.MockMonitor):
    def __init__(self, mock: "_Mock", recorded: Recorded) -> None:
        super().__init__(mock)
        self.recorded = recorded

    def RegisterResource(self, request: resource_pb2.RegisterResourceRequest) -> Any:  # noqa: N802 gRPC's name
        response = super().RegisterResource(request)  # type: ignore[no-untyped-call]
        if request.type != "pulumi:pulumi:Stack":
            inputs, secrets = {}, set()
            for key, raw in json_format.MessageToDict(request.object).items():
                seen: list[bool] = []
                inputs[key] = _plain(raw, seen)
                if seen:
                    secrets.add(key)
            self.recorded.resources.append(
                Registration(request.type, request.name, response.urn, inputs, frozenset(secrets), request)
            )
        return response


class _Mock(mocks.Mocks):
    def __init__(self, computed: Callable[[str, str, Mapping[str, Any]], Mapping[str, Any]]) -> None:
        self.computed = computed
        self.count = 1000

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        # Numeric, as Hetzner's ids are.
        self.count += 1
        return str(self.count), {**args.inputs, **self.computed(args.typ, args.name, args.inputs)}

    def call(self, args: mocks.MockCallArgs) -> NoReturn:
        raise AssertionError(f"{args.token} was invoked: a preview must ask no one")


class _Engine(mocks.MockEngine):
    def __init__(self, recorded: Recorded) -> None:
        super().__init__(None)
        self.recorded = recorded

    def Log(self, request: engine_pb2.LogRequest) -> Any:  # noqa: N802 gRPC's name
        if request.severity in (engine_pb2.WARNING, engine_pb2.ERROR):
            self.recorded.warnings.append(request.message)
        return super().Log(request)  # type: ignore[no-untyped-call]


def deploy(
    program: Callable[[], Any],
    computed: Callable[[str, str, Mapping[str, Any]], Mapping[str, Any]] = lambda _type, _name, _inputs: {},
    *,
    stack: str = "uat",
    preview: bool = False,
) -> Recorded:
    """Runs `program` against the mock engine until everything is registered.

    `computed` gives, by type, name and inputs, the outputs of a resource that are not its inputs.
    """
    recorded = Recorded()
    monitor = _Monitor(_Mock(computed), recorded)
    mocks.set_mocks(_Mock(computed), project="jira-plus-plus", stack=stack, preview=preview, monitor=monitor)
    settings.SETTINGS.engine = _Engine(recorded)

    @pulumi.runtime.test  # type: ignore[untyped-decorator]
    def run() -> None:
        recorded.result = program()

    run()
    return recorded
