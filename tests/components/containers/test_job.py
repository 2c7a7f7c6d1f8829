"""Jobs: the command line, word by word, and that it is hardened as a container is."""

import shlex
import subprocess
from pathlib import Path

import pytest

from components.containers import Job, JobArgs, Networks, Process, Runtime
from components.containers.job import script
from components.containers.limits import Limits
from components.host import Host, HostArgs
from components.settings.host import Host as HostSettings
from rehearsal.declared.platform import commands, computed, containers, declared
from rehearsal.declared.recording import deploy

DATA = ("migration", "migration-backup", "temporal-namespace", "temporal-schema")
"""What prepares data."""
JOBS = DATA


def words(stack: str, job: str) -> list[str]:
    """The words of the job's `docker run`, after `set --`."""
    first = commands(declared(stack))[job].inputs["create"].splitlines()[0]
    found = shlex.split(first)
    assert found[:2] == ["set", "--"]
    return found[2:]


def test_the_migration_word_by_word() -> None:
    found = words("uat", "migration")
    folder = next(w for w in found if "target=/run/jira" in w).split("source=")[1].split("/run/jira")[0]
    assert folder.startswith("/srv/jira/files/migration-")
    assert found == [
        "jira-uat-migration",
        "--pull=never",
        "--init",
        "--user=1000:1000",
        "--network=network-data-0a1b2c3",
        "--cap-drop=ALL",
        "--security-opt=no-new-privileges:true",
        "--read-only",
        "--memory=256m",
        "--memory-swap=256m",
        "--cpus=0.5",
        "--pids-limit=512",
        "--log-driver=journald",
        "--log-opt=tag=jira-uat-migration",
        "--label=jira-plus-plus.stack=uat",
        "--label=jira-plus-plus.service=migration",
        "--dns-option=timeout:1",
        "--dns-option=attempts:1",
        "--tmpfs=/tmp:rw,nosuid,nodev,noexec,size=16m",
        f"--mount=type=bind,source={folder}/run/jira,target=/run/jira,readonly",
        f"--mount=type=bind,source={folder}/run/secrets,target=/run/secrets,readonly",
        "--env=SENTRY_ENVIRONMENT=uat",
        "--env=ADMIN_EMAIL=admin@example.com",
        "--env=ENVIRONMENT=uat",
        "--env=LOG_LEVEL=info",
        "--env=NODE_ENV=production",
        "--env=TEMPORAL_ADDRESS=temporal:7233",
        "--env=TEMPORAL_NAMESPACE=jira",
        "--env=TEMPORAL_TASK_QUEUE=jira",
        "--env=SEED_DATA=false",
        "--entrypoint=/bin/sh",
        "sha256:image-api",
        "/run/jira/entrypoint.sh",
        "--timeout",
        "600",
        "--",
        "node",
        "dist/migrate.js",
    ]


@pytest.mark.parametrize("job", JOBS)
@pytest.mark.parametrize("stack", ["local", "uat"])
def test_every_job_is_hardened_limited_and_bounded(stack: str, job: str) -> None:
    found = words(stack, job)
    assert found[0] == f"jira-{stack}-{job}"
    for flag in ("--cap-drop=ALL", "--security-opt=no-new-privileges:true", "--read-only", "--pull=never"):
        assert flag in found, flag
    memory = next(w for w in found if w.startswith("--memory=")).removeprefix("--memory=")
    assert f"--memory-swap={memory}" in found
    assert not any(w.startswith(("--privileged", "--cap-add", "--publish", "-p", "--user=0")) for w in found)
    assert "--timeout" in found, "a job that hangs would hang every update after it"


def test_the_seed_data_go_to_local_alone() -> None:
    assert "--env=SEED_DATA=true" in words("local", "migration")
    assert "--env=SEED_DATA=false" in words("prod", "migration")


def test_a_new_database_runs_every_job_again() -> None:
    recorded = declared("uat")
    database = containers(recorded)["postgres"].urn
    for job in (*DATA, "postgres-roles"):
        triggers = commands(recorded)[job].request.propertyDependencies["triggers"].urns
        assert database in triggers, f"{job}: a database that was made anew is empty"


def test_the_backup_before_a_migration_runs_again_for_a_new_image() -> None:
    assert commands(declared("uat"))["migration-backup"].inputs["triggers"][0] == "sha256:image-api"


@pytest.mark.parametrize(
    ("networks", "timeout"),
    [((), 60), (("data", "workflow"), 60), (("data",), 0)],
    ids=["none", "two", "no timeout"],
)
def test_a_job_needs_one_network_and_a_timeout(networks: tuple[str, ...], timeout: int) -> None:
    def program() -> None:
        host = Host("host", HostArgs("local", HostSettings.model_validate({"kind": "local"})))
        runtime = Runtime("local", host)
        process = Process(
            image="sha256:0",
            user="1:1",
            entrypoint=("true",),
            limits=Limits(32, 0.1),
            networks=networks,
            timeout_seconds=timeout,
        )
        Job("thing", JobArgs(process=process), runtime, Networks("network", runtime, ["data"]))

    with pytest.raises(ValueError, match="thing: a job needs exactly one network"):
        deploy(program, computed, stack="local")


def test_a_run_that_lost_its_session_ends_before_the_next_begins(tmp_path: Path) -> None:
    log = tmp_path / "log"
    docker = tmp_path / "docker"
    docker.write_text(f'#!/bin/sh\necho "$*" >>{log}\n[ "$1" != wait ] || exit 1\n')
    docker.chmod(0o755)
    result = subprocess.run(
        ["sh", "-c", script("jira-uat-x", ["--rm-me=a b", "image", "it's"])],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        check=True,
    )
    assert result.returncode == 0
    assert log.read_text().splitlines() == [
        "wait jira-uat-x",
        "rm --force jira-uat-x",
        "run --rm --name=jira-uat-x --rm-me=a b image it's",
    ]


def test_a_job_that_fails_fails_the_command(tmp_path: Path) -> None:
    docker = tmp_path / "docker"
    docker.write_text('#!/bin/sh\n[ "$1" != run ] || exit 42\n')
    docker.chmod(0o755)
    result = subprocess.run(
        ["sh", "-c", script("x", ["image"])], env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, check=False
    )
    assert result.returncode == 42
