"""Our classes of Cloudflare's resources register what those of its SDK do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pulumi
import pulumi_cloudflare as sdk
import pytest

from components.clouds import cloudflare as ours
from rehearsal.declared.recording import deploy

ID = "0123456789abcdef0123456789abcdef"
RESOURCES = '{"com.cloudflare.edge.r2.bucket.one":"*"}'


def record(opts: pulumi.ResourceOptions) -> tuple[Callable[[], Any], Callable[[], Any]]:
    alike: dict[str, Any] = {
        "zone_id": ID,
        "content": "198.51.100.7",
        "proxied": True,
        "ttl": 1,
        "comment": "ours",
        "opts": opts,
    }
    return (
        lambda: ours.DnsRecord("it", record="api.example.com", kind="A", **alike),
        lambda: sdk.DnsRecord("it", name="api.example.com", type="A", **alike),
    )


def setting(opts: pulumi.ResourceOptions) -> tuple[Callable[[], Any], Callable[[], Any]]:
    alike: dict[str, Any] = {"zone_id": ID, "setting_id": "ssl", "value": "strict", "opts": opts}
    return lambda: ours.ZoneSetting("it", **alike), lambda: sdk.ZoneSetting("it", **alike)


def certificate(opts: pulumi.ResourceOptions) -> tuple[Callable[[], Any], Callable[[], Any]]:
    alike: dict[str, Any] = {
        "csr": "REQUEST",
        "hostnames": ["a.example.com", "b.example.com"],
        "request_type": "origin-ecc",
        "requested_validity": 5475,
        "opts": opts,
    }
    return lambda: ours.OriginCaCertificate("it", **alike), lambda: sdk.OriginCaCertificate("it", **alike)


def bucket(opts: pulumi.ResourceOptions) -> tuple[Callable[[], Any], Callable[[], Any]]:
    alike: dict[str, Any] = {"account_id": ID, "jurisdiction": "eu", "opts": opts}
    return (
        lambda: ours.R2Bucket("it", bucket="copies", **alike),
        lambda: sdk.R2Bucket("it", name="copies", **alike),
    )


def token(opts: pulumi.ResourceOptions) -> tuple[Callable[[], Any], Callable[[], Any]]:
    group = sdk.AccountTokenPolicyPermissionGroupArgs(id="read")
    policy = sdk.AccountTokenPolicyArgs(effect="allow", permission_groups=[group], resources=RESOURCES)
    return (
        lambda: ours.AccountToken(
            "it", account_id=ID, title="key", permission="read", resources=RESOURCES, opts=opts
        ),
        lambda: sdk.AccountToken("it", account_id=ID, name="key", policies=[policy], opts=opts),
    )


@pytest.mark.parametrize("both", [record, setting, certificate, bucket, token])
def test_the_engine_is_asked_for_the_same(both: Callable[..., Any]) -> None:
    mine, theirs = (
        deploy(declare).resources[-1].request
        for declare in both(pulumi.ResourceOptions(protect=True, ignore_changes=["comment"]))
    )
    for request in (mine, theirs):
        for field in ("aliases", "sourcePosition", "stackTrace"):  # another class's former names; where
            request.ClearField(field)
    assert mine == theirs
    assert mine.version, "by it the engine takes the plugin that the SDK was made for"


def test_outputs_have_the_names_that_they_are_asked_by() -> None:
    def computed(type_: str, name: str, inputs: Any) -> dict[str, Any]:
        return {"certificate": "PEM", "value": "secret"}

    def program() -> None:
        made = certificate(pulumi.ResourceOptions())[0](), token(pulumi.ResourceOptions())[0]()
        made[0].certificate.apply(lambda value: seen.update(certificate=value))
        pulumi.Output.all(made[1].id, made[1].value).apply(lambda values: seen.update(token=values))

    seen: dict[str, Any] = {}
    deploy(program, computed)
    assert seen["certificate"] == "PEM"
    assert seen["token"][1] == "secret"
