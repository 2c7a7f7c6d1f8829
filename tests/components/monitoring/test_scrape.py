"""Who is asked for metrics, as exact text; and that each can be reached on a network that both are on."""

import json
from pathlib import Path

import pytest

from components.monitoring import node_exporter, postgres_exporter
from components.monitoring.metrics import arguments
from components.monitoring.scrape import config
from rehearsal.declared.packed import files
from rehearsal.declared.platform import commands, containers, declare, declared

EXPECTED = Path(__file__).parent / "expected"
SCRAPE = "/etc/jira/scrape.json"


def test_the_configuration_of_uat_word_by_word() -> None:
    found = files(commands(declared("uat"))["metrics-files"])[SCRAPE]
    assert found == (EXPECTED / "scrape-uat.json").read_text()


def test_where_two_run_during_a_release_each_is_asked_by_itself() -> None:
    jobs = json.loads(config(asked={}, found={"api": ("api", 4000)}, labels={}))["scrape_configs"]
    assert jobs == [{"job_name": "api", "dns_sd_configs": [{"names": ["api"], "type": "A", "port": 4000}]}], (
        "two counters under one name would be taken for one that jumps"
    )


@pytest.mark.parametrize("stack", ["local", "uat", "prod"])
def test_whom_the_store_asks_it_shares_a_network_with_and_finds_by_that_name(stack: str) -> None:
    recorded = declared(stack)
    jobs = json.loads(files(commands(recorded)["metrics-files"])[SCRAPE])["scrape_configs"]
    asked = {
        address.partition(":")[0]
        for job in jobs
        for one in job.get("static_configs", ())
        for address in one["targets"]
    } | {name for job in jobs for one in job.get("dns_sd_configs", ()) for name in one["names"]}
    reached = {"127.0.0.1"}
    own = {network["name"] for network in containers(recorded)["metrics"].inputs["networksAdvanced"]}
    for service, container in containers(recorded).items():
        for network in container.inputs["networksAdvanced"]:
            if network["name"] in own and service != "metrics":
                # By its alias, or by its name where that is fixed.
                reached |= {*(network.get("aliases") or ()), str(container.inputs.get("name"))}
    assert asked <= reached
    assert asked == {
        *("127.0.0.1", "api", "worker", "temporal", "postgres-exporter", "node-exporter"),
        *("alerts", "alertmanager"),
        f"jira-{stack}-traefik",
        *(("logs",) if stack != "local" else ()),
    }


def test_the_store_keeps_within_its_limit_and_leaves_the_database_its_disk() -> None:
    assert arguments(160, 30) == (
        "-storageDataPath=/victoria-metrics-data",
        "-retentionPeriod=30d",
        "-storage.minFreeDiskSpaceBytes=1024MiB",
        "-promscrape.config=/etc/jira/scrape.json",
        "-memory.allowedBytes=64MiB",
        "-search.maxConcurrentRequests=4",
        "-search.maxQueryDuration=20s",
        "-vmui.customDashboardsPath=/etc/jira-dashboards",
        "-vmalert.proxyURL=http://alerts:8880",
        "-loggerFormat=json",
    )


def test_retention_and_memory_follow_the_settings() -> None:
    changed = declare("uat", {"monitoring": {"retention_days": 7}, "services.metrics.memory_mb": 150})
    words = containers(changed)["metrics"].inputs["entrypoints"]
    assert {"-retentionPeriod=7d", "-memory.allowedBytes=60MiB"} <= set(words)


def test_metrics_lie_on_the_data_disk_in_a_folder_of_their_own() -> None:
    mounts = [m for m in containers(declared("uat"))["metrics"].inputs["mounts"] if not m["readOnly"]]
    assert mounts == [
        {
            "type": "bind",
            "source": "/mnt/data/metrics",
            "target": "/victoria-metrics-data",
            "readOnly": False,
        }
    ], "a bind mount: Docker refuses it where the disk, and with it the folder, is missing"


def test_the_exporter_of_the_machine_sees_of_it_a_folder_of_text_and_nothing_else() -> None:
    mounts = containers(declared("uat"))["node-exporter"].inputs["mounts"]
    assert mounts == [
        {
            "type": "bind",
            "source": "/srv/jira/metrics",
            "target": node_exporter.TEXT,
            "readOnly": True,
        }
    ]
    local = containers(declared("local"))["node-exporter"].inputs
    assert not local.get("mounts"), "on a developer's machine nothing is written"
    assert not [word for word in local["command"] if "textfile" in word]


def test_the_exporter_of_the_database_is_told_its_password_by_a_file() -> None:
    inputs = containers(declared("uat"))["postgres-exporter"].inputs
    assert inputs["envs"] == [
        "DATA_SOURCE_URI=postgres:5432/postgres?sslmode=disable",
        "DATA_SOURCE_USER=monitoring",
        f"DATA_SOURCE_PASS_FILE={postgres_exporter.PASSWORD}",
    ]


def test_without_metrics_nothing_of_them_is_there() -> None:
    from rehearsal.declared.stacks import REMOVE

    off = declare("uat", {"monitoring": {"enabled": False}, "domain.metrics": REMOVE})
    there = {r.name for r in off.resources if not r.name.startswith("credentials")}
    assert not [name for name in there if "metrics" in name or "exporter" in name]
    assert '"metrics"' not in files(commands(off)["temporal-files"])["/etc/temporal/config/server.yaml"]
