"""The images of a rehearsal, built from Debian, Go and npm packages where no image registry can be reached.

`python -m rehearsal.images build` makes them (cached by content), `push` puts them into a registry on this
machine and says by which digest they can be pulled.
"""

from __future__ import annotations

from pathlib import Path

from operations.cache import cache_folder

LABEL = "jira-plus-plus"
"""Every Docker object of the project carries this label; its value says what the object is."""


class ImageError(RuntimeError):
    """An image could not be made or found; the text says what failed and what to do about it."""


def cache() -> Path:
    """Where compiled programs and the list of pushed images are kept, beside the engine."""
    return cache_folder() / "images"
