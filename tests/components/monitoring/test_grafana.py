"""Grafana: what it is given, and that Grafana's own types take it, by the program that stands in for it."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from components.monitoring import grafana as component
from components.monitoring.grafana import config
from components.monitoring.pages import grafana, of_stack
from rehearsal.declared.packed import files
from rehearsal.declared.platform import CANARY, commands, containers, declare, declared
from rehearsal.declared.stacks import REMOVE, stack_settings
from tests.components.monitoring import programs
from tests.components.monitoring.chain import Chain, wait_for
from tests.ports import free_ports

EXPECTED = Path(__file__).parent / "expected"
PASSWORD, KEY = "canary-password", "canary-key"
NAMES = ["backups", "database", "host", "overview", "release", "requests", "workflows"]


def test_its_configuration_word_by_word() -> None:
    assert config("https://grafana.example.com") == (EXPECTED / "grafana.ini").read_text()


def test_a_browser_sends_its_session_in_the_clear_only_where_nothing_else_is_served() -> None:
    assert "cookie_secure = false\n" in config("http://grafana.localhost:8080")
    assert "cookie_secure = true\n" in config("https://grafana.example.com")


def test_it_is_given_its_pages_and_two_secrets_and_nothing_else() -> None:
    given = files(commands(declared("prod"))["grafana-files"])
    pages = {f"/etc/jira-dashboards/{page.name}.json" for page in of_stack(stack_settings("prod"))}
    secrets = {"/run/secrets/grafana", "/run/secrets/grafana-key"}
    assert set(given) == pages | secrets | {
        "/etc/jira/grafana.ini",
        "/etc/grafana/provisioning/datasources/metrics.yaml",
        "/etc/grafana/provisioning/dashboards/pages.yaml",
    }
    assert {path for path, text in given.items() if CANARY in text} == secrets
    assert len({given[path] for path in secrets}) == 2


def test_it_keeps_nothing_and_goes_away_with_its_container() -> None:
    inputs = containers(declared("prod"))["grafana"].inputs
    assert all(mount["readOnly"] for mount in inputs["mounts"])
    assert set(inputs["tmpfs"]) == {"/tmp", "/var/lib/grafana"}


def test_its_heap_knows_of_its_limit() -> None:
    changed = declare("prod", {"services.grafana.memory_mb": 500})
    assert containers(changed)["grafana"].inputs["envs"] == ["GOMEMLIMIT=400MiB"]


def test_it_asks_the_store_where_the_store_is() -> None:
    given = files(commands(declared("prod"))["grafana-files"])
    (source,) = json.loads(given["/etc/grafana/provisioning/datasources/metrics.yaml"])["datasources"]
    store = containers(declared("prod"))["metrics"].inputs["networksAdvanced"]
    ours = {network["name"] for network in containers(declared("prod"))["grafana"].inputs["networksAdvanced"]}
    (shared,) = [network for network in store if network["name"] in ours]
    assert source["url"] == f"http://{shared['aliases'][0]}:8428"


def test_where_it_is_off_nothing_of_it_is_there() -> None:
    off = declare("prod", {"monitoring": {"grafana": False}, "domain.grafana": REMOVE})
    there = {resource.name for resource in off.resources}
    assert [name for name in there if "grafana" in name and not name.startswith("credentials")] == []
    assert "grafana_password" not in off.result.logins
    assert "grafana_password" in declared("prod").result.logins


# ── by the program that stands in for it


@dataclass
class Laid:
    """What it is started with: files in a folder, which a test may change."""

    home: Path
    settings: str
    provisioning: Mapping[str, str]
    pages: dict[str, str]

    def write(self) -> dict[str, str]:
        """Writes them; the environment that says where."""
        shown, folder, data = self.home / "pages", self.home / "provisioning", self.home / "data"
        for made in (shown, folder / "datasources", folder / "dashboards", data):
            made.mkdir(parents=True, exist_ok=True)
        for name, content in self.pages.items():
            (shown / name).write_text(content)
        for name, content in self.provisioning.items():
            (folder / name).write_text(content)
        (self.home / "grafana.ini").write_text(self.settings)
        (self.home / "password").write_text(f"{PASSWORD}\n")
        (self.home / "key").write_text(KEY)
        return os.environ | {"GF_PATHS_PROVISIONING": str(folder), "GF_PATHS_DATA": str(data)}

    @property
    def command(self) -> list[str]:
        home = self.home
        return [programs.grafana(), "server", f"--homepath={home}", f"--config={home / 'grafana.ini'}"]


def laid(home: Path, port: int, stack: str = "prod", store: str = "http://127.0.0.1:1") -> Laid:
    """As the program lays them, with the places of `home`."""
    places = {
        component.PASSWORD: str(home / "password"),
        component.KEY: str(home / "key"),
        component.PAGES: str(home / "pages"),
        f"http_port = {component.GRAFANA_PORT}": f"http_port = {port}",
    }
    settings = config("http://127.0.0.1")
    # The longer first: one begins with the other.
    for place in sorted(places, key=len, reverse=True):
        settings = settings.replace(place, places[place])
    return Laid(
        home,
        settings,
        {
            "datasources/metrics.yaml": grafana.datasource(store, 15),
            "dashboards/pages.yaml": grafana.provider(str(home / "pages")),
        },
        grafana.files(of_stack(stack_settings(stack))),
    )


@contextmanager
def running(files_of_it: Laid, port: int) -> Iterator[Callable[..., tuple[int, Any]]]:
    """Starts it; what it gives asks a path, with a password, and answers with status and JSON."""
    environment = files_of_it.write()
    log = files_of_it.home / "log"
    with log.open("w") as sink:
        process = subprocess.Popen(files_of_it.command, stdout=sink, stderr=sink, env=environment)

    def ask(path: str, password: str | None = PASSWORD) -> tuple[int, Any]:
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}")
        if password is not None:
            token = base64.b64encode(f"admin:{password}".encode()).decode()
            request.add_header("Authorization", f"Basic {token}")
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def up() -> bool:
        assert process.poll() is None, log.read_text()
        try:
            return ask("/api/health", None)[0] == 200
        except OSError:
            return False

    try:
        wait_for(up, 20, log.read_text)
        yield ask
    finally:
        process.terminate()
        process.wait(20)


@pytest.mark.parametrize("stack", ["prod", "local"])
def test_its_types_take_every_page_of_a_stack(tmp_path: Path, stack: str) -> None:
    (port,) = free_ports(1)
    with running(laid(tmp_path, port, stack), port) as ask:
        assert ask("/api/health", None)[1]["database"] == "ok"
        status, listed = ask("/api/search")
        pages = of_stack(stack_settings(stack))
        assert (status, sorted(one["uid"] for one in listed)) == (200, sorted(p.name for p in pages))
        assert ask("/api/dashboards/uid/overview")[1]["meta"]["provisioned"] is True


def test_nothing_is_told_without_the_password_that_it_was_given(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    with running(laid(tmp_path, port), port) as ask:
        assert sorted(one["uid"] for one in ask("/api/search")[1]) == NAMES
        for password in (None, "admin", KEY, ""):
            assert ask("/api/search", password)[0] == 401, password


def test_it_asks_the_real_store_for_whoever_looks(tmp_path: Path) -> None:
    (port,), chain = free_ports(1), Chain(tmp_path)
    try:
        chain.begin_store()
        chain.write({'pg_up{job="postgres"}': 1})
        store = f"http://127.0.0.1:{chain.ports['store']}"
        with running(laid(tmp_path / "grafana", port, store=store), port) as ask:
            proxy = "/api/datasources/proxy/uid/metrics/api/v1/query?nocache=1&query="

            def told() -> bool:
                status, found = ask(f"{proxy}pg_up")
                return status == 200 and [one["value"][1] for one in found["data"]["result"]] == ["1"]

            wait_for(told, 30, lambda: str(ask(f"{proxy}pg_up")))
    finally:
        chain.end()


def page_with(change: Callable[[dict[str, Any]], object]) -> Callable[[Laid], None]:
    """Changes one page, as JSON."""

    def do(files_of_it: Laid) -> None:
        content = json.loads(files_of_it.pages["database.json"])
        change(content)
        files_of_it.pages["database.json"] = json.dumps(content)

    return do


def panel(content: dict[str, Any]) -> dict[str, Any]:
    """The first that is no heading."""
    found: dict[str, Any] = next(one for one in content["panels"] if one["type"] != "row")
    return found


def setting(before: str, after: str) -> Callable[[Laid], None]:
    """Changes the configuration."""

    def do(files_of_it: Laid) -> None:
        assert before in files_of_it.settings
        files_of_it.settings = files_of_it.settings.replace(before, after)

    return do


def provisioned(name: str, before: str, after: str) -> Callable[[Laid], None]:
    """Changes a file of provisioning."""

    def do(files_of_it: Laid) -> None:
        text = files_of_it.provisioning[name]
        assert before in text
        files_of_it.provisioning = {**files_of_it.provisioning, name: text.replace(before, after)}

    return do


MISTAKES: dict[str, tuple[Callable[[Laid], None], str]] = {
    "a field that a page has not": (page_with(lambda p: p.update(refrehs="30s")), "refrehs"),
    "a field that a panel has not": (page_with(lambda p: panel(p).update(titel="x")), "titel"),
    "a field that a query has not": (page_with(lambda p: panel(p)["targets"][0].update(exrp="x")), "exrp"),
    "a look that a chart has not": (
        page_with(
            lambda p: next(one for one in p["panels"] if one["type"] == "timeseries")["fieldConfig"][
                "defaults"
            ]["custom"].update(filOpacity=1)
        ),
        "filOpacity",
    ),
    "a number that is text": (page_with(lambda p: panel(p)["gridPos"].update(w="8")), "gridPos"),
    "a query without an expression": (page_with(lambda p: panel(p)["targets"][0].pop("expr")), "expr"),
    "a panel of an unknown type": (page_with(lambda p: panel(p).update(type="timeserie")), "timeserie"),
    "a data source that is not there": (
        page_with(lambda p: panel(p)["targets"][0]["datasource"].update(uid="prometheus")),
        "no data source prometheus",
    ),
    "a number that two panels have": (page_with(lambda p: panel(p).update(id=1)), "number of its own"),
    "an address that two pages have": (page_with(lambda p: p.update(uid="host")), "of another one"),
    "an address that is too long": (page_with(lambda p: p.update(uid="x" * 41)), "at most 40"),
    "a key that is misspelt": (setting("reporting_enabled", "reporting_enable"), "reporting_enable"),
    "a secret that is not there": (setting("/password}", "/pasword}"), "admin_password"),
    "a home that is no page": (setting("overview.json", "over.json"), "default_home_dashboard_path"),
    "a source that browsers ask": (
        provisioned("datasources/metrics.yaml", '"proxy"', '"direct"'),
        "would have browsers ask",
    ),
    "a field that a source has not": (
        provisioned("datasources/metrics.yaml", '"isDefault"', '"default"'),
        "field default not found",
    ),
    "a folder that is not there": (
        provisioned("dashboards/pages.yaml", "/pages", "/sheets"),
        "no such file or directory",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_ends_it_at_its_start_and_is_told(tmp_path: Path, name: str) -> None:
    make, said = MISTAKES[name]
    files_of_it = laid(tmp_path, free_ports(1)[0])
    make(files_of_it)
    ended = subprocess.run(
        files_of_it.command,
        env=files_of_it.write(),
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert ended.returncode == 1, "it started"
    assert said in ended.stderr
