"""The files of the project import each other in one direction only."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from importlib.util import resolve_name
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent
FOLDERS = ("bench", "components", "operations", "rehearsal", "tests", "tools")


def imported(path: Path, package: str) -> Iterator[tuple[str, str]]:
    """Every import of a file as a module and a name in it ("" for all of it), wherever it stands.

    One within a function, or for the type checker alone, ties two files as one at the top does.
    """
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = resolve_name("." * node.level + (node.module or ""), package)
            yield from ((module, alias.name) for alias in node.names)


def circle(project: Path) -> list[str]:
    """Modules each of which imports the next, the last being the first; none if there is no circle."""
    files = {
        ".".join(path.relative_to(project).with_suffix("").parts): path
        for folder in FOLDERS
        for path in (project / folder).rglob("*.py")
    }
    modules = {name.removesuffix(".__init__") for name in files}
    graph: dict[str, set[str]] = {}
    for name, path in files.items():
        found = imported(path, name.rpartition(".")[0])
        targets = {f"{module}.{part}" if f"{module}.{part}" in modules else module for module, part in found}
        graph[name.removesuffix(".__init__")] = targets & modules
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(reversed(error.args[1]))
    return []


def test_no_files_of_the_project_import_each_other_in_a_circle() -> None:
    assert circle(PROJECT) == []


@pytest.mark.parametrize(
    "back",
    [
        "from tools import one",
        "import tools.one",
        "from . import one",
        "from .one import name",
        "if TYPE_CHECKING:\n    from tools.one import name",
        "def late():\n    from tools.one import name",
    ],
)
def test_a_circle_is_found_however_it_is_closed(tmp_path: Path, back: str) -> None:
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools/one.py").write_text("from tools.two import name\n")
    (tmp_path / "tools/two.py").write_text("import tools.three\n")
    (tmp_path / "tools/three.py").write_text("import json\n")
    assert circle(tmp_path) == []
    (tmp_path / "tools/three.py").write_text(f"{back}\n")
    found = circle(tmp_path)
    assert found[0] == found[-1]
    start = found.index("tools.one")
    assert [*found[start:-1], *found[:start]] == ["tools.one", "tools.two", "tools.three"]
