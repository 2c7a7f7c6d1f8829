"""Stand-ins on PATH, and only where the official plugin is missing."""

import subprocess
from pathlib import Path

import pytest

from rehearsal import launchers


def executable(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "users"))
    return tmp_path / "home"


def test_every_plugin_that_is_missing_gets_a_launcher(tmp_path: Path, home: Path) -> None:
    assert launchers.place(tmp_path / "bin", home, path="/nowhere") == sorted(launchers.PLUGINS)
    names = {path.name for path in (tmp_path / "bin").iterdir()}
    assert names == {f"pulumi-resource-{name}" for name in launchers.PLUGINS}


def test_an_official_plugin_on_path_is_preferred(tmp_path: Path, home: Path) -> None:
    executable(tmp_path / "official" / "pulumi-resource-hcloud")
    placed = launchers.place(tmp_path / "bin", home, path=str(tmp_path / "official"))
    assert "hcloud" not in placed
    assert not (tmp_path / "bin" / "pulumi-resource-hcloud").exists()


def test_one_that_the_user_has_installed_is_linked_into_the_rehearsals_home(
    tmp_path: Path, home: Path
) -> None:
    folder = f"resource-docker-v{launchers.version('pulumi-docker')}"
    executable(tmp_path / "users" / "plugins" / folder / "pulumi-resource-docker")
    assert "docker" not in launchers.place(tmp_path / "bin", home, path="/nowhere")
    assert (home / "plugins" / folder / "pulumi-resource-docker").exists()


def test_where_servers_are_only_recorded_what_dials_them_is_never_the_official_one(
    tmp_path: Path, home: Path
) -> None:
    for name in launchers.PLUGINS:
        executable(tmp_path / "official" / f"pulumi-resource-{name}")
    folder = f"resource-docker-v{launchers.version('pulumi-docker')}"
    executable(tmp_path / "users" / "plugins" / folder / "pulumi-resource-docker")
    placed = launchers.place(tmp_path / "bin", home, path=str(tmp_path / "official"), recorded=True)
    assert placed == ["command", "docker"]


def test_one_of_another_version_does_not_count(tmp_path: Path, home: Path) -> None:
    executable(tmp_path / "users" / "plugins" / "resource-docker-v1.0.0" / "pulumi-resource-docker")
    assert "docker" in launchers.place(tmp_path / "bin", home, path="/nowhere")


def test_a_launcher_runs_our_plugins_from_any_folder(tmp_path: Path, home: Path) -> None:
    launchers.place(tmp_path / "a b", home, path="/nowhere")
    launcher = (tmp_path / "a b" / "pulumi-resource-random").read_text()
    (tmp_path / "a b" / "probe").write_text(
        launcher.replace("rehearsal.plugins random", "rehearsal.plugins nonesuch")
    )
    asked = subprocess.run(
        ["sh", str(tmp_path / "a b" / "probe")], cwd="/", capture_output=True, text=True, check=False
    )
    assert "unknown plugin nonesuch" in asked.stderr
