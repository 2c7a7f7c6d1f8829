"""In which order containers are replaced, and with what they come and go."""

import pytest

from rehearsal.declared.platform import COMMANDS, commands, containers, declare, declared

CUTOVER = {"api", "worker", "web", "temporal-ui"}
START_FIRST = {
    *CUTOVER,
    "socket-autoheal",
    "socket-watchtower",
}


@pytest.mark.parametrize("stack", ["local", "uat", "prod"])
def test_what_keeps_no_state_is_replaced_new_before_old_and_all_else_old_before_new(stack: str) -> None:
    for service, container in containers(declared(stack)).items():
        assert container.request.deleteBeforeReplaceDefined, (
            f"{service}: left out, the provider deletes first"
        )
        assert container.request.deleteBeforeReplace == (service not in START_FIRST), service


@pytest.mark.parametrize("stack", ["local", "uat", "prod"])
def test_a_name_is_fixed_where_docker_must_refuse_a_second_and_only_there(stack: str) -> None:
    names = {service: c.inputs.get("name") for service, c in containers(declared(stack)).items()}
    assert {service for service, name in names.items() if name is None} == START_FIRST, (
        "a fixed name would make the next one fail while the last still serves"
    )
    assert {name for name in names.values() if name} == {
        f"jira-{stack}-{service}" for service in names if service not in START_FIRST
    }


@pytest.mark.parametrize("stack", ["local", "uat", "prod"])
def test_the_engine_ends_nothing_that_may_still_serve(stack: str) -> None:
    """It begins an update after one that failed with the removal of what that one has replaced."""
    recorded = declared(stack)
    kept = {
        resource.name
        for resource in recorded.resources
        if resource.request.retainOnDelete and not resource.name.startswith("edge-")
    }
    files = {f"{service}-files" for service in CUTOVER} & {resource.name for resource in recorded.resources}
    assert kept == CUTOVER | files, "what they mount goes with them"
    for service, container in containers(recorded).items():
        assert container.inputs["wait"] == (service not in CUTOVER), service


@pytest.mark.parametrize("stack", ["local", "uat", "prod"])
def test_a_destroy_ends_what_the_engine_does_not_and_then_whatever_is_left(stack: str) -> None:
    made = commands(declared(stack))
    files = "/home/ci/.local/state/jira-plus-plus/local" if stack == "local" else "/srv/jira/files"
    ended = f"\nend_all {files} {stack} api api-canary temporal-ui web worker\nSCRIPT"
    assert made["cutover-end"].inputs["delete"].endswith(ended)
    assert f"sh -s -- {stack} <<'SCRIPT'" in made["network-emptied"].inputs["delete"]
    for name in ("cutover-end", "network-emptied"):
        assert "triggers" not in made[name].inputs, "a replacement would end what serves"
        assert made[name].inputs["create"] == ":"


def test_what_is_replaced_new_before_old_shares_nothing_that_only_one_can_have() -> None:
    for service in START_FIRST:
        inputs = containers(declared("uat"))[service].inputs
        assert "ports" not in inputs, f"{service}: a host port can be taken once"
        assert all(m.get("readOnly") for m in inputs.get("mounts", [])), f"{service}: two would write to it"


def test_a_change_that_the_provider_would_not_apply_replaces() -> None:
    for service, container in containers(declared("uat")).items():
        replaced = list(container.request.replaceOnChanges)
        assert replaced == ["healthcheck", "tmpfs", "init", "#initerror"], service


@pytest.mark.parametrize("stack", ["uat", "prod"])
def test_everything_on_the_server_is_replaced_and_deleted_with_it(stack: str) -> None:
    recorded = declared(stack)
    server = recorded.one("host-server", "hcloud:index/server:Server").urn
    on_the_server = [
        r for r in recorded.resources if r.type.startswith("docker:index/") or r.type in COMMANDS
    ]
    # Which run on the server because it is a new one, by their trigger.
    own = {"host-bootstrap", "host-mount", "host-ready"}
    assert len(on_the_server) > 50
    for resource in on_the_server:
        assert resource.request.deletedWith == server, f"{resource.name} would ask a Docker that is gone"
        if resource.name not in own:
            assert list(resource.request.replace_with) == [server], (
                f"{resource.name} is not on the new server"
            )


def test_on_this_machine_nothing_waits_for_a_server() -> None:
    for resource in declared("local").resources:
        assert not resource.request.deletedWith, resource.name
        assert not resource.request.replace_with, resource.name


def test_the_database_has_two_minutes_for_its_checkpoint_and_is_asked_for_a_fast_shutdown() -> None:
    postgres = containers(declared("uat"))["postgres"].inputs
    assert (postgres["stopSignal"], postgres["destroyGraceSeconds"]) == ("SIGINT", 120)


def test_the_grace_covers_the_drain() -> None:
    for service in ("api", "worker", "web", "temporal-ui"):
        inputs = containers(declared("prod"))[service].inputs
        assert inputs["stopTimeout"] >= 5 + 10, f"{service} would be killed while it drains"


def test_declared_again_every_container_and_every_command_in_it_is_the_same() -> None:
    def inputs() -> dict[str, dict[str, object]]:
        recorded = declare("uat")
        return {
            # The mock's ids, which triggers and some commands hold, count up in an order that varies.
            r.urn: {key: value for key, value in r.inputs.items() if key not in ("connection", "triggers")}
            for r in (*containers(recorded).values(), *commands(recorded).values())
            if not r.name.startswith(("host-", "migration-backup", "migration-record"))
            and not r.name.endswith("-healthy")
        }

    assert inputs() == inputs(), "what differs by itself is a change at every run"
