"""What an operator must export, and where else it may stand."""

from pathlib import Path

import pytest

from operations.__main__ import EnvironmentIncomplete, complete_environment, read_env_file

HETZNER = "config:\n  jira-plus-plus:host: {kind: hetzner}\n"


def test_everything_that_is_missing_is_named_at_once(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.uat.yaml").write_text(HETZNER)
    with pytest.raises(EnvironmentIncomplete) as raised:
        complete_environment(tmp_path, "uat", {})
    for name in ("HCLOUD_TOKEN", "CLOUDFLARE_API_TOKEN", "PULUMI_CONFIG_PASSPHRASE", ".env.uat"):
        assert name in str(raised.value)


def test_local_needs_no_account(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.local.yaml").write_text("config:\n  jira-plus-plus:host: {kind: local}\n")
    assert complete_environment(tmp_path, "local", {"PULUMI_CONFIG_PASSPHRASE": "x"})


def test_what_is_exported_wins_over_the_file(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.uat.yaml").write_text(HETZNER)
    (tmp_path / ".env.uat").write_text("HCLOUD_TOKEN=file\nCLOUDFLARE_API_TOKEN=file\n")
    exported = {"HCLOUD_TOKEN": "exported", "PULUMI_ACCESS_TOKEN": "x"}
    environment = complete_environment(tmp_path, "uat", exported)
    assert (environment["HCLOUD_TOKEN"], environment["CLOUDFLARE_API_TOKEN"]) == ("exported", "file")


def test_an_unknown_stack_lists_the_known_ones(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.uat.yaml").write_text(HETZNER)
    with pytest.raises(EnvironmentIncomplete, match=r"no Pulumi\.uta\.yaml; there is uat"):
        complete_environment(tmp_path, "uta", {})


def test_the_files_lines(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("# A=1\n\nexport B='two words'\nC=a=b\nnonsense\n")
    assert read_env_file(path) == {"B": "two words", "C": "a=b"}
