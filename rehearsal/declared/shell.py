"""What a shell script calls, read from its syntax tree. The parser is `shfmt`."""

from __future__ import annotations

import json
import re
import subprocess
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

Language = Literal["posix", "bash"]
ARGUMENTS = "$@"
"""The whole word that stands for a script's own arguments."""
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


class ScriptError(ValueError):
    """A script is none in its language; the text names the line."""


@dataclass(frozen=True)
class Word:
    """A word of a script. `text` is None where it is known only at run time; `end` is its literal end."""

    text: str | None
    end: str = ""
    line: int = 0

    @property
    def is_arguments(self) -> bool:
        """Whether it stands for the script's own arguments."""
        return self.text is None and self.end == ARGUMENTS


@dataclass(frozen=True)
class Script:
    """The simple commands of a script, wherever they stand in it, and the names that it uses."""

    commands: tuple[tuple[Word, ...], ...]
    functions: frozenset[str]
    variables: frozenset[str]
    words: tuple[Word, ...]
    """Every word outside of here-documents: arguments, targets of redirections, values."""


@cache
def parse(text: str, language: Language) -> Script:
    """The script with that text.

    Raises:
        ScriptError: it is none in that language, be it because it uses more than POSIX where that is all.
    """
    shfmt = Path(sysconfig.get_path("scripts")) / "shfmt"
    run = subprocess.run(
        [shfmt, "--to-json", f"--language-dialect={language}"], input=text, capture_output=True, text=True
    )
    if run.returncode:
        raise ScriptError(run.stderr.strip().removeprefix("<standard input>:"))
    tree = json.loads(run.stdout)
    nodes = list(_nodes(tree))
    return Script(
        commands=tuple(
            tuple(_word(argument) for argument in node["Args"])
            for node in nodes
            if node.get("Type") == "CallExpr" and node.get("Args")
        ),
        functions=frozenset(node["Name"]["Value"] for node in nodes if node.get("Type") == "FuncDecl"),
        variables=frozenset(node["Param"]["Value"] for node in nodes if node.get("Type") == "ParamExp"),
        words=tuple(_word(node) for node in nodes if "Parts" in node and "Type" not in node),
    )


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    if isinstance(tree, list):
        for child in tree:
            yield from _nodes(child)
    elif isinstance(tree, dict):
        yield tree
        for key, child in tree.items():
            if key == "Hdoc":  # its text is another program's; what the shell runs within it is not
                yield from (node for node in _nodes(child) if "Args" in node or "Param" in node)
            else:
                yield from _nodes(child)


def _word(node: dict[str, Any]) -> Word:
    pieces = [_literal(part) for part in node.get("Parts", ())]
    line = int(node["Pos"]["Line"])
    if None not in pieces:
        return Word("".join(piece or "" for piece in pieces), line=line)
    if _is_arguments(node):
        return Word(None, ARGUMENTS, line)
    return Word(None, _end(node), line)


def _literal(part: dict[str, Any]) -> str | None:
    match part["Type"]:
        case "Lit":
            return _ESCAPE.sub(r"\1", part["Value"])
        case "SglQuoted":
            return str(part.get("Value", ""))
        case "DblQuoted":
            pieces = [_literal(inner) for inner in part.get("Parts", ())]
            return None if None in pieces else "".join(piece or "" for piece in pieces)
    return None


def _is_arguments(node: dict[str, Any]) -> bool:
    parts = node.get("Parts", [])
    if len(parts) == 1 and parts[0]["Type"] == "DblQuoted":
        parts = parts[0].get("Parts", [])
    return len(parts) == 1 and parts[0]["Type"] == "ParamExp" and parts[0]["Param"]["Value"] == "@"


def _end(node: dict[str, Any]) -> str:
    last = node["Parts"][-1]
    if last["Type"] == "DblQuoted" and last.get("Parts"):
        return _end(last)
    return _literal(last) or ""
