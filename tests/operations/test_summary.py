"""The closing table."""

from typing import Any

from operations.marks import SIGNATURE
from operations.summary import Timing, outputs, table

SECRET = {SIGNATURE: "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:hunter2"}


def stack(**outputs: Any) -> dict[str, Any]:
    """The resource that stands for the whole stack in the state."""
    return {**resource("pulumi:pulumi:Stack", custom=False), "outputs": outputs}


def resource(type_: str, custom: bool = True) -> dict[str, Any]:
    return {"type": type_, "urn": f"urn::{type_}::x", "custom": custom}


def test_the_whole_table() -> None:
    resources = [
        stack(
            urls={"api": "https://api-uat.example.com"},
            admin_password=SECRET,
            memory_budget={"limit_mb": 2900, "server_mb": 4096},
            cost_per_month={"eur": 4.93, "items": {"server": 4.49, "volume": 0.44}},
            containers={"api": "api-1"},
        ),
        resource("pulumi:providers:docker"),
        resource("jira-plus-plus:host:Host", custom=False),
        resource("docker:index/container:Container"),
        resource("docker:index/container:Container"),
        resource("hcloud:index/server:Server"),
    ]
    shown = table("uat", resources, [Timing("up", 12.34, 3), Timing("no-op up", 2, 0)])
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
    assert "MB" not in table("uat", [stack(memory_budget=SECRET)], [])


def test_a_secret_within_an_output_is_hidden_alone() -> None:
    assert outputs([stack(urls={"api": SECRET, "web": "https://uat.example.com"})]) == {
        "urls": {"api": "[secret]", "web": "https://uat.example.com"}
    }


def test_a_stack_that_is_not_up_has_no_outputs() -> None:
    assert outputs([]) == {}
