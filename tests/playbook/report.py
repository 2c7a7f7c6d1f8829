"""The report: one HTML file that stands alone, for a person who was not there."""

from __future__ import annotations

import base64
import time
from functools import partial
from pathlib import Path

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from .evidence import CHECKLIST, Chart, Evidence, Picture

WIDTH, HEIGHT, LEFT, BOTTOM = 720, 200, 48, 24
COLOURS = [
    "#2456d6",
    "#c2410c",
    "#15803d",
    "#7c3aed",
    "#b91c1c",
    "#0e7490",
    "#a16207",
    "#be185d",
    "#4d7c0f",
    "#475569",
]


def line_chart(chart: Chart) -> Markup:
    """An SVG of the chart's series over seconds, with a grid of four lines and a legend."""
    points = [point for series in chart.series.values() for point in series]
    if not points:
        return Markup("")
    longest = max(x for x, _ in points) or 1
    highest = max(y for _, y in points) or 1

    def place(x: float, y: float) -> str:
        across = LEFT + x / longest * (WIDTH - LEFT - 8)
        down = HEIGHT - BOTTOM - y / highest * (HEIGHT - BOTTOM - 12)
        return f"{across:.1f},{down:.1f}"

    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img"><title>{Markup.escape(chart.title)}</title>']
    for step in range(5):
        y = highest * step / 4
        line = place(0, y).split(",")[1]
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - 8}" y1="{line}" y2="{line}" class="grid"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{float(line) + 4}" text-anchor="end">{y:.3g}</text>')
    for step in range(5):
        x = longest * step / 4
        parts.append(
            f'<text x="{place(x, 0).split(",")[0]}" y="{HEIGHT - 6}" text-anchor="middle">{x:.0f} s</text>'
        )
    for colour, series in zip(COLOURS * 9, chart.series.values(), strict=False):
        path = " ".join(place(x, y) for x, y in series)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.6"/>')
    parts.append("</svg>")
    return Markup("".join(parts))


def legend(chart: Chart) -> list[tuple[str, str]]:
    """Colour and name of each series."""
    return list(zip(COLOURS * 9, chart.series, strict=False))


def embedded(folder: Path, picture: Picture) -> str:
    """A picture of the folder as an address that holds it, so that the report stands alone."""
    file = folder / picture.file
    return f"data:image/{file.suffix[1:]};base64,{base64.b64encode(file.read_bytes()).decode()}"


def write(evidence: Evidence, path: Path) -> None:
    """Writes the report of a run."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals.update(line_chart=line_chart, legend=legend, embedded=partial(embedded, path.parent))
    entries = list(evidence.entries.values())
    text = environment.get_template("report.html.j2").render(
        stack=evidence.stack,
        when=time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(evidence.started)),
        minutes=(time.time() - evidence.started) / 60,
        phases={phase: [entry for entry in entries if entry.phase == phase] for phase in CHECKLIST},
        counts={
            outcome: sum(e.outcome == outcome for e in entries) for outcome in ("passed", "failed", "not run")
        },
    )
    path.write_text(text)
