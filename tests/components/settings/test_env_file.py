"""A developer's file of variables: what is read, what is refused, and that no value is ever shown."""

from pathlib import Path

import pytest

from components.settings import variables
from components.settings.development import Development
from components.settings.env_file import GIVEN
from components.settings.host import Host
from tests.components.settings.mistakes import mistakes

LOCAL = Host.model_validate({"kind": "local"})
SERVER = Host.model_validate({"kind": "hetzner"})


def write(folder: Path, text: str) -> None:
    (folder / ".env.local").write_text(text, encoding="utf-8")


def test_lines_are_read_as_a_shell_would(project_folder: Path) -> None:
    write(
        project_folder,
        '# a comment\n\nMAIL_HOST=mail.example.com\nexport GREETING="Grüß Gott" # another\n'
        "EMPTY=\nKEY='-----BEGIN\nEND-----'\nURL=https://example.com/?a=b\n",
    )
    assert variables(LOCAL, Development()) == {
        "MAIL_HOST": "mail.example.com",
        "GREETING": "Grüß Gott",
        "EMPTY": "",
        "KEY": "-----BEGIN\nEND-----",
        "URL": "https://example.com/?a=b",
    }


def test_the_engines_and_the_providers_variables_are_for_no_container(project_folder: Path) -> None:
    write(project_folder, "PULUMI_CONFIG_PASSPHRASE=x\nHCLOUD_TOKEN=x\nCLOUDFLARE_API_TOKEN=\nA=1\n")
    assert variables(LOCAL, Development()) == {"A": "1"}


def test_a_server_never_gets_them(project_folder: Path) -> None:
    write(project_folder, "A=1\n")
    assert variables(SERVER, Development()) == {}


def test_without_the_file_there_are_none() -> None:
    assert variables(LOCAL, Development()) == {}
    assert variables(LOCAL, Development.model_validate({"env_file": ".env.other"})) == {}


def test_another_file_may_be_named(project_folder: Path) -> None:
    (project_folder / "mine.env").write_text("A=1\n")
    assert variables(LOCAL, Development.model_validate({"env_file": "mine.env"})) == {"A": "1"}


@pytest.mark.parametrize("name", GIVEN)
def test_what_the_program_gives_cannot_be_overridden(project_folder: Path, name: str) -> None:
    write(project_folder, f"# mine\n\nA=1\n{name}=s3cret\n")
    instead = f", and set {GIVEN[name]} in the stack file" if GIVEN[name] else ""
    assert mistakes({}, "local") == [
        f".env.local:4: got {name}; is given by the program itself; remove the line{instead}"
    ]


@pytest.mark.parametrize("line", ["s3cret", "two words=s3cret", "9A=s3cret", 'A="s3cret', "A-B=s3cret"])
def test_what_is_no_variable_is_said_with_its_line_and_not_shown(project_folder: Path, line: str) -> None:
    write(project_folder, f"A=1\n\n{line}\n")
    assert mistakes({}, "local") == [
        ".env.local:3: got (not shown); is no variable; write NAME=value, or # before a comment"
    ]


def test_a_file_that_is_no_text_is_said(project_folder: Path) -> None:
    (project_folder / ".env.local").write_bytes(b"\xff\xfe")
    assert mistakes({}, "local") == [
        'development.env_file: got ".env.local"; cannot be read (is no text in UTF-8); make it readable'
    ]


def test_a_folder_in_its_place_is_said(project_folder: Path) -> None:
    (project_folder / ".env.local").mkdir()
    assert mistakes({}, "local") == [
        'development.env_file: got ".env.local"; cannot be read (Is a directory); make it readable'
    ]
