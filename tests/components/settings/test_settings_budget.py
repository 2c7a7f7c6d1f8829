"""Memory, cost and what Hetzner sells."""

import pytest

from components.settings import cost_per_month, memory_budget
from components.settings.catalogue import LOCATIONS, RETIRED, SERVER_TYPES, meant, successor
from components.settings.host import Host, Volume
from components.settings.monitoring import Monitoring
from components.settings.release import Canary, Release
from components.settings.services import Autoheal, Services, Watchtower
from rehearsal.declared.stacks import stack_settings


def host(**changes: object) -> Host:
    return Host.model_validate({"kind": "hetzner", **changes})


def test_the_budget_of_uat_is_counted_to_the_megabyte() -> None:
    settings = stack_settings("uat")
    budget = memory_budget(settings.host, settings.services, settings.release, settings.monitoring)
    assert budget.services == {
        "postgres": 640,
        "temporal": 384,
        "temporal_ui": 64,
        "traefik": 128,
        "socket_proxy": 64,
        "autoheal": 32,
        "watchtower": 64,
        "api": 288,
        "api_canary": 0,
        "worker": 288,
        "web": 96,
        "web_before": 96,
        "backup": 256,
        "metrics": 160,
        "postgres_exporter": 32,
        "node_exporter": 32,
        "alerts": 48,
        "alertmanager": 48,
        "logs": 128,
    }
    assert budget.release_mb == 288 + 288 + 96 + 64, "until the cutover these run twice"
    assert budget.reserve_mb == 512
    assert budget.limit_mb == 2848 + 736 + 512
    assert budget.server_mb == budget.limit_mb == 4096


def test_a_canary_is_another_api_and_twice_while_it_is_replaced() -> None:
    settings = stack_settings("uat")
    canary = Release(canary=Canary(image="example.com/api:1.1.0", share=5))
    without, budget = (
        memory_budget(settings.host, settings.services, release, settings.monitoring)
        for release in (settings.release, canary)
    )
    assert budget.services["api_canary"] == 288
    assert budget.release_mb == without.release_mb + 288
    assert budget.limit_mb == without.limit_mb + 576


def test_each_consumer_of_the_docker_socket_has_a_proxy_of_its_own() -> None:
    alone = Services(autoheal=Autoheal(enabled=False), watchtower=Watchtower(enabled=False))
    assert memory_budget(host(), alone, Release(), Monitoring()).services["socket_proxy"] == 0
    assert memory_budget(host(), Services(), Release(), Monitoring()).services["socket_proxy"] == 2 * 32
    assert memory_budget(host(), alone, Release(), Monitoring()).services["autoheal"] == 0, (
        "what does not run needs nothing"
    )


MONITORING = ("metrics", "postgres_exporter", "node_exporter", "alerts", "alertmanager", "logs")


def test_what_watches_uat_has_450_mb_at_most_and_none_where_it_is_off() -> None:
    services = stack_settings("uat").services
    on = memory_budget(host(), services, Release(), Monitoring()).services
    off = memory_budget(host(), services, Release(), Monitoring(enabled=False)).services
    local = memory_budget(Host(kind="local"), services, Release(), Monitoring()).services
    assert set(on) - set(off) == set(on) - set(local) == set(MONITORING)
    assert sum(on[name] for name in MONITORING) <= 450
    without = memory_budget(host(), services, Release(), Monitoring(logs=False)).services
    assert set(on) - set(without) == {"logs"}


def test_grafana_counts_where_it_runs() -> None:
    shown, not_shown, off = (
        memory_budget(host(), Services(), Release(), monitoring).services
        for monitoring in (
            Monitoring(grafana=True),
            Monitoring(),
            Monitoring(grafana=True, enabled=False),
        )
    )
    assert shown["grafana"] == 256
    assert "grafana" not in {*not_shown, *off}


@pytest.mark.parametrize("job", ["migration", "backup"])
def test_a_job_larger_than_the_overlap_sets_the_peak_of_a_release(job: str) -> None:
    services = Services()
    larger = getattr(services, job).model_copy(update={"memory_mb": 4000})
    assert (
        memory_budget(host(), services.model_copy(update={job: larger}), Release(), Monitoring()).release_mb
        == 4000
    )


@pytest.mark.parametrize(
    ("kind", "memory", "expected"), [("local", None, None), ("local", 8192, 8192), ("existing", 4096, 4096)]
)
def test_the_memory_of_a_machine_that_is_not_hetzners_is_what_was_said(
    kind: str, memory: int | None, expected: int | None
) -> None:
    machine = Host.model_validate({"kind": kind, "memory_mb": memory})
    assert memory_budget(machine, Services(), Release(), Monitoring()).server_mb == expected


def test_the_defaults_fit_the_default_server() -> None:
    budget = memory_budget(host(), Services(), Release(), Monitoring())
    assert budget.server_mb is not None
    assert budget.limit_mb <= budget.server_mb


def test_uat_costs_server_address_and_volume() -> None:
    cost = cost_per_month(stack_settings("uat").host)
    assert cost.items == {"server": 5.49, "primary_ipv4": 0.50, "volume": 0.57}
    assert cost.eur == 6.56


def test_production_pays_a_fifth_of_the_server_for_backups() -> None:
    cost = cost_per_month(stack_settings("prod").host)
    assert cost.items == {"server": 15.99, "primary_ipv4": 0.50, "volume": 2.86, "backups": 3.20}
    assert cost.eur == 22.55


def test_the_location_sets_the_price() -> None:
    assert cost_per_month(host(server_type="ccx13", location="sin")).items["server"] == 53.99
    assert cost_per_month(host(server_type="ccx13", location="ash")).items["server"] == 43.49


def test_the_volume_is_paid_by_the_gigabyte() -> None:
    volume = Volume(size_gb=100)
    assert cost_per_month(host(volume=volume)).items["volume"] == 5.72


@pytest.mark.parametrize("kind", ["existing", "local"])
def test_what_hetzner_does_not_provide_costs_nothing_there(kind: str) -> None:
    cost = cost_per_month(Host.model_validate({"kind": kind}))
    assert (cost.items, cost.eur) == ({}, 0.0)


def test_every_retired_type_has_a_successor_that_is_sold() -> None:
    assert successor(RETIRED["cx22"]) == "cx23"
    assert successor(RETIRED["cx51"]) == "cx53"
    for name, retired in RETIRED.items():
        assert name not in SERVER_TYPES, f"{name} cannot be both sold and retired"
        assert successor(retired) in SERVER_TYPES


@pytest.mark.parametrize(
    ("name", "guess"),
    [("cx24", "cx23"), ("cx34", "cx33"), ("cpx23", "cpx22"), ("ccx24", "ccx23"), ("cax12", "cax11")],
)
def test_a_guess_at_a_misspelt_type_is_of_its_family_and_never_a_dearer_one(name: str, guess: str) -> None:
    """infrastructure B6: cx24 was said to mean cx43, of four times the size."""
    assert meant(name) == guess


@pytest.mark.parametrize("server_type", ["cx22", "cx24"])
def test_what_a_server_costs_that_is_not_on_sale_is_not_made_up(server_type: str) -> None:
    """infrastructure B6."""
    assert cost_per_month(host(server_type=server_type, memory_mb=4096, backups=True)).items.keys() == {
        "primary_ipv4",
        "volume",
    }


def test_every_type_is_sold_somewhere_at_a_price() -> None:
    for name, server_type in SERVER_TYPES.items():
        assert name == server_type.name
        assert server_type.eur_per_month.keys() <= LOCATIONS.keys()
        assert server_type.eur_per_month, f"{name} is sold nowhere"
        assert min(server_type.eur_per_month.values()) > 0
        assert server_type.memory_mb % 1024 == 0


def test_arm_types_are_known_to_be_arm() -> None:
    assert {n for n, t in SERVER_TYPES.items() if t.architecture == "arm"} == {
        "cax11",
        "cax21",
        "cax31",
        "cax41",
    }
