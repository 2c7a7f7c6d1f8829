"""The closing table."""

from typing import Any

from pulumi.automation import OutputValue

from operations.summary import Timing, table


def resource(type_: str, custom: bool = True) -> dict[str, Any]:
    return {"type": type_, "urn": f"urn::{type_}::x", "custom": custom}


def test_the_whole_table() -> None:
    outputs = {
        "urls": OutputValue({"api": "https://api-uat.example.com"}, secret=False),
        "admin_password": OutputValue("hunter2", secret=True),
        "memory_budget": OutputValue({"limit_mb": 2900, "server_mb": 4096}, secret=False),
        "cost_per_month": OutputValue({"eur": 4.93, "items": {"server": 4.49, "volume": 0.44}}, secret=False),
        "containers": OutputValue({"api": "api-1"}, secret=False),
    }
    resources = [
        resource("pulumi:pulumi:Stack"),
        resource("pulumi:providers:docker"),
        resource("jira-plus-plus:host:Host", custom=False),
        resource("docker:index/container:Container"),
        resource("docker:index/container:Container"),
        resource("hcloud:index/server:Server"),
    ]
    shown = table("uat", resources, outputs, [Timing("up", 12.34, 3), Timing("no-op up", 2, 0)])
    assert shown.splitlines()[1:-1] == [
        "resources     2  docker Container",
        "              1  hcloud Server",
        "outputs    admin_password: ••••••••",
        "           urls.api: https://api-uat.example.com",
        "memory     2900 MB of limits on 4096 MB (71 %)",
        "cost       4.93 € a month (server 4.49, volume 0.44)",
        "steps         12.3 s  up           3 changes",
        "               2.0 s  no-op up     no changes",
    ]
    assert "hunter2" not in shown


def test_a_memory_budget_that_is_secret_shows_nothing() -> None:
    outputs = {"memory_budget": OutputValue({"limit_mb": 1}, secret=True)}
    assert "MB" not in table("uat", [], outputs, [])
