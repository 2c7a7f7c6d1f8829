"""What every container of every stack must have. The exceptions are written here, and nowhere else."""

from collections.abc import Mapping
from itertools import product
from typing import Any

import pytest

from rehearsal.declared.platform import containers, declare, declared
from tests.components.settings.test_settings_mistakes import EXISTING

STACKS = ("local", "uat", "prod")
SERVICES = (
    "alertmanager",
    "alerts",
    "api",
    "autoheal",
    "backup",
    "grafana",
    "logs",
    "metrics",
    "node-exporter",
    "postgres",
    "postgres-exporter",
    "socket-autoheal",
    "socket-watchtower",
    "temporal",
    "temporal-ui",
    "traefik",
    "watchtower",
    "web",
    "worker",
)

ABSENT = {("local", "logs"), ("uat", "grafana")}
"""Who is not everywhere: on a developer's machine there is no journal, on UAT's server no room."""
ROOT = {"socket-autoheal", "socket-watchtower"}
"""Whose user is root, without any capability: the Docker socket is root's."""
WRITABLE_MOUNTS = {
    ("postgres", "/var/lib/postgresql/data"),
    ("postgres", "/var/run/postgresql"),  # its socket, where its log is archived
    ("backup", "/backups"),
    ("metrics", "/victoria-metrics-data"),
    ("logs", "/victoria-logs-data"),
    ("alertmanager", "/alertmanager"),  # silences, and what was told
    ("traefik", "/var/lib/traefik"),
}
"""The only mounts that a container may write to."""
NOT_RESTARTED = {"postgres", "backup", "autoheal"}
"""Who is not autoheal's to restart."""
OURS = {"api", "worker", "web"}
"""Whose images our release build names, so that nobody watches for newer ones."""
MADE_BY_US = {"uat", "prod"}
"""Whose server is made from an image whose Docker is known."""
WITHOUT_INIT = {("local", "postgres"), ("uat", "postgres")}
"""Who is made to be the first process; where its log is archived, what does that leaves orphans."""


@pytest.fixture(params=[place for place in product(STACKS, SERVICES) if place not in ABSENT], ids="-".join)
def place(request: pytest.FixtureRequest) -> tuple[str, str]:
    stack, service = request.param
    return stack, service


@pytest.fixture
def stack(place: tuple[str, str]) -> str:
    return place[0]


@pytest.fixture
def service(place: tuple[str, str]) -> str:
    return place[1]


@pytest.fixture
def container(stack: str, service: str) -> Mapping[str, Any]:
    return containers(declared(stack))[service].inputs


def labels(container: Mapping[str, Any]) -> dict[str, str]:
    return {label["label"]: label["value"] for label in container["labels"]}


@pytest.mark.parametrize("stack", STACKS)
def test_the_table_names_every_container(stack: str) -> None:
    expected = tuple(name for name in SERVICES if (stack, name) not in ABSENT)
    assert tuple(sorted(containers(declared(stack)))) == expected, "a new container must be in this table"


def test_it_has_a_healthcheck_that_a_release_waits_for(container: Mapping[str, Any], stack: str) -> None:
    health = container["healthcheck"]
    assert health["tests"][0] == "CMD", "no shell of the image is needed to check it"
    first = health["startInterval"] if stack in MADE_BY_US else health["interval"]
    assert 0 < int(first.removesuffix("s")) <= 5, "the first check runs so long after the start"
    interval, timeout = (int(health[key].removesuffix("s")) for key in ("interval", "timeout"))
    slow = health["retries"] * (interval + timeout) - interval
    assert slow >= 40, "who is slow for half a minute is not restarted"
    assert slow + interval <= 60, "who hangs is found within a minute"
    assert container["waitTimeout"] >= 60


def test_what_is_well_is_looked_at_less_often_where_docker_can_tell_it_from_what_starts(
    container: Mapping[str, Any], stack: str
) -> None:
    """Each check is a process; Docker 20.10 refuses the start interval."""
    health = container["healthcheck"]
    assert ("startInterval" in health) == (stack in MADE_BY_US)
    assert (health["interval"] == "10s") == (stack in MADE_BY_US)


@pytest.mark.parametrize(
    "changes", [{"host.image": "debian-12"}, {"host": EXISTING}], ids=["debian-12", "existing"]
)
def test_a_docker_that_is_older_or_unknown_is_given_no_start_interval(
    changes: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", "/run/agent")
    found = containers(declare("uat", changes)).values()
    assert found
    for container in found:
        assert "startInterval" not in container.inputs["healthcheck"]
        assert int(container.inputs["healthcheck"]["interval"].removesuffix("s")) <= 5


def test_its_memory_and_cpu_are_limited_and_swap_adds_nothing(container: Mapping[str, Any]) -> None:
    assert container["memory"] >= 32
    assert container["memorySwap"] == container["memory"]
    assert float(container["cpus"]) > 0


def test_it_comes_back_after_a_crash_and_a_reboot(container: Mapping[str, Any]) -> None:
    assert container["restart"] == "unless-stopped"
    assert container["mustRun"] is True


def test_its_log_is_bounded_and_on_a_server_outlives_it(
    stack: str, service: str, container: Mapping[str, Any]
) -> None:
    """runtime 21. `test_bootstrap.py` has the journal's bounds."""
    if stack == "local":
        assert container["logDriver"] == "local", "Docker Desktop has no journal"
        assert container["logOpts"] == {"max-size": "10m", "max-file": "3"}
    else:
        assert container["logDriver"] == "journald"
        assert container["logOpts"] == {"tag": f"jira-{stack}-{service}"}


def test_it_gets_time_to_end(container: Mapping[str, Any]) -> None:
    assert container["destroyGraceSeconds"] >= 5, "without it the provider's delete is SIGKILL at once"
    assert container["stopTimeout"] == container["destroyGraceSeconds"]
    assert container["stopSignal"] in ("SIGTERM", "SIGINT")


def test_it_has_no_capability_and_gains_no_privilege(container: Mapping[str, Any]) -> None:
    assert container["capabilities"] == {"drops": ["ALL"]}, "there is no exception"
    assert container["securityOpts"] == ["no-new-privileges:true"]
    for never in (
        "privileged",
        "devices",
        "pidMode",
        "ipcMode",
        "usernsMode",
        "networkMode",
        "sysctls",
        "groupAdds",
    ):
        assert never not in container, f"{never} opens what the rest closes"


def test_its_root_is_read_only_and_its_tmpfs_runs_nothing(container: Mapping[str, Any]) -> None:
    assert container["readOnly"] is True
    for path, options in container["tmpfs"].items():
        assert options.startswith("rw,nosuid,nodev,noexec,size="), path


def test_its_user_is_a_number_and_not_root_but_for_the_exceptions(
    container: Mapping[str, Any], service: str
) -> None:
    uid, gid = container["user"].split(":")
    assert (uid + gid).isdigit(), "names are the image's; numbers own the files"
    assert (uid == "0") == (service in ROOT)


def test_its_mounts_are_read_only_but_for_the_exceptions(container: Mapping[str, Any], service: str) -> None:
    assert "volumes" not in container, "a missing source would be created, where a mount is refused"
    writable = {(service, m["target"]) for m in container.get("mounts", []) if not m.get("readOnly")}
    assert writable <= WRITABLE_MOUNTS


def test_it_is_in_declared_networks_only(container: Mapping[str, Any]) -> None:
    assert container["networksAdvanced"], "without one it would be on Docker's default bridge, with everyone"
    assert all(network["name"].startswith("network-") for network in container["networksAdvanced"])


def test_it_is_found_by_its_labels(container: Mapping[str, Any], stack: str, service: str) -> None:
    assert labels(container)["jira-plus-plus.stack"] == stack
    assert labels(container)["jira-plus-plus.service"] == service


def test_autoheal_may_restart_it_but_for_the_exceptions(
    container: Mapping[str, Any], stack: str, service: str
) -> None:
    found = labels(container)
    assert (found.get(f"jira-{stack}.autoheal") == "true") == (service not in NOT_RESTARTED)
    assert "autoheal" not in found, "the common label would be another autoheal's to act on"


def test_watchtower_reports_on_it_and_never_replaces_it(container: Mapping[str, Any], service: str) -> None:
    found = labels(container)
    assert (found["com.centurylinklabs.watchtower.enable"] == "true") == (service not in OURS)
    if service not in OURS:
        assert found["com.centurylinklabs.watchtower.monitor-only"] == "true"
        original = found["com.centurylinklabs.zodiac.original-image"]
        assert "@" not in original, "a digest has no newer version; its tag has"
        assert ":" in original


def test_its_image_is_an_id(container: Mapping[str, Any]) -> None:
    assert container["image"].startswith("sha256:"), "by repository digest it would be replaced at every run"


def test_an_init_reaps_its_orphans_but_for_the_exceptions(
    container: Mapping[str, Any], stack: str, service: str
) -> None:
    assert container["init"] == ((stack, service) not in WITHOUT_INIT)
