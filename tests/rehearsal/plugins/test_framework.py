"""The framework under the stand-in plugins, over real gRPC."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from rehearsal.plugins import marshal, server
from rehearsal.plugins.marshal import Secret
from rehearsal.plugins.protocol import grpc, provider_pb2, provider_pb2_grpc
from rehearsal.plugins.provider import (
    UNKNOWN,
    CheckFailure,
    Diff,
    InitFailed,
    Kind,
    Provider,
    ProviderError,
    Resource,
    Values,
    autoname,
    call,
)

URN = "urn:pulumi:dev::project::toy:index/thing:Thing::box"


class Thing(Resource):
    secret_outputs = frozenset({"key"})

    def __init__(self, toy: Toy) -> None:
        self.toy = toy

    def check(self, olds: Values, news: Values, random_seed: bytes) -> tuple[Values, list[CheckFailure]]:
        failures = [] if "size" in news else [CheckFailure("size", "missing required property")]
        return {"name": autoname(olds, random_seed), **news}, failures

    def diff(self, resource_id: str, old_inputs: Values, old_outputs: Values, news: Values) -> Diff:
        return Diff.between(old_inputs, news, replaces=["size"], delete_before_replace=True)

    def create(self, inputs: Values, preview: bool) -> tuple[str, Values]:
        if preview:
            return "", {**inputs, "key": UNKNOWN}
        if inputs["size"] == 13:
            raise ProviderError(f"no thing of 13 with password {inputs['password']}")
        if inputs["size"] == 14:
            raise InitFailed("it does not start", "id-14", {**inputs, "key": "k"})
        if inputs["size"] == 15:
            raise ValueError(f"bug with {inputs['password']}")
        return "id-1", {**inputs, "key": "k", "copy": inputs.get("password"), "region": self.toy.region}

    def read(self, resource_id: str, inputs: Values, state: Values) -> tuple[str, Values, Values] | None:
        return None if resource_id == "gone" else (resource_id, inputs, state)

    def delete(self, resource_id: str, inputs: Values, outputs: Values) -> None:
        call().cancelled.wait(20)
        raise ProviderError("cancelled")


class Toy(Provider):
    name = "toy"
    region = "none"

    def __init__(self) -> None:
        self.resources = {"toy:index/thing:Thing": Thing(self)}

    def configure(self, config: Values) -> None:
        self.region = config["region"]


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    running, port = server.start(Toy)
    yield port
    running.stop(None)


@pytest.fixture
def engine(port: int) -> Iterator[Any]:
    with connect(port) as channel:
        yield configured(channel, "fsn1")


def connect(port: int) -> Any:
    return grpc.insecure_channel(f"127.0.0.1:{port}", options=[("grpc.use_local_subchannel_pool", 1)])


def configured(channel: Any, region: str) -> Any:
    stub = provider_pb2_grpc.ResourceProviderStub(channel)
    stub.Configure(provider_pb2.ConfigureRequest(args=marshal.encode({"region": region})))
    return stub


def create(engine: Any, preview: bool = False, **inputs: Any) -> Any:
    return engine.Create(
        provider_pb2.CreateRequest(urn=URN, properties=marshal.encode(inputs), preview=preview)
    )


def test_values_survive_the_way_through_the_wire_form() -> None:
    values = {"a": 1, "b": [1.5, True, {"c": "x"}], "d": Secret({"e": "f"}), "g": UNKNOWN, "h": {}, "i": []}
    assert marshal.decode(marshal.encode(values)) == values


def test_each_sentinel_of_the_engine_means_unknown() -> None:
    bag = marshal.encode(
        {"n": "3eeb2bf0-c639-47a8-9e75-3b44932eb421", "l": "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2"}
    )
    assert marshal.decode(bag) == {"n": UNKNOWN, "l": UNKNOWN}


def test_check_names_the_resource_from_the_seed_and_keeps_secrets(engine: Any) -> None:
    news = {"size": 1, "password": Secret("hunter2hunter2")}
    request = provider_pb2.CheckRequest(urn=URN, news=marshal.encode(news), randomSeed=b"seed")
    first, second = marshal.decode(engine.Check(request).inputs), marshal.decode(engine.Check(request).inputs)
    assert first == second, "a preview and the update after it must agree on the name"
    assert first["password"] == Secret("hunter2hunter2")
    prefix, _, digits = first["name"].partition("-")
    assert (prefix, len(digits)) == ("box", 7)
    assert int(digits, 16) >= 0


def test_check_keeps_the_automatic_name_that_it_gave_before(engine: Any) -> None:
    olds, news = marshal.encode({"name": "box-1234567"}), marshal.encode({"size": 1})
    answer = engine.Check(provider_pb2.CheckRequest(urn=URN, olds=olds, news=news, randomSeed=b"other"))
    assert marshal.decode(answer.inputs)["name"] == "box-1234567"


def test_a_missing_property_is_a_check_failure_with_its_name(engine: Any) -> None:
    answer = engine.Check(provider_pb2.CheckRequest(urn=URN, news=marshal.encode({})))
    assert [(item.property, item.reason) for item in answer.failures] == [
        ("size", "missing required property")
    ]


def test_the_diff_says_which_property_replaces(engine: Any) -> None:
    old, new = (
        marshal.encode({"size": 1, "tags": {"a": "1"}}),
        marshal.encode({"size": 2, "tags": {"a": "2", "b": "3"}}),
    )
    answer = engine.Diff(provider_pb2.DiffRequest(id="1", urn=URN, old_inputs=old, olds=old, news=new))
    kinds = provider_pb2.PropertyDiff.Kind
    assert {path: kinds.Name(diff.kind) for path, diff in answer.detailedDiff.items()} == {
        "size": "UPDATE_REPLACE",
        "tags.a": "UPDATE",
        "tags.b": "ADD",
    }
    assert list(answer.replaces) == ["size"]
    assert answer.deleteBeforeReplace
    assert list(answer.diffs) == ["size", "tags"]


def test_an_unchanged_resource_has_no_diff(engine: Any) -> None:
    old = marshal.encode({"size": 1})
    answer = engine.Diff(provider_pb2.DiffRequest(id="1", urn=URN, old_inputs=old, olds=old, news=old))
    assert answer.changes == provider_pb2.DiffResponse.DIFF_NONE
    assert not answer.detailedDiff


def test_an_unknown_input_counts_as_a_change() -> None:
    assert Diff.between({"size": 1}, {"size": UNKNOWN}, ["size"]).replaces == ["size"]
    assert Diff.between({"flag": 1}, {"flag": True}).detailed == {"flag": Kind.UPDATE}


def test_outputs_are_secret_by_rule_by_name_and_by_value(engine: Any) -> None:
    answer = create(engine, size=1, password=Secret("hunter2hunter2"))
    outputs = marshal.decode(answer.properties)
    assert answer.id == "id-1"
    assert outputs["key"] == Secret("k"), "a declared secret output"
    assert outputs["password"] == Secret("hunter2hunter2"), "the same name as a secret input"
    assert outputs["copy"] == Secret("hunter2hunter2"), "the same value as a secret input"
    assert outputs["region"] == "fsn1"


def test_a_preview_gives_no_id_and_unknown_outputs(engine: Any) -> None:
    answer = create(engine, preview=True, size=UNKNOWN)
    assert answer.id == ""
    assert marshal.decode(answer.properties) == {"size": UNKNOWN, "key": Secret(UNKNOWN)}


@pytest.mark.parametrize("size", [13, 15])
def test_an_error_has_all_that_was_said_as_of_an_official_plugin(engine: Any, size: int) -> None:
    with pytest.raises(grpc.RpcError) as raised:
        create(engine, size=size, password=Secret("hunter2hunter2"))
    assert raised.value.code() is grpc.StatusCode.UNKNOWN
    assert "hunter2hunter2" in raised.value.details(), "a program must not let a secret come so far"


def test_a_failed_start_keeps_the_resource(engine: Any) -> None:
    with pytest.raises(grpc.RpcError) as raised:
        create(engine, size=14)
    [raw] = [value for key, value in raised.value.trailing_metadata() if key == "grpc-status-details-bin"]
    from rehearsal.plugins.protocol import status_pb2

    failure = provider_pb2.ErrorResourceInitFailed()
    assert status_pb2.Status.FromString(raw).details[0].Unpack(failure)
    assert failure.id == "id-14"
    assert list(failure.reasons) == ["it does not start"]
    assert marshal.decode(failure.properties)["key"] == Secret("k")


def test_what_is_gone_reads_as_nothing(engine: Any) -> None:
    assert engine.Read(provider_pb2.ReadRequest(id="gone", urn=URN)).id == ""


def test_a_resource_that_the_plugin_lacks_is_named(engine: Any) -> None:
    with pytest.raises(
        grpc.RpcError, match="toy has no resource toy:index/other:Other; it has toy:index/thing:Thing"
    ):
        engine.Create(provider_pb2.CreateRequest(urn=URN.replace("thing:Thing", "other:Other")))


def test_engines_that_attach_at_once_have_their_own_configuration(port: int) -> None:
    with connect(port) as one, connect(port) as two:
        first, second = configured(one, "fsn1"), configured(two, "hel1")
        regions = [
            marshal.decode(create(engine, size=1).properties)["region"] for engine in (first, second, first)
        ]
    assert regions == ["fsn1", "hel1", "fsn1"]


def test_cancel_ends_what_waits_and_only_on_its_connection(port: int) -> None:
    with connect(port) as one, connect(port) as two:
        first, second = configured(one, "fsn1"), configured(two, "hel1")
        request = provider_pb2.DeleteRequest(id="1", urn=URN)
        ours, theirs = first.Delete.future(request), second.Delete.future(request)
        with pytest.raises(grpc.FutureTimeoutError):
            ours.exception(timeout=0.3)
        from google.protobuf import empty_pb2

        first.Cancel(empty_pb2.Empty())
        assert "cancelled" in ours.exception(timeout=5).details()
        assert not theirs.done()
        second.Cancel(empty_pb2.Empty())
        assert "cancelled" in theirs.exception(timeout=5).details()
