"""What is the developer's own does not change what the tests declare, nor do these change it."""

import pwd
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from components.settings import development


@pytest.fixture(autouse=True)
def project_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in place of the checkout, where `.env.local` is looked for."""
    monkeypatch.setattr(development, "FOLDER", tmp_path)
    return tmp_path


@pytest.fixture(autouse=True)
def _nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HCLOUD_TOKEN", raising=False)


@pytest.fixture(scope="session", autouse=True)
def ssh_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An empty folder in place of the home, where the program writes the ssh files of a server."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pwd, "getpwuid", lambda _uid: SimpleNamespace(pw_dir=str(home)))
        yield home
