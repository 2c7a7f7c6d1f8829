"""The copy of the project that a rehearsal runs in."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from components.settings.host import Host
from components.settings.monitoring import Monitoring
from rehearsal import project

HOST = "jira-plus-plus:host"
DEVELOPMENT = "jira-plus-plus:development"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "checkout"
    (root / "components" / "__pycache__").mkdir(parents=True)
    (root / "components" / "host.py").write_text("")
    (root / "components" / "__pycache__" / "host.pyc").write_text("")
    (root / "__main__.py").write_text("")
    (root / "Pulumi.yaml").write_text("name: jira-plus-plus\n")
    (root / "requirements.txt").write_text("")
    (root / "Pulumi.uat.yaml").write_text(
        yaml.safe_dump(
            {
                "config": {
                    HOST: {"kind": "hetzner", "server_type": "cx23", "ssh": {"allowed_networks": ["::/0"]}}
                }
            }
        )
    )
    (root / "rehearsal" / "overrides").mkdir(parents=True)
    return root


def stack_file(copy: Path) -> dict[str, object]:
    loaded: dict[str, object] = yaml.safe_load((copy / "Pulumi.uat.yaml").read_text())
    return loaded


def test_the_override_is_laid_over_the_stack_file_key_by_key(root: Path, tmp_path: Path) -> None:
    override = {"config": {HOST: {"ssh": {"allowed_networks": ["127.0.0.0/8"]}}}}
    (root / "rehearsal" / "overrides" / "uat.yaml").write_text(yaml.safe_dump(override))
    copy = project.prepare(root, "uat", tmp_path / "state")
    assert stack_file(copy)["config"] == {
        HOST: {"kind": "hetzner", "server_type": "cx23", "ssh": {"allowed_networks": ["127.0.0.0/8"]}}
    }


def test_what_a_server_boots_from_is_what_the_rehearsed_stack_file_asks_for(root: Path) -> None:
    assert project.server_image(root, "uat") == "debian-13", "the default"
    (root / "rehearsal" / "overrides" / "uat.yaml").write_text(
        yaml.safe_dump({"config": {HOST: {"image": "debian-12"}}})
    )
    assert project.server_image(root, "uat") == "debian-12"
    (root / "Pulumi.existing.yaml").write_text(yaml.safe_dump({"config": {HOST: {"kind": "existing"}}}))
    assert project.server_image(root, "existing") is None, "it is not for the rehearsal to boot"


@pytest.mark.parametrize(
    ("kind", "section", "monitored"),
    [
        ("hetzner", None, True),
        ("existing", {"retention_days": 7}, True),
        ("local", None, False),
        ("local", {"enabled": True}, True),
        ("hetzner", {"enabled": False}, False),
    ],
)
def test_images_of_metrics_are_made_for_whom_the_program_will_declare_them(
    root: Path, kind: str, section: dict[str, object] | None, monitored: bool
) -> None:
    config = {HOST: {"kind": kind}, **({"jira-plus-plus:monitoring": section} if section else {})}
    (root / "Pulumi.one.yaml").write_text(yaml.safe_dump({"config": config}))
    assert project.monitored(root, "one") == monitored
    declared = Monitoring.model_validate(section or {}).runs_on(Host.model_validate({"kind": kind}))
    assert declared == monitored


@pytest.mark.parametrize(
    ("kind", "section", "logged"),
    [
        ("hetzner", {}, True),
        ("existing", {"log_days": 7}, True),
        ("hetzner", {"logs": False}, False),
        ("hetzner", {"enabled": False}, False),
        ("local", {"enabled": True}, False),
    ],
)
def test_the_image_of_logs_is_made_for_whom_the_program_will_declare_it(
    root: Path, kind: str, section: dict[str, object], logged: bool
) -> None:
    config = {HOST: {"kind": kind}, "jira-plus-plus:monitoring": section}
    (root / "Pulumi.one.yaml").write_text(yaml.safe_dump({"config": config}))
    assert project.logged(root, "one") == logged
    declared = Monitoring.model_validate(section).logs_on(Host.model_validate({"kind": kind}))
    assert declared == logged


@pytest.mark.parametrize(
    ("kind", "section", "shown"),
    [
        ("hetzner", None, False),
        ("hetzner", {"grafana": True}, True),
        ("hetzner", {"grafana": True, "enabled": False}, False),
        ("local", {"grafana": True, "enabled": True}, True),
    ],
)
def test_the_image_of_grafana_is_made_for_whom_the_program_will_declare_it(
    root: Path, kind: str, section: dict[str, object] | None, shown: bool
) -> None:
    config = {HOST: {"kind": kind}, **({"jira-plus-plus:monitoring": section} if section else {})}
    (root / "Pulumi.one.yaml").write_text(yaml.safe_dump({"config": config}))
    assert project.shown(root, "one") == shown
    declared = Monitoring.model_validate(section or {}).shown_on(Host.model_validate({"kind": kind}))
    assert declared == shown


def test_the_copy_is_fresh_but_keeps_the_salt(root: Path, tmp_path: Path) -> None:
    copy = project.prepare(root, "uat", tmp_path / "state")
    assert not (copy / "components" / "__pycache__").exists()
    written = stack_file(copy) | {"encryptionsalt": "v1:salt"}
    (copy / "Pulumi.uat.yaml").write_text(yaml.safe_dump(written))
    (copy / "components" / "stale.py").write_text("")
    copy = project.prepare(root, "uat", tmp_path / "state")
    assert stack_file(copy)["encryptionsalt"] == "v1:salt", "without it the state's secrets cannot be read"
    assert not (copy / "components" / "stale.py").exists()
    assert "encryptionsalt" not in (root / "Pulumi.uat.yaml").read_text()


def test_null_in_an_override_removes_a_key() -> None:
    assert project.merge({"a": 1, "b": {"c": 2, "d": 3}}, {"a": None, "b": {"c": None}}) == {"b": {"d": 3}}


def test_a_list_in_an_override_replaces_the_list() -> None:
    assert project.merge({"a": [1, 2]}, {"a": [3]}) == {"a": [3]}


def test_a_missing_file_is_named(root: Path, tmp_path: Path) -> None:
    with pytest.raises(project.ProjectError, match=r"Pulumi\.prod\.yaml: missing"):
        project.prepare(root, "prod", tmp_path / "state")


def test_broken_yaml_is_named(root: Path, tmp_path: Path) -> None:
    (root / "Pulumi.uat.yaml").write_text("config: [")
    with pytest.raises(project.ProjectError, match=r"Pulumi\.uat\.yaml: no valid YAML"):
        project.prepare(root, "uat", tmp_path / "state")


@pytest.fixture
def local(root: Path) -> Path:
    """A checkout with the stack `local`, whose developer edits sources beside it."""
    development = {"sources": {"api": {"path": "../app/src", "target": "/app/dist"}, "web": {"path": "/abs"}}}
    values = {HOST: {"kind": "local"}, DEVELOPMENT: development}
    (root / "Pulumi.local.yaml").write_text(yaml.safe_dump({"config": values}))
    return root


def development(copy: Path) -> Any:
    return yaml.safe_load((copy / "Pulumi.local.yaml").read_text())["config"].get(DEVELOPMENT)


def test_a_developers_files_are_used_where_they_are(local: Path, tmp_path: Path) -> None:
    (local / ".env.local").write_text("A=1\n")
    copy = project.prepare(local, "local", tmp_path / "state")
    assert development(copy) == {
        "sources": {
            "api": {"path": str(local / "../app/src"), "target": "/app/dist"},
            "web": {"path": "/abs"},
        },
        "env_file": str(local / ".env.local"),
    }
    assert not (copy / ".env.local").exists(), "secrets are not copied about"


def test_an_earlier_revision_is_rehearsed_with_the_same_developers_files(local: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / ".env.local").write_text("A=1\n")
    copy = project.prepare(local, "local", tmp_path / "state", own=own)
    assert development(copy)["env_file"] == str(own / ".env.local")
    assert development(copy)["sources"]["api"]["path"] == str(own / "../app/src")


def test_without_a_developers_file_none_is_named(local: Path, tmp_path: Path) -> None:
    assert "env_file" not in development(project.prepare(local, "local", tmp_path / "state"))


def test_a_developers_file_does_not_reach_another_stack(root: Path, tmp_path: Path) -> None:
    (root / ".env.local").write_text("A=1\n")
    copy = project.prepare(root, "uat", tmp_path / "state")
    assert DEVELOPMENT not in stack_file(copy)["config"]  # type: ignore[operator]


@pytest.mark.parametrize(
    "wrong", ["text", {"sources": "text"}, {"sources": {"api": "text"}}, {"env_file": 1}]
)
def test_a_mistake_in_the_section_is_left_for_the_program_to_say(
    local: Path, tmp_path: Path, wrong: Any
) -> None:
    values = {HOST: {"kind": "local"}, DEVELOPMENT: wrong}
    (local / "Pulumi.local.yaml").write_text(yaml.safe_dump({"config": values}))
    assert development(project.prepare(local, "local", tmp_path / "state")) == wrong
