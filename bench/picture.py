"""The picture of releases under load: requests answered in each second, and the lost ones marked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH, PANEL, LEFT, RIGHT, TOP, BOTTOM = 960, 150, 56, 12, 30, 22
ANSWERED, LOST, RELEASE = "#2456d6", "#d11a2a", "#e9eef8"
STYLE = "text{font:12px system-ui,sans-serif;fill:#333}.grid{stroke:#ccc;stroke-width:.5}"
STEPS = 6
"""Marks on the axis of time."""


@dataclass(frozen=True)
class Panel:
    """A way of releasing. Times are in seconds of its load."""

    title: str
    answered: Mapping[int, int]
    lost: Mapping[int, int]
    """By second, how many."""
    releases: Sequence[tuple[float, float]]
    """From the command until the release was over."""


def svg(panels: Sequence[Panel]) -> str:
    """The panels, one below the other, each with its own axis of time and all with the same of requests."""
    highest = max((n + p.lost.get(s, 0) for p in panels for s, n in p.answered.items()), default=1)
    highest = max(highest, max((n for p in panels for n in p.lost.values()), default=1))
    height = len(panels) * (TOP + PANEL + BOTTOM)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        "<title>Requests answered and lost in each second while releases go on</title>",
        f'<style>{STYLE}</style><rect width="{WIDTH}" height="{height}" fill="#fff"/>',
    ]
    for number, panel in enumerate(panels):
        parts += _panel(panel, number * (TOP + PANEL + BOTTOM) + TOP, highest)
    return "\n".join([*parts, "</svg>", ""])


def _panel(panel: Panel, top: int, highest: int) -> list[str]:
    end = max([*panel.answered, *panel.lost, 1]) + 1
    floor = top + PANEL

    def across(second: float) -> float:
        return LEFT + second / end * (WIDTH - LEFT - RIGHT)

    def tall(count: int) -> float:
        return count / highest * PANEL

    lost = sum(panel.lost.values())
    parts = [f'<text x="{LEFT}" y="{top - 10}">{escape(panel.title)}: {lost} lost</text>']
    for begin, over in panel.releases:
        width = max(across(over) - across(begin), 0.5)
        parts.append(
            f'<rect x="{across(begin):.1f}" y="{top}" width="{width:.1f}" height="{PANEL}" fill="{RELEASE}"/>'
        )
    for count in (0, highest // 2, highest):
        y = floor - tall(count)
        parts.append(
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" class="grid"/>'
            f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{count}</text>'
        )
    for step in range(STEPS + 1):
        second = end * step / STEPS
        parts.append(
            f'<text x="{across(second):.1f}" y="{floor + 16}" text-anchor="middle">{second:.0f} s</text>'
        )
    line = " ".join(
        f"{across(second):.1f},{floor - tall(panel.answered.get(second, 0)):.1f}" for second in range(end)
    )
    parts.append(f'<polyline points="{line}" fill="none" stroke="{ANSWERED}" stroke-width="1"/>')
    for second, count in sorted(panel.lost.items()):
        # Never thinner than can be seen: one lost request among a million is what the picture is for.
        width, high = max(across(1) - across(0), 1.5), max(tall(count), 4)
        parts.append(
            f'<rect x="{across(second):.1f}" y="{floor - high:.1f}" width="{width:.1f}" height="{high:.1f}" '
            f'fill="{LOST}"><title>{count} lost at {second} s</title></rect>'
        )
    return parts
