"""The changes of a preview as Markdown, for a pull request."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from operations.journal import STACK, Journal, Step
from operations.marks import LATER, SECRET, shown
from operations.meaning import Meaning
from operations.meaning import markdown as meant

LONGEST = 100
SIGNS = {"create": "+", "update": "~", "replace": "±", "delete": "-"}
WORDS = {
    "create": "to create",
    "update": "to change",
    "replace": "to replace",
    "delete": "to delete",
    "same": "unchanged",
}


def markdown(stack: str, journal: Journal, heading: str = "", note: str = "") -> str:
    """The whole comment: counts, what it means, a line per changed resource, and the values, folded.

    `note` stands above them: why they are not what they seem.

    Secrets: the engine writes `[secret]` for them in its events, and nothing else is read.
    """
    steps = changed(journal)
    lines = [f"### {heading or f'Preview of `{stack}`'}", ""]
    if note:
        lines += [f"> ❌ {_inline(note)}", ""]
    lines += [f"**{counts(journal)}**"]
    if steps:
        lines += ["", *meant(Meaning.of(stack, journal))]
        lines += ["", "| | resource | type | what changes |", "|---|---|---|---|"]
        lines += [_row(step) for step in steps]
        lines += ["", "<details><summary>Values</summary>", "", "```diff"]
        for step in steps:
            lines += _detail(step)
        lines += ["```", "", "</details>"]
    for line in journal.put_back:
        lines += ["", f"> 🔧 {_inline(line)}"]
    for warning in dict.fromkeys(journal.warnings):
        lines += ["", f"> ⚠️ {_inline(warning)}"]
    for failure in journal.errors:
        lines += [
            "",
            f"> ❌ {f'`{failure.name}`: ' if failure.of_resource else ''}{_inline(failure.message)}",
        ]
    return "\n".join(lines) + "\n"


def changed(journal: Journal) -> list[Step]:
    """What the run changed, or would, but for what the engine makes by itself."""
    return [step for step in journal.steps if step.op in SIGNS and not _of_the_engine(step)]


def _of_the_engine(step: Step) -> bool:
    """The stack itself, and the providers that the engine makes by itself."""
    return step.type == STACK or (
        step.type.startswith("pulumi:providers:") and step.name.startswith("default")
    )


def counts(journal: Journal) -> str:
    """How many resources are changed in which way, in words."""
    counted = Counter(step.op for step in changed(journal))
    counted["same"] = journal.counts.get("same", 0)
    parts = [f"{counted[op]} {words}" for op, words in WORDS.items() if counted[op]]
    return ", ".join(parts) if parts else "No changes"


def _row(step: Step) -> str:
    paths = ", ".join(f"`{path}`" for path in step.changed) if step.op in ("update", "replace") else ""
    if step.op == "replace" and not paths:
        paths = ", ".join(f"`{key}`" for key in step.replacing) or "with what it depends on"
    return f"| {SIGNS[step.op]} | `{step.name}` | {_kind(step.type)} | {paths.replace('|', chr(92) + '|')} |"


def _kind(token: str) -> str:
    """`docker:index/container:Container` as `docker Container`."""
    parts = token.split(":")
    return f"{parts[0]} {parts[-1]}"


def _detail(step: Step) -> Iterator[str]:
    sign = {"create": "+", "delete": "-"}.get(step.op, "!")
    yield f"{sign} {_kind(step.type)} {step.name} ({WORDS[step.op]})"
    if step.op == "create":
        for key, value in sorted(shown(step.new).items()):
            yield f"+   {key}: {_value(value)}"
    elif step.op in ("update", "replace"):
        for path, kind in step.changed.items():
            why = " (forces the replacement)" if kind.endswith("replace") else ""
            if not kind.startswith("add"):
                yield f"-   {path}: {_value(step.before(path))}"
            if not kind.startswith("delete"):
                yield f"+   {path}: {_value(step.after(path))}{why}"


def _value(value: Any) -> str:
    plain = shown(value)
    if plain in (LATER, SECRET):
        return str(plain)
    text = json.dumps(plain, ensure_ascii=False, sort_keys=True)
    text = text.replace("```", "'''")
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text)} characters)"


def _inline(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
