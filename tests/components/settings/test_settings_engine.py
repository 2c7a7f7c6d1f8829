"""The settings as the real engine hands them over, and as it shows what is wrong with them."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pulumi
import pytest
from pulumi import automation

from components.settings import Settings, load
from operations import engine
from rehearsal.declared.stacks import ENVIRONMENT, PROJECT, ROOT, SECRETS

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def binary() -> Path:
    return engine.engine()


@pytest.fixture
def stack(binary: Path, tmp_path: Path) -> Callable[..., automation.Stack]:
    """Opens a stack of a copy of the project's files; `program` is what the engine runs."""
    for path in ROOT.glob("Pulumi*.yaml"):
        shutil.copy(path, tmp_path)
    state = tmp_path / "state"
    state.mkdir()

    def opened(name: str, program: Callable[[], None], secrets: bool = True) -> automation.Stack:
        found = automation.create_or_select_stack(
            stack_name=name,
            project_name=PROJECT,
            program=program,
            work_dir=str(tmp_path),
            opts=automation.LocalWorkspaceOptions(
                work_dir=str(tmp_path),
                pulumi_command=engine.command(binary),
                env_vars={
                    "PULUMI_BACKEND_URL": f"file://{state}",
                    "PULUMI_CONFIG_PASSPHRASE": "test",
                    "PULUMI_SKIP_UPDATE_CHECK": "true",
                },
            ),
        )
        if secrets:
            for key, value in SECRETS.items():
                found.set_config(key, automation.ConfigValue(value, secret=True))
        return found

    return opened


def pin(folder: Path, stack: str) -> None:
    """Writes a digest for the application's images, as a release does."""
    path = folder / f"Pulumi.{stack}.yaml"
    path.write_text(re.sub(r"(ghcr.io/example-org/\S+)", rf"\1@sha256:{'0' * 64}", path.read_text()))


@pytest.mark.parametrize("name", ["local", "uat", "prod"])
def test_the_engine_takes_the_stack_file_and_the_program_its_settings(
    name: str, stack: Callable[..., automation.Stack], tmp_path: Path
) -> None:
    seen: list[Settings] = []
    pin(tmp_path, name)
    # local sets no secret at all: each key of Pulumi.yaml that is secret must be optional.
    stack(name, lambda: seen.append(load(pulumi.Config(), ENVIRONMENT)), secrets=name != "local").preview()
    (settings,) = seen
    assert settings.host.kind == ("local" if name == "local" else "hetzner")
    assert "canary-" not in settings.model_dump_json()


def test_the_engine_shows_every_mistake_and_no_traceback(
    stack: Callable[..., automation.Stack], tmp_path: Path
) -> None:
    path = tmp_path / "Pulumi.uat.yaml"
    text = path.read_text()
    for right, bad in (
        ("server_type: cx23", "server_type: cx24"),
        ("api: api-uat", "api: api.uat"),
        ("jira-plus-plus:edge:", "jira-plus-plus:egde:"),
    ):
        assert right in text
        text = text.replace(right, bad)
    path.write_text(text)
    with pytest.raises(automation.CommandError) as caught:
        stack("uat", lambda: load(pulumi.Config(), {}) and None, secrets=False).preview()
    shown = str(caught.value)
    assert "5 mistakes in the settings of this stack (nothing was created or changed):" in shown
    for line in (
        'host.server_type: got "cx24"; is no server type that this program knows; did you mean cx23?',
        'domain.api: got "api.uat"; has more than one level',
        "egde: got (not shown); is no setting; did you mean edge?",
        "HCLOUD_TOKEN: got nothing; is required",
        "CLOUDFLARE_API_TOKEN: got nothing; is required",
    ):
        assert line in shown
    assert "Traceback" not in shown
    assert ".py" not in shown


def test_a_section_of_the_wrong_type_is_one_readable_error_of_the_engine(
    stack: Callable[..., automation.Stack], tmp_path: Path
) -> None:
    path = tmp_path / "Pulumi.uat.yaml"
    path.write_text(
        path.read_text().replace("jira-plus-plus:edge:\n    http_sources: []", "jira-plus-plus:edge: all")
    )
    with pytest.raises(automation.CommandError, match="configuration key 'edge' must be of type 'object'"):
        stack("uat", lambda: None, secrets=False).preview()


def test_a_release_writes_its_digest_by_command_and_keeps_the_comments(
    stack: Callable[..., automation.Stack], tmp_path: Path
) -> None:
    reference = f"ghcr.io/example-org/jira-plus-plus-api:1.1.0@sha256:{'1' * 64}"
    before = (tmp_path / "Pulumi.prod.yaml").read_text()
    opened = stack("prod", lambda: None)
    opened.set_config("images.api", automation.ConfigValue(reference), path=True)
    after = (tmp_path / "Pulumi.prod.yaml").read_text()
    assert reference in after
    assert "# renovate: datasource=docker depName=postgres" in after
    assert after.count("# renovate:") == before.count("# renovate:"), "Renovate must still find every image"


def test_a_secret_is_stored_encrypted_and_known_as_one(
    stack: Callable[..., automation.Stack], tmp_path: Path
) -> None:
    stack("uat", lambda: None)
    text = (tmp_path / "Pulumi.uat.yaml").read_text()
    assert SECRETS["acme_dns_token"] not in text
    assert "acme_dns_token:\n    secure: v1:" in text
