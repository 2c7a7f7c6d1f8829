"""Postgres and Temporal, as the official images run: hardened, with the program's users."""

from __future__ import annotations

import json

import pytest
from docker.models.containers import Container

from tests.live.images.asking import Run, finished, output, succeeds, until

pytestmark = pytest.mark.live

TMPFS = {"/tmp": "", "/var/run/postgresql": "uid=999"}
INIT = """create role temporal login password 'temporal';
create database temporal owner temporal;
create database temporal_visibility owner temporal;
"""


@pytest.fixture(scope="module")
def postgres(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Container:
    folder = tmp_path_factory.mktemp("postgres")
    (folder / "password").write_text("secret\n")
    (folder / "init").mkdir()
    (folder / "init" / "1.sql").write_text(INIT)
    (folder / "init" / "2.sh").write_text(
        'psql -U "$POSTGRES_USER" -d "$POSTGRES_DB" -c "create table made (by text)"\n'
    )
    for path in (folder, folder / "init", *folder.rglob("*")):
        path.chmod(0o755)
    container = run(
        "postgres",
        name="postgres",
        user="999:999",
        tmpfs=TMPFS,
        environment={
            "POSTGRES_USER": "jira",
            "POSTGRES_PASSWORD_FILE": "/run/secrets/password",
            "POSTGRES_DB": "application",
        },
        volumes={
            str(folder / "password"): {"bind": "/run/secrets/password", "mode": "ro"},
            str(folder / "init"): {"bind": "/docker-entrypoint-initdb.d", "mode": "ro"},
        },
    )
    until(lambda: succeeds(container, "pg_isready", "-h", "127.0.0.1"), "Postgres answers over TCP")
    return container


def sql(postgres: Container, query: str, password: str = "secret") -> str:
    connection = f"postgresql://jira:{password}@postgres/application"
    return output(postgres, "psql", "-XAt", connection, "-c", query)


def test_postgres_makes_what_its_environment_names(postgres: Container) -> None:
    assert sql(postgres, "select current_setting('server_version_num')::int / 10000") == "15"
    assert sql(postgres, "select count(*) from made") == "0", (
        "the script of the init folder ran in the database"
    )
    assert sql(postgres, "select rolname from pg_roles where rolname = 'temporal'") == "temporal"


def test_postgres_wants_the_password(postgres: Container) -> None:
    wrong = ["psql", "-XAt", "postgresql://jira:wrong@postgres/application", "-c", "select 1"]
    assert not succeeds(postgres, *wrong)


def test_postgres_keeps_its_data_and_initialises_once(postgres: Container) -> None:
    sql(postgres, "insert into made values ('test')")
    postgres.stop(timeout=30)
    postgres.reload()
    assert postgres.attrs["State"]["ExitCode"] == 0, "SIGINT is its fast shutdown"
    postgres.start()
    until(lambda: succeeds(postgres, "pg_isready", "-h", "127.0.0.1"), "Postgres answers again")
    assert sql(postgres, "select count(*) from made") == "1"
    assert "Skipping initialization" in postgres.logs().decode()


def test_postgres_without_a_password_says_so(run: Run) -> None:
    refused = run("postgres", user="999:999", tmpfs=TMPFS)
    assert refused.wait(timeout=30)["StatusCode"] == 1
    assert b"superuser password is not specified" in refused.logs()


@pytest.fixture(scope="module")
def temporal(run: Run, postgres: Container, tmp_path_factory: pytest.TempPathFactory) -> Container:
    folder = tmp_path_factory.mktemp("temporal")
    environment = {
        "SQL_PLUGIN": "postgres12",
        "SQL_HOST": "postgres",
        "SQL_PORT": "5432",
        "SQL_USER": "temporal",
    }
    for database in ("temporal", "visibility"):
        name = {"temporal": "temporal", "visibility": "temporal_visibility"}[database]
        schema = f"/etc/temporal/schema/postgresql/v12/{database}/versioned"
        tool = f"temporal-sql-tool --database {name}"
        script = f"{tool} setup-schema --version 0.0 && {tool} update-schema --schema-dir {schema}"
        job = run(
            "temporal_admin_tools", "sh", "-c", script, environment=environment | {"SQL_PASSWORD": "temporal"}
        )
        finished(job)
    (folder / "server.yaml").write_text(server_config())
    (folder / "dynamic.yaml").write_text("{}\n")
    folder.chmod(0o755)
    server = run(
        "temporal",
        "temporal-server",
        "--config-file=/etc/temporal/config/server.yaml",
        "--allow-no-auth",
        "start",
        name="temporal",
        tmpfs={"/tmp": ""},
        volumes={str(folder): {"bind": "/etc/temporal/config", "mode": "ro"}},
    )
    until(lambda: succeeds(server, "nc", "-z", "127.0.0.1", "7233"), "Temporal listens")
    return server


def test_temporal_serves_a_namespace(run: Run, temporal: Container) -> None:
    address = {"TEMPORAL_ADDRESS": "temporal:7233", "HOME": "/tmp"}
    script = (
        "until temporal operator cluster health; do sleep 1; done && "
        "temporal operator namespace create --namespace jira --retention 24h && "
        "until temporal workflow count --namespace jira; do sleep 1; done"
    )
    job = run("temporal_admin_tools", "sh", "-c", script, environment=address, tmpfs={"/tmp": ""})
    assert finished(job).endswith("Total: 0")
    assert succeeds(temporal, "id", "-u")
    assert output(temporal, "id", "-u") == "1000"


def test_the_interface_shows_what_temporal_serves(run: Run, temporal: Container) -> None:
    ui = run("temporal_ui", environment={"TEMPORAL_ADDRESS": "temporal:7233"}, tmpfs={"/tmp": ""})
    fetch = ("wget", "-q", "-O", "-")
    until(lambda: succeeds(ui, *fetch, "http://127.0.0.1:8080/healthz"), "the interface is healthy")
    page = output(ui, *fetch, "http://127.0.0.1:8080/")
    asset = page.split("/_app/immutable/")[1].split('"')[0]
    assert len(output(ui, *fetch, f"http://127.0.0.1:8080/_app/immutable/{asset}")) > 100, (
        "its scripts are there"
    )
    namespaces = json.loads(output(ui, *fetch, "http://127.0.0.1:8080/api/v1/namespaces"))
    assert "temporal-system" in [entry["namespaceInfo"]["name"] for entry in namespaces["namespaces"]]


def server_config() -> str:
    """A small configuration of the four services on loopback, as the program's own."""

    def store(database: str) -> dict[str, object]:
        return {
            "sql": {
                "pluginName": "postgres12",
                "databaseName": database,
                "connectAddr": "postgres:5432",
                "connectProtocol": "tcp",
                "user": "temporal",
                "password": "temporal",
            }
        }

    def service(port: int, address: str) -> dict[str, object]:
        return {"rpc": {"grpcPort": port, "membershipPort": port - 300, "bindOnIP": address}}

    config = {
        "persistence": {
            "numHistoryShards": 4,
            "defaultStore": "default",
            "visibilityStore": "visibility",
            "datastores": {"default": store("temporal"), "visibility": store("temporal_visibility")},
        },
        "global": {"membership": {"maxJoinDuration": "30s", "broadcastAddress": "127.0.0.1"}},
        "services": {
            "frontend": service(7233, "0.0.0.0"),
            "history": service(7234, "127.0.0.1"),
            "matching": service(7235, "127.0.0.1"),
            "worker": service(7239, "127.0.0.1"),
        },
        "clusterMetadata": {
            "enableGlobalNamespace": False,
            "failoverVersionIncrement": 10,
            "masterClusterName": "active",
            "currentClusterName": "active",
            "clusterInformation": {
                "active": {
                    "enabled": True,
                    "initialFailoverVersion": 1,
                    "rpcName": "frontend",
                    "rpcAddress": "127.0.0.1:7233",
                }
            },
        },
        "publicClient": {"hostPort": "127.0.0.1:7233"},
        "dynamicConfigClient": {"filepath": "/etc/temporal/config/dynamic.yaml", "pollInterval": "60s"},
    }
    return json.dumps(config)
