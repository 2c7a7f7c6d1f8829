"""Temporal: its configuration as exact text, its jobs with tools that note what they are asked."""

import json
import subprocess
from pathlib import Path

import pytest

from components.services.connections import connections
from components.services.temporal import dynamic_config, server_config
from components.settings.services import Services
from rehearsal.declared.platform import CONTAINER, containers, declare, declared
from tests.components.services.conftest import SERVICES

EXPECTED = Path(__file__).parent / "expected"


def test_the_servers_configuration_word_by_word() -> None:
    assert (
        server_config("temporal", "password-of-temporal", 4, metrics=True)
        == (EXPECTED / "temporal-server.json").read_text()
    )


def test_the_dynamic_configuration_word_by_word() -> None:
    assert dynamic_config() == (EXPECTED / "temporal-dynamic.json").read_text()


def test_the_number_of_shards_is_the_settings() -> None:
    assert (
        json.loads(server_config("temporal", "x", 512, metrics=False))["persistence"]["numHistoryShards"]
        == 512
    )
    files = declare("uat", {"services.temporal.history_shards": 8})
    assert (
        files.one("temporal-files", "command:remote:Command").inputs["triggers"]
        != (declared("uat").one("temporal-files", "command:remote:Command").inputs["triggers"])
    )


def test_only_the_frontend_can_be_reached_from_outside_its_container() -> None:
    services = json.loads(server_config("temporal", "x", 4, metrics=False))["services"]
    addresses = {name: service["rpc"]["bindOnIP"] for name, service in services.items()}
    assert addresses == {
        "frontend": "0.0.0.0",
        "history": "127.0.0.1",
        "matching": "127.0.0.1",
        "worker": "127.0.0.1",
    }


def test_the_pools_of_all_its_services_fit_into_its_share_of_the_connections() -> None:
    """runtime 7. Each service of the one process has its own pool for each store."""
    config = json.loads(server_config("temporal", "x", 4, metrics=False))
    pools = sum(store["sql"]["maxConns"] for store in config["persistence"]["datastores"].values())
    assert pools * len(config["services"]) < connections(Services()).temporal


def tools(folder: Path, name: str, script: str) -> dict[str, str]:
    """A PATH with a tool that notes its arguments in `log` and then does what the script says."""
    tool = folder / name
    tool.write_text(f'#!/bin/sh\necho "$*" >>{folder}/log\n{script}\n')
    tool.chmod(0o755)
    sleep = folder / "sleep"
    sleep.write_text("#!/bin/sh\n")
    sleep.chmod(0o755)
    return {"PATH": f"{folder}:/usr/bin:/bin"}


def log(folder: Path) -> list[str]:
    return (folder / "log").read_text().splitlines()


def test_both_databases_are_set_up_and_brought_up_to_date(tmp_path: Path) -> None:
    subprocess.run(["sh", SERVICES / "schema.sh"], env=tools(tmp_path, "temporal-sql-tool", ""), check=True)
    schemas = "/etc/temporal/schema/postgresql/v12"
    assert log(tmp_path) == [
        "--database temporal setup-schema --version 0.0",
        f"--database temporal update-schema --schema-dir {schemas}/temporal/versioned",
        "--database temporal_visibility setup-schema --version 0.0",
        f"--database temporal_visibility update-schema --schema-dir {schemas}/visibility/versioned",
    ]


def test_a_schema_that_fails_stops_the_job(tmp_path: Path) -> None:
    environment = tools(tmp_path, "temporal-sql-tool", "case $* in *update*) exit 1 ;; esac")
    result = subprocess.run(["sh", SERVICES / "schema.sh"], env=environment, check=False)
    assert result.returncode != 0
    assert len(log(tmp_path)) == 2, "the second database is not begun"


def namespace(folder: Path, script: str) -> "subprocess.CompletedProcess[str]":
    environment = {
        **tools(folder, "temporal", script),
        "NAMESPACE": "jira",
        "RETENTION": "168h",
        "TEMPORAL_ADDRESS": "temporal:7233",
    }
    return subprocess.run(
        ["sh", SERVICES / "namespace.sh"], env=environment, check=False, text=True, capture_output=True
    )


def test_a_new_namespace_is_made_and_waited_for(tmp_path: Path) -> None:
    assert namespace(tmp_path, "case $* in *describe*) exit 1 ;; esac").returncode == 0
    assert log(tmp_path) == [
        "operator cluster health",
        "operator namespace describe --namespace jira",
        "operator namespace create --namespace jira --retention 168h",
        "workflow count --namespace jira",
    ]


def test_a_namespace_that_is_there_gets_its_retention(tmp_path: Path) -> None:
    assert namespace(tmp_path, "").returncode == 0
    assert "operator namespace update --namespace jira --retention 168h" in log(tmp_path)
    assert not any("create" in line for line in log(tmp_path))


def test_a_server_that_starts_slowly_is_waited_for(tmp_path: Path) -> None:
    slow = f'case $* in *health*) [ "$(grep -c health {tmp_path}/log)" -ge 5 ] || exit 1 ;; esac'
    assert namespace(tmp_path, slow).returncode == 0
    assert log(tmp_path).count("operator cluster health") == 5


@pytest.mark.parametrize(
    ("failing", "message"),
    [
        ("health", "Temporal at temporal:7233 is not healthy after 60 s"),
        ("count", "namespace jira does not answer after 30 s"),
    ],
)
def test_what_never_comes_is_named(tmp_path: Path, failing: str, message: str) -> None:
    result = namespace(tmp_path, f"case $* in *{failing}*) exit 1 ;; esac")
    assert result.returncode == 1
    assert message in result.stderr


def test_the_interface_knows_its_own_address_and_asks_nobody_for_news() -> None:
    environment = containers(declared("uat"))["temporal-ui"].inputs["envs"]
    assert "TEMPORAL_CORS_ORIGINS=https://temporal-uat.example.com" in environment
    assert "TEMPORAL_CSRF_COOKIE_INSECURE=false" in environment
    assert "TEMPORAL_DISABLE_NEWS_FETCH=true" in environment
    assert "TEMPORAL_CSRF_COOKIE_INSECURE=true" in containers(declared("local"))["temporal-ui"].inputs["envs"]
    assert declared("uat").one("temporal-ui", CONTAINER)
