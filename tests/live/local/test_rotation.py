"""Secrets made anew on containers that run, under steady requests: nobody notices, and no old one is left.

In the order of the file.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import docker
import httpx
import pytest

from operations import stack_file
from operations.deployment import DeploymentFailed
from operations.rotate import MADE, NoRotation, Rotation, reached
from operations.summary import outputs
from rehearsal.declared.packed import readings
from tests.engine.test_canary import made_by_the_program, needles
from tests.live.local.stack import Stack, standing
from tests.live.local.test_failing_releases import LATE
from tests.live.local.watch import PAUSE, Watch
from tests.playbook.graphql import Api
from tests.playbook.waiting import seconds_until

pytestmark = [pytest.mark.engine, pytest.mark.live, pytest.mark.timeout(900)]

UNNOTICED = ("postgres", "jira", "migration", "temporal", "backup", "monitoring", "temporal_ui", "metrics")
"""All but those by which people sign in to the application."""
PSQL = ("psql", "-XAtq", "-h", "127.0.0.1")


@pytest.fixture(scope="module")
def stack(client: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with standing(client, tmp_path_factory.mktemp("rotation"), {}) as found:
        yield found


@contextmanager
def using(stack: Stack) -> Iterator[list[str]]:
    """Somebody who is signed in, and reads and writes the database all the time; what failed."""
    lost: list[str] = []
    target, enough = stack.developer.target(), threading.Event()
    asked = 0

    def use() -> None:
        nonlocal asked
        with target.http() as client:
            api = Api(target, client).login()
            while not enough.is_set():
                try:
                    issue = api.create(f"number {asked}")
                    if (api.issue(issue) or {}).get("title") != f"number {asked}":
                        lost.append(f"issue {issue} is not there")
                except (httpx.HTTPError, AssertionError) as error:
                    lost.append(repr(error))
                asked += 1
                time.sleep(PAUSE)

    user = threading.Thread(target=use)
    user.start()
    try:
        with Watch(target) as watch:
            yield lost
            time.sleep(1)
        lost += watch.lost
        assert watch.asked > 50
    finally:
        enough.set()
        user.join()
    assert asked > 20
    print(f"{watch.asked} requests, and {asked} issues written and read, meanwhile")


def values(stack: Stack) -> dict[str, str]:
    """What the state keeps encrypted of the program's own passwords, by its place."""
    return {
        place: text
        for place, text in made_by_the_program(stack.deployment).items()
        if place.startswith("credentials-") and not place.startswith("credentials-fingerprint.")
    }


def passwords(stack: Stack) -> dict[str, str]:
    """Those of the database, by their names."""
    (folder,) = stack.developer.files.glob("jira-plus-plus/*/postgres-passwords/run/roles")
    return {file.name: file.read_text() for file in folder.iterdir()}


def log_in(stack: Stack, user: str, password: str) -> str:
    """What the database says to who logs in over TCP."""
    postgres = stack.developer.containers()["postgres"]
    database = "temporal" if user.startswith("temporal") else "postgres" if user == "postgres" else "jira"
    command = [*PSQL, "-U", user, "-d", database, "-c", "select session_user || ' is ' || current_user"]
    said = postgres.exec_run(command, environment={"PGPASSWORD": password}).output
    return str(said.decode().strip())


def act(stack: Stack, secrets: str) -> str:
    said: list[str] = []
    Rotation(stack.deployment, said.append).act(secrets)
    print("\n".join(said))
    return "\n".join(said)


def places(stack: Stack) -> dict[str, str]:
    """All that there is of the stack, as text, by its place."""
    found = {
        "the state, decrypted": stack.deployment.open()
        ._run_pulumi_cmd_sync(["stack", "export", "--show-secrets"])
        .stdout,
        "what was said": "\n".join(stack.developer.output),
        "the roles in the database": sql(stack, "select * from pg_authid"),
        "their settings": sql(stack, "select * from pg_db_role_setting"),
        "the users in the database": sql(stack, "select * from users", "jira"),
    }
    roots = (stack.developer.files, stack.developer.rehearsal.state)
    for path in (path for root in roots for path in root.rglob("*") if path.is_file()):
        # The engine's own history has what was, encrypted; outputs.json is what the test has asked for.
        if "backend" not in path.parts and path.name != "outputs.json":
            found[str(path)] = path.read_text(errors="replace")
    for container in stack.developer.client.containers.list(all=True, filters=stack.developer._ours):
        found[f"docker inspect {container.name}"] = json.dumps(container.attrs)
        found[f"docker logs {container.name}"] = container.logs().decode(errors="replace")
    return found


def sql(stack: Stack, statement: str, database: str = "postgres") -> str:
    postgres = stack.developer.containers()["postgres"]
    said = postgres.exec_run(["psql", "-XAtq", "-U", "postgres", "-d", database, "-c", statement])
    assert said.exit_code == 0, said.output
    return str(said.output.decode())


def left(stack: Stack, old: dict[str, str]) -> dict[str, list[str]]:
    """Where something of the old values is, and which."""
    wanted = needles(old)
    found: dict[str, list[str]] = {}
    for place, text in places(stack).items():
        texts = readings(text)
        if hits := sorted({whose for needle, whose in wanted.items() if any(needle in one for one in texts)}):
            found[place] = hits
    return found


def test_the_search_finds_what_is_there(stack: Stack) -> None:
    now = values(stack)
    found = left(stack, now)
    assert found["the state, decrypted"] == sorted(set(needles(now).values()))
    assert any("postgres-passwords/run/roles/jira" in place for place in found)
    assert not [place for place in found if place.startswith("docker ") or "database" in place]


def test_the_passwords_of_the_database_change_while_it_is_used(stack: Stack) -> None:
    before, database = values(stack), passwords(stack)
    postgres = stack.developer.containers()["postgres"].id
    assert log_in(stack, "jira", database["jira"]) == "jira is jira"
    with using(stack) as lost:
        said = act(stack, ",".join(UNNOTICED))
    assert lost == []
    assert "with the login jira_a" in said
    assert stack.developer.containers()["postgres"].id == postgres, "the server was not stopped"
    now = passwords(stack)
    assert not set(now.values()) & set(database.values())
    assert log_in(stack, "jira_a", now["jira"]) == "jira_a is jira"
    assert log_in(stack, "temporal_a", now["temporal"]) == "temporal_a is temporal"
    for user in ("postgres", "migration", "backup", "monitoring"):
        assert "password authentication failed" in log_in(stack, user, database[user])
    for user in ("jira", "temporal", "jira_a", "temporal_a"):
        assert "failed" in log_in(stack, user, database[user.removesuffix("_a")])
    kept = {place: text for place, text in values(stack).items() if before.get(place) == text}
    assert {place.partition(".")[0] for place in kept} == {
        *("credentials-session-secret", "credentials-admin"),
        *("credentials-grafana", "credentials-grafana-key"),
    }
    old = {place: text for place, text in before.items() if place not in kept}
    assert left(stack, old) == {}
    assert {service: len(stack.states(service)) for service in ("api", "worker")} == {"api": 1, "worker": 1}
    assert not stack.deployment.preview().changes, "a second up has nothing to do"


def test_what_people_sign_in_with_changes_and_they_sign_in_anew(stack: Stack) -> None:
    before = values(stack)
    target = stack.developer.target()
    old_login = (target.outputs["temporal_ui_user"], target.outputs["temporal_ui_password"])
    with target.http() as client:
        api = Api(target, client).login()
        with Watch(target) as watch:
            said = act(stack, "session,admin,temporal_ui,metrics")
            time.sleep(1)
        assert watch.lost == []
        assert watch.asked > 50
        assert "everybody who is signed in signs in anew" in said
        with pytest.raises(AssertionError, match="Log in first"):
            api.create("with the token of before")
        with pytest.raises(AssertionError, match="Unknown email or wrong password"):
            Api(target, client).login()
        assert client.get(target.url("temporal"), auth=old_login).status_code == 401
        stack.deployment.write_outputs(stack.developer.rehearsal.state / "outputs.json")
        target = stack.developer.target()
        new_login = (target.outputs["temporal_ui_user"], target.outputs["temporal_ui_password"])
        assert client.get(target.url("temporal"), auth=new_login).status_code == 200
        assert Api(target, client).login().create("with the password of now")
    old = {place: text for place, text in before.items() if values(stack)[place] != text}
    assert {place.partition(".")[0] for place in old} >= {"credentials-session-secret", "credentials-admin"}
    assert left(stack, old) == {}


def test_one_that_fails_leaves_the_login_of_before_and_is_gone_on_with(stack: Stack) -> None:
    before = passwords(stack)
    stack_file.write_images(stack.file, {"api": stack.image("api", {"/app/dist/server.js": LATE})})
    with using(stack) as lost, pytest.raises(DeploymentFailed):
        act(stack, "jira")
    assert lost == []
    assert stack_file.rotations(stack.file)["jira"] == 2
    assert reached(stack.deployment.resources())["jira"] == 1
    assert log_in(stack, "jira_a", before["jira"]) == "jira_a is jira", "what serves uses it"
    stack_file.write_images(stack.file, stack.good)
    with using(stack) as lost:
        said = act(stack, "jira")
    assert lost == []
    assert "jira (number 2, which was begun)" in said
    assert stack_file.rotations(stack.file)["jira"] == 2
    assert log_in(stack, "jira_b", passwords(stack)["jira"]) == "jira_b is jira"
    seconds_until("the former login is shut", lambda: "failed" in log_in(stack, "jira_a", before["jira"]), 10)
    assert left(stack, {"jira": before["jira"]}) == {}


def test_the_machine_knows_since_when_each_is_the_one_that_it_is(stack: Stack) -> None:
    since = outputs(stack.deployment.resources())["rotated"]
    assert set(since) == set(MADE)
    assert since["postgres"] < since["session"] < since["jira"]


def test_a_key_that_is_not_made_anew_is_refused(stack: Stack) -> None:
    with pytest.raises(NoRotation, match="SECRET: got ssh; the host key is what the machine is known by"):
        act(stack, "ssh")
