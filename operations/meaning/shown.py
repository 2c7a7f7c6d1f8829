"""What a plan means, for a pull request and for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from operations.meaning.meaning import Meaning

NOBODY = "no container is touched"


def markdown(meaning: Meaning) -> list[str]:
    """Lines of Markdown, without a heading of their own; none where there is nothing to say."""
    if not meaning:
        return []
    lines: list[str] = []
    if meaning.services:
        lines += ["| service | how it is replaced | gap | why |", "|---|---|---|---|"]
        lines += [
            f"| {', '.join(f'`{name}`' for name in row.services)} | {_cells((row.how, row.gap, row.why))} |"
            for row in meaning.services
        ]
        lines.append("")
    else:
        lines.append(f"- **Services**: {NOBODY}")
    return [*lines, *(f"- **{subject}**: {'; '.join(said)}" for subject, said in meaning.points)]


def text(meaning: Meaning) -> str:
    """The same for a terminal; empty where there is nothing to say."""
    return "\n".join(_lines(meaning)) if meaning else ""


def _lines(meaning: Meaning) -> Iterator[str]:
    yield "what it means"
    rows = [_words(row.services, (row.how, row.gap, row.why)) for row in meaning.services] or [NOBODY]
    points = [("Services", rows), *meaning.points]
    width = max(len(subject) for subject, _ in points)
    for subject, said in points:
        for at, sentence in enumerate(said):
            yield f"  {'' if at else subject:<{width}}  {sentence.replace('`', '')}"


def _words(names: Sequence[str], parts: tuple[str, str, str]) -> str:
    how, gap, why = parts
    said = [how, f"gap: {gap}" if gap else "", f"why: {why}" if why else ""]
    return f"{', '.join(names)}: {'; '.join(part for part in said if part)}"


def _cells(parts: Iterable[str]) -> str:
    return " | ".join(part.replace("|", "\\|") for part in parts)
