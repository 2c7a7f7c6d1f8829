"""The proxy: its two configurations as exact text, its ports, and the change of its routes in place."""

import json
import os
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from components.containers.mount import Port
from components.edge.cloudflare_ranges import IPV4, IPV6
from components.services import clients
from components.services.routing import Routing, dynamic_config
from components.services.traefik import ports, static_config, write_dynamic
from components.settings.tls import Tls
from rehearsal.declared.platform import commands, containers, declared
from rehearsal.declared.stacks import stack_settings
from tests.components.settings.test_settings_mistakes import EXISTING

EXPECTED = Path(__file__).parent / "expected"
ACME = Tls(mode="dns-01", acme_email="ops@example.com")
NONE = Tls(mode="none")
HOSTS = {
    "api": "api-uat.example.com",
    "web": "app-uat.example.com",
    "temporal": "temporal-uat.example.com",
    "metrics": "metrics-uat.example.com",
    "grafana": "grafana-uat.example.com",
}


def routing(tls: Tls, **changes: Any) -> Routing:
    return Routing(
        **{
            "host_names": HOSTS,
            "tls": tls,
            "temporal_users": ("admin:{SHA}hash",),
            "metrics_users": ("admin:{SHA}another",),
            "logs": True,
            "grafana_users": ("admin:{SHA}third",),
            "proxies": ("173.245.48.0/20", "2400:cb00::/32"),
            "only_proxies": True,
            **changes,
        }
    )


def dynamic(tls: Tls, **changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(dynamic_config(routing(tls, **changes)))
    return found


def test_the_static_configuration_word_by_word() -> None:
    assert static_config(ACME) == (EXPECTED / "traefik-static-dns-01.json").read_text()


def test_the_static_configuration_of_plain_http_word_by_word() -> None:
    assert static_config(NONE) == (EXPECTED / "traefik-static-none.json").read_text()


def test_the_dynamic_configuration_word_by_word() -> None:
    assert dynamic_config(routing(ACME)) == (EXPECTED / "traefik-dynamic-dns-01.json").read_text()


def test_its_heap_is_collected_before_the_limit_is_reached() -> None:
    limit = stack_settings("uat").services.traefik.memory_mb
    proxy = containers(declared("uat"))["traefik"]
    assert f"GOMEMLIMIT={limit * 3 // 4}MiB" in proxy.inputs["envs"]
    assert proxy.inputs["memory"] == limit


def test_of_docker_it_knows_nothing() -> None:
    assert list(json.loads(static_config(ACME))["providers"]) == ["file", "providersThrottleDuration"]


def test_temporal_is_behind_its_password_in_every_mode() -> None:
    for mode in ("dns-01", "origin-ca", "self-signed", "none"):
        routers = dynamic(Tls.model_validate({"mode": mode}))["http"]["routers"]
        to_temporal = [r for r in routers.values() if r.get("service") == "temporal-ui"]
        assert to_temporal
        assert all("temporal-users" in r["middlewares"] for r in to_temporal), mode


@pytest.mark.parametrize("mode", ["dns-01", "origin-ca", "self-signed"])
def test_with_tls_nothing_is_routed_in_the_clear_and_old_versions_are_refused(mode: str) -> None:
    config = dynamic(Tls.model_validate({"mode": mode}), certificate=("CERTIFICATE", "KEY"))
    for router in config["http"]["routers"].values():
        if "parentRefs" not in router:
            assert all(name.startswith("websecure") for name in router["entryPoints"])
            assert router["tls"]["options"] == "default"
    assert config["tls"]["options"]["default"] == {"minVersion": "VersionTLS12", "sniStrict": True}
    static = json.loads(static_config(Tls.model_validate({"mode": mode})))
    for name in ("web", "web-ipv6"):
        redirect = static["entryPoints"][name]["http"]["redirections"]["entryPoint"]
        assert redirect == {"to": ":443", "scheme": "https", "permanent": True}, (
            "to the entry point's own port it would lead to 8443, which is not published"
        )


@pytest.mark.parametrize("mode", ["origin-ca", "self-signed"])
def test_a_certificate_of_ours_is_presented_and_no_authority_is_asked(mode: str) -> None:
    tls = Tls.model_validate({"mode": mode})
    config = dynamic(tls, certificate=("CERTIFICATE", "KEY"))
    assert config["tls"]["certificates"] == [{"certFile": "CERTIFICATE", "keyFile": "KEY"}]
    assert "certResolver" not in json.dumps(config)
    assert "certificatesResolvers" not in static_config(tls)


def test_every_name_is_reached_through_an_entrance_alone() -> None:
    """Report: runtime 17. What an entrance does of limits and headers holds for every request."""
    for tls, proxies, only_proxies in (
        (ACME, ("192.0.2.0/24",), True),
        (ACME, ("192.0.2.0/24",), False),
        (NONE, (), False),
    ):
        routers = dynamic(tls, proxies=proxies, only_proxies=only_proxies)["http"]["routers"]
        entrances = {name: router for name, router in routers.items() if "parentRefs" not in router}
        assert not any("service" in router for router in entrances.values())
        assert ("proxied" in entrances) == bool(proxies)
        for name, router in routers.items():
            if name not in entrances:
                kind = name.rpartition("-")[2]
                assert router["parentRefs"] == [
                    entrance for entrance in entrances if entrance.startswith(kind)
                ]
                assert f"{kind}-rate-limit" in router["middlewares"]
        by_entry_point = [point for router in entrances.values() for point in router["entryPoints"]]
        assert by_entry_point.count("websecure-ipv6") == (0 if tls is NONE else 1)


def test_an_authority_is_asked_for_each_name_by_itself() -> None:
    for entrance in ("proxied", "proxied-ipv6", "direct"):
        tls = dynamic(ACME)["http"]["routers"][entrance]["tls"]
        assert tls["domains"] == [{"main": name} for name in HOSTS.values()]


@pytest.mark.parametrize(
    ("stack", "changes", "believed", "alone"),
    [
        ("uat", {}, (*IPV4, *IPV6), True),
        ("uat", {"edge.http_sources": ["173.245.48.0/24"]}, (*IPV4, *IPV6), True),
        ("uat", {"edge.http_sources": ["203.0.113.0/24"]}, (*IPV4, *IPV6), False),
        (
            "uat",
            {"edge.http_sources": ["203.0.113.0/24"], "edge.proxies": ["203.0.113.0/24"]},
            ("203.0.113.0/24",),
            True,
        ),
        ("uat", {"host": EXISTING}, (*IPV4, *IPV6), False),
        ("local", {}, (), False),
    ],
)
def test_who_is_believed_and_whether_nobody_else_can_connect(
    stack: str, changes: dict[str, object], believed: tuple[str, ...], alone: bool
) -> None:
    """Report: runtime 17. By IPv6 all come from Docker's gateway: only a firewall tells who they are."""
    settings = stack_settings(stack, changes)
    assert clients.proxies(settings) == believed
    assert clients.only_proxies(settings) is alone


def test_on_a_server_80_and_443_are_published_on_both_families_and_nothing_else() -> None:
    assert set(ports(ACME, loopback=False, http_port=8080)) == {
        Port(8000, 80, "0.0.0.0"),
        Port(8001, 80, "::"),
        Port(8443, 443, "0.0.0.0"),
        Port(8444, 443, "::"),
    }


def test_on_this_machine_one_port_of_the_loopback_is_published() -> None:
    assert ports(NONE, loopback=True, http_port=8080) == (Port(8000, 8080, "127.0.0.1"),)


def test_the_entry_points_listen_where_the_ports_lead() -> None:
    for tls, loopback in ((ACME, False), (NONE, True)):
        listening = {e["address"] for e in json.loads(static_config(tls))["entryPoints"].values()}
        assert {f":{port.internal}" for port in ports(tls, loopback, 8080)} <= listening


def test_a_change_of_routes_runs_in_place_and_replaces_nothing() -> None:
    dynamic = commands(declared("uat"))["traefik-dynamic"]
    assert "triggers" not in dynamic.inputs, (
        "a trigger would replace the command, and with it what mounts the folder"
    )
    assert "stdin" in dynamic.secrets
    assert dynamic.inputs["create"] == "sudo sh -s -- /srv/jira/files/traefik-dynamic 65532:65532"
    mount = next(
        m
        for m in containers(declared("uat"))["traefik"].inputs["mounts"]
        if m["target"] == "/etc/traefik-dynamic"
    )
    assert mount["source"] == "/srv/jira/files/traefik-dynamic", (
        "a folder that stays, where others are named by content"
    )


def test_the_routes_are_written_whole_and_over_the_old_ones(tmp_path: Path) -> None:
    folder = tmp_path / "files" / "traefik-dynamic"
    user = f"{os.getuid()}:{os.getgid()}"
    for content in ("first", "second `$x` 'ü'"):
        subprocess.run(
            ["sh", "-s", "--", str(folder), user], input=write_dynamic(content), text=True, check=True
        )
        assert (folder / "routes.yaml").read_text() == content
        assert [path.name for path in folder.iterdir()] == ["routes.yaml"]
    if os.getuid() == 0:
        assert stat.S_IMODE((folder / "routes.yaml").stat().st_mode) == 0o400, "the users' hashes are in it"


def test_routes_that_arrive_broken_leave_the_old_ones(tmp_path: Path) -> None:
    folder = tmp_path / "traefik-dynamic"
    user = f"{os.getuid()}:{os.getgid()}"
    subprocess.run(["sh", "-s", "--", str(folder), user], input=write_dynamic("good"), text=True, check=True)
    broken = write_dynamic("bad").replace("QlpoOT", "QlpoOU")
    result = subprocess.run(
        ["sh", "-s", "--", str(folder), user], input=broken, text=True, check=False, capture_output=True
    )
    assert result.returncode != 0
    assert (folder / "routes.yaml").read_text() == "good"
