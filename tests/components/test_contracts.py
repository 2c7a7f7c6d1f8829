"""What the program starts in each image is what that image's contract has; each kind of fault is found."""

from dataclasses import replace

import pytest

from components.containers.health import http
from rehearsal.declared.platform import declared
from rehearsal.declared.processes import Lent, Process, processes
from rehearsal.images import contract
from rehearsal.images.compliance import contract_of, findings

STACKS = ("uat", "prod", "local")
JOBS = {
    *("temporal-schema", "temporal-namespace", "migration-backup", "migration", "postgres-roles"),
    "rotated-former",
}


def process(name: str, stack: str = "uat") -> Process:
    (found,) = (one for one in processes(declared(stack)) if one.name == name)
    return found


def found(changed: Process) -> list[str]:
    return findings(changed, contract_of(changed))


def with_script(name: str, path: str, addition: str) -> Process:
    """A process one of whose scripts does something more, at its end."""
    before = process(name)
    return replace(before, files={**before.files, path: f"{before.files[path]}\n{addition}\n"})


@pytest.mark.parametrize("stack", STACKS)
def test_nothing_is_started_that_its_image_does_not_have(stack: str) -> None:
    assert [text for one in processes(declared(stack)) for text in found(one)] == []


@pytest.mark.parametrize("stack", STACKS)
def test_every_service_every_job_and_every_command_in_a_container_is_looked_at(stack: str) -> None:
    names = {one.name for one in processes(declared(stack))}

    assert names >= set(declared(stack).result.containers)
    assert names >= {
        "temporal-schema",
        "temporal-namespace",
        "migration",
        "migration-backup",
        "postgres-roles",
        "rotated-former",
    }
    # A volume of Docker's is given to its owner by a container of its own.
    assert ("postgres-data-owner" in names) == (stack == "local")


def test_every_image_of_the_stack_files_has_a_contract() -> None:
    run = [*processes(declared("prod")), *processes(declared("uat"))]
    keys = {one.key for one in run} | {lent.key for one in run for lent in one.borrowed.values()}

    assert keys - {"api", "worker", "web"} == set(contract.names()) - {contract.APPLICATION}


@pytest.mark.parametrize(
    ("name", "script", "addition"),
    [
        ("temporal-schema", "/etc/jira/schema.sh", "curl --fail http://temporal:7243/"),
        ("temporal-namespace", "/etc/jira/namespace.sh", "count=$(echo 1 | curl -s -)"),
        ("backup", "/etc/jira/backup.sh", "coproc { LC_ALL=C nice -n 5 curl -T - http://elsewhere/; }"),
        ("migration-backup", "/etc/jira/backup.sh", "trap 'curl http://elsewhere/' EXIT"),
        ("postgres-roles", "/etc/jira/roles.sh", "timeout -k 10 30 env A=b curl http://elsewhere/"),
        ("temporal-ui", "/run/jira/entrypoint.sh", "exec sh -c 'curl http://elsewhere/'"),
    ],
)
def test_a_script_that_calls_what_its_image_does_not_have_is_found(
    name: str, script: str, addition: str
) -> None:
    line = len(process(name).files[script].splitlines()) + 2

    texts = found(with_script(name, script, addition))

    assert any(f"{script}:{line}: there is no curl, in " in text for text in texts), texts


def test_a_health_check_by_bash_is_found_in_an_image_without_bash() -> None:
    command = (
        "bash",
        "-c",
        "exec 3<>/dev/tcp/127.0.0.1/2375 && read -r _ status _ <&3 && [[ $status == 200 ]]",
    )

    texts = found(replace(process("socket-autoheal"), health=command))

    assert any("health check: there is no bash" in text for text in texts)


def test_a_health_check_by_wget_is_found_in_an_image_without_wget() -> None:
    texts = found(replace(process("postgres"), health=http(5432, "/")))

    assert texts == ["postgres: health check: there is no wget, in postgres:15.19-bookworm"]


@pytest.mark.parametrize(
    "addition",
    [
        "[[ -n $NAMESPACE ]] && echo yes",
        "cat <<<text",
        "names=(a b)",
        "echo ${NAMESPACE//a/b}",
        "read -r x < <(ls)",
    ],
)
def test_what_only_bash_understands_is_found_in_a_script_that_another_shell_runs(addition: str) -> None:
    texts = found(with_script("temporal-namespace", "/etc/jira/namespace.sh", addition))

    assert any("/etc/jira/namespace.sh:" in text and "its shell is ash" in text for text in texts), texts


def test_a_connection_by_the_shell_is_found_in_an_image_without_bash() -> None:
    texts = found(with_script("temporal-schema", "/etc/jira/schema.sh", "exec 3<>/dev/tcp/postgres/5432"))

    assert any("/dev/tcp/postgres/5432 is bash's" in text for text in texts)


def test_a_long_option_of_gnus_is_found_where_the_program_is_busybox() -> None:
    texts = found(with_script("temporal-schema", "/etc/jira/schema.sh", "sort --reverse /etc/passwd"))

    assert any("sort is BusyBox', which does not promise --reverse" in text for text in texts)


def test_an_address_by_tcp_is_found_where_autoheal_takes_a_socket() -> None:
    autoheal = process("autoheal")
    environment = {**autoheal.environment, "DOCKER_SOCK": "tcp://socket-autoheal:2375"}

    texts = found(replace(autoheal, environment=environment))

    assert any("the variable DOCKER_SOCK: 'tcp://socket-autoheal:2375' is not like" in text for text in texts)


@pytest.mark.parametrize("name", ["watchtower", "traefik", "temporal-ui", "temporal-namespace"])
def test_a_variable_that_no_one_knows_is_found(name: str) -> None:
    before = process(name)

    texts = found(replace(before, environment={**before.environment, "ONLY_IN_THE_NEXT_VERSION": "1"}))

    assert len(texts) == 1
    assert "the variable ONLY_IN_THE_NEXT_VERSION: neither the image nor a script knows it" in texts[0]


def test_a_user_that_the_image_does_not_work_as_is_found() -> None:
    texts = found(replace(process("postgres"), user="1000:1000"))

    assert texts == [
        "postgres: it runs as 1000:1000; the image works as 0:0 or 999:999, in postgres:15.19-bookworm"
    ]


def test_a_path_that_is_not_there_is_found() -> None:
    job = process("temporal-schema")
    script = job.files["/etc/jira/schema.sh"].replace("/etc/temporal/schema", "/usr/share/temporal/schema")

    texts = found(replace(job, files={**job.files, "/etc/jira/schema.sh": script}))

    assert any("/etc/jira/schema.sh:7: there is no /usr/share/temporal/schema" in text for text in texts), (
        texts
    )


def test_a_file_that_is_mounted_no_longer_is_missed() -> None:
    texts = found(replace(process("postgres"), files={}))

    assert any(
        "the variable POSTGRES_PASSWORD_FILE: there is no /run/roles/postgres" in text for text in texts
    )


def test_a_script_is_no_program_for_it_is_mounted_without_that_right() -> None:
    texts = found(replace(process("backup"), command=("/etc/jira/scheduler.sh",)))

    assert any("/etc/jira/scheduler.sh is mounted without the right to execute it" in text for text in texts)


def test_a_shell_is_missed_where_the_image_has_nothing_but_its_program() -> None:
    watchtower = replace(process("watchtower"), borrowed={})

    texts = found(replace(watchtower, command=("/bin/sh", "-c", "exec /watchtower")))

    assert any("command line: there is no /bin/sh, in nickfedor/watchtower" in text for text in texts)


@pytest.mark.parametrize(
    ("check", "missing"),
    [
        (("/bin/busybox", "wget", "-q", "http://127.0.0.1:8080/"), []),
        (("/bin/busybox", "curl", "http://127.0.0.1:8080/"), ["BusyBox of haproxy has no curl"]),
        (
            ("/bin/curl", "http://127.0.0.1:8080/"),
            ["there is no /bin/curl in haproxy"],
        ),
    ],
)
def test_a_program_of_another_image_is_looked_up_there(check: tuple[str, ...], missing: list[str]) -> None:
    watchtower = process("watchtower")
    borrowed = {"/bin": Lent("socket_proxy", "/bin")}

    texts = found(replace(watchtower, health=check, places=("/bin",), borrowed=borrowed))

    assert len(texts) == len(missing)
    assert all(part in text for part, text in zip(missing, texts, strict=True)), texts


@pytest.mark.parametrize(("program", "missing"), [("restic", None), ("rclone", "/usr/bin/rclone")])
def test_a_program_is_looked_up_where_the_other_image_has_it(program: str, missing: str | None) -> None:
    (backup,) = (one for one in processes(declared("prod")) if one.name == "backup")
    assert backup.borrowed["/opt/restic"] == Lent("restic", "/usr/bin")

    texts = found(replace(backup, health=(f"/opt/restic/{program}", "snapshots")))

    assert [text for text in texts if "restic" in text] == texts
    assert len(texts) == (missing is not None)
    assert missing is None or f"there is no {missing} in restic/restic, from where" in texts[0]


def test_another_version_asks_for_another_look_at_its_sources() -> None:
    traefik = process("traefik")

    (text,) = found(replace(traefik, image=traefik.image.replace(":v3.7.13@", ":v3.7.15@")))

    assert "the contract was read from traefik:v3.7.13; read the sources of v3.7.15" in text
