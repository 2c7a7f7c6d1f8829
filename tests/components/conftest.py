"""What is the developer's own does not change what the tests declare."""

from pathlib import Path

import pytest

from components.settings import development


@pytest.fixture(autouse=True)
def project_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in place of the checkout, where `.env.local` is looked for."""
    monkeypatch.setattr(development, "FOLDER", tmp_path)
    return tmp_path
