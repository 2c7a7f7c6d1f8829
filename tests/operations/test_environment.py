"""What an operator must export, and where else it may stand."""

import json
from pathlib import Path

import pytest

from components.settings.permissions import CERTIFICATES, CLOUDFLARE, listed
from components.settings.permissions import HETZNER as AT_HETZNER
from operations import deployed
from operations.environment import EnvironmentIncomplete, complete_environment, read_env_file

ROOT = Path(__file__).resolve().parents[2]
STATE = {"PULUMI_BACKEND_URL": "s3://bucket", "PULUMI_CONFIG_PASSPHRASE": "x"}
HETZNER = "config:\n  jira-plus-plus:host: {kind: hetzner}\n"


def test_everything_that_is_missing_is_named_at_once(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.uat.yaml").write_text(HETZNER)
    with pytest.raises(EnvironmentIncomplete) as raised:
        complete_environment(tmp_path, "uat", {"PULUMI_BACKEND_URL": "s3://bucket"})
    for name in ("HCLOUD_TOKEN", "CLOUDFLARE_API_TOKEN", "PULUMI_CONFIG_PASSPHRASE", ".env.uat"):
        assert name in str(raised.value)


def test_what_the_tokens_must_be_allowed_to_do_is_what_is_asked_of_them(tmp_path: Path) -> None:
    """infrastructure B7: the texts and the check before the first resource agree."""
    (tmp_path / "Pulumi.uat.yaml").write_text(HETZNER)
    with pytest.raises(EnvironmentIncomplete) as raised:
        complete_environment(tmp_path, "uat", {})
    for words in (AT_HETZNER, listed(CLOUDFLARE), CERTIFICATES.words):
        assert words in str(raised.value)


def test_local_needs_no_account(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.local.yaml").write_text("config:\n  jira-plus-plus:host: {kind: local}\n")
    assert complete_environment(tmp_path, "local", STATE)


def test_what_is_exported_wins_over_the_file(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.uat.yaml").write_text(HETZNER)
    (tmp_path / ".env.uat").write_text("HCLOUD_TOKEN=file\nCLOUDFLARE_API_TOKEN=file\n")
    exported = {"HCLOUD_TOKEN": "exported", **STATE}
    environment = complete_environment(tmp_path, "uat", exported)
    assert (environment["HCLOUD_TOKEN"], environment["CLOUDFLARE_API_TOKEN"]) == ("exported", "file")


CLOUD = "https://api.pulumi.com"
LOGGED_IN = {"current": CLOUD, "accounts": {CLOUD: {"accessToken": "pul-1"}}}


@pytest.mark.parametrize(
    ("credentials", "exported", "stack_file", "missing"),
    [
        # `pulumi login`, as the README offers it
        (LOGGED_IN, {}, "", None),
        ({"current": CLOUD, "accessTokens": {CLOUD: "pul-1"}}, {}, "", None),
        ({"current": "s3://bucket"}, {}, "", "PULUMI_CONFIG_PASSPHRASE"),
        ({"current": "s3://bucket"}, {"PULUMI_CONFIG_PASSPHRASE": "x"}, "", None),
        # A token that lies around opens no bucket
        (LOGGED_IN, {"PULUMI_BACKEND_URL": "s3://bucket"}, "", "PULUMI_CONFIG_PASSPHRASE"),
        ({}, {"PULUMI_BACKEND_URL": "s3://b", "PULUMI_ACCESS_TOKEN": "t"}, "", "PULUMI_CONFIG_PASSPHRASE"),
        # Pulumi Cloud by variables
        ({}, {"PULUMI_BACKEND_URL": CLOUD}, "", "PULUMI_ACCESS_TOKEN"),
        ({}, {"PULUMI_BACKEND_URL": CLOUD, "PULUMI_ACCESS_TOKEN": "t"}, "", None),
        ({}, {"PULUMI_ACCESS_TOKEN": "t"}, "", None),
        ({}, {"PULUMI_BACKEND_URL": ""}, "", "PULUMI_BACKEND_URL"),
        # Who encrypts is written in the stack file
        (LOGGED_IN, {}, "encryptionsalt: v1:x\n", "PULUMI_CONFIG_PASSPHRASE"),
        (LOGGED_IN, {}, "secretsprovider: passphrase\n", "PULUMI_CONFIG_PASSPHRASE"),
        ({"current": "s3://bucket"}, {}, "secretsprovider: awskms://alias/x\n", None),
    ],
)
def test_what_is_asked_for_agrees_with_where_the_engine_keeps_the_state(
    credentials: dict[str, object],
    exported: dict[str, str],
    stack_file: str,
    missing: str | None,
    tmp_path: Path,
) -> None:
    """infrastructure D: `pulumi login` was refused; a token beside an S3 state passed for a passphrase."""
    (tmp_path / "Pulumi.local.yaml").write_text(f"{stack_file}config: {{}}\n")
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "credentials.json").write_text(json.dumps(credentials))
    environment = {"PULUMI_HOME": str(tmp_path / "home"), **exported}
    if missing is None:
        complete_environment(tmp_path, "local", environment)
        return
    with pytest.raises(EnvironmentIncomplete) as raised:
        complete_environment(tmp_path, "local", environment)
    (line,) = str(raised.value).splitlines()[1:]
    assert line.startswith(f"  {missing}: ")


def test_the_project_may_name_the_backend(tmp_path: Path) -> None:
    """infrastructure D."""
    (tmp_path / "Pulumi.yaml").write_text("name: x\nbackend: {url: s3://bucket}\n")
    (tmp_path / "Pulumi.local.yaml").write_text("config: {}\n")
    with pytest.raises(EnvironmentIncomplete, match="PULUMI_CONFIG_PASSPHRASE"):
        complete_environment(tmp_path, "local", {"PULUMI_HOME": str(tmp_path), "PULUMI_ACCESS_TOKEN": "t"})


def test_an_unknown_stack_lists_the_known_ones(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.uat.yaml").write_text(HETZNER)
    with pytest.raises(EnvironmentIncomplete, match=r"no Pulumi\.uta\.yaml; there is uat"):
        complete_environment(tmp_path, "uta", {})


def test_the_files_lines(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("# A=1\n\nexport B='two words'\nC=a=b\nnonsense\n")
    assert read_env_file(path) == {"B": "two words", "C": "a=b"}


def test_of_two_stacks_each_has_the_tokens_of_its_own_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is exported, as the README says, may be the other's: prod would be looked for in UAT's project."""
    monkeypatch.setattr(deployed, "engine", lambda: Path("pulumi"))
    for name in ("PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE", "HCLOUD_TOKEN", "CLOUDFLARE_API_TOKEN"):
        monkeypatch.setenv(name, "of uat")
    for stack in ("uat", "prod"):
        text = (ROOT / f"Pulumi.{stack}.yaml").read_text()
        (tmp_path / f"Pulumi.{stack}.yaml").write_text(text)
    (tmp_path / "Pulumi.yaml").write_text((ROOT / "Pulumi.yaml").read_text())
    (tmp_path / ".env.prod").write_text("HCLOUD_TOKEN=of prod\n")
    both = {stack: deployed.deployed(tmp_path, stack, among_others=True) for stack in ("uat", "prod")}
    assert {stack: it.environment["HCLOUD_TOKEN"] for stack, it in both.items()} == {
        "uat": "of uat",
        "prod": "of prod",
    }
    alone = deployed.deployed(tmp_path, "prod")
    assert alone.environment["HCLOUD_TOKEN"] == "of uat", "alone, what is exported wins, as ever"
