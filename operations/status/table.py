"""A report as a person reads it: what is red first, each with what to do, then all that was asked."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from datetime import datetime

from operations.status.backups import Kept
from operations.status.machine import Machine
from operations.status.moments import age, moment
from operations.status.report import Report

WIDTH = 110


def table(report: Report) -> str:
    """The page; no line is longer than `WIDTH`."""
    red = len(report.findings)
    state = "well" if report.well else f"{red} thing{'' if red == 1 else 's'} red"
    lines = [f"{report.stack} at {report.at:%Y-%m-%d %H:%M:%S} UTC: {state}"]
    for finding in report.findings:
        lines += [
            "",
            *_wrapped("RED  ", f"{finding.name} {finding.state}"),
            *_wrapped("  -> ", finding.remedy),
        ]
    for name, rows in (
        ("service", list(_services(report))),
        ("data", [_kept(one, report.at) for one in report.backups]),
        ("certificate", list(_certificates(report))),
        ("machine", list(_machine(report.machine))),
        ("alert", list(_alerts(report))),
    ):
        if rows:
            lines += ["", *columns(name, rows)]
    return "\n".join(lines)


def columns(heading: str, rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows below one another; the last column takes what is left of the width, and is cut there."""
    first, *others = rows
    headed = [(f"[{heading}]", *([""] * (len(first) - 1))), first, *others]
    count = len(first)
    widths = [max(len(row[column]) for row in headed) for column in range(count)]
    lines = []
    for row in headed:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        line = "  ".join(cells).rstrip()
        lines.append(line if len(line) <= WIDTH else f"{line[: WIDTH - 1]}…")
    return lines


def _services(report: Report) -> Iterator[tuple[str, ...]]:
    for one in report.services:
        used = "?" if one.memory_mb is None else str(one.memory_mb)
        of = f"{used} of {one.limit_mb} MB" if one.limit_mb else f"{used} MB"
        since = ""
        if one.state == "running":
            since = f"{age((report.at - moment(one.since)).total_seconds())}"
        yield (
            one.service,
            one.health or one.state if one.state == "running" else one.state,
            since,
            f"{one.restarts} restart{'' if one.restarts == 1 else 's'}" if one.restarts else "",
            of if one.state == "running" else "",
            " ".join(filter(None, (one.image, f"({one.release})" if one.release else ""))),
        )


def _kept(one: Kept, at: datetime) -> tuple[str, ...]:
    last = "none yet" if one.last is None else f"{age((at - one.last).total_seconds())} ago"
    if one.what.startswith("log "):
        last = "not whole" if one.broken else "leaves the machine"
    stamp = f"{one.last:%d %b %H:%M}" if one.last else ""
    due = "overdue" if one.overdue(at) else f"next before {one.due:%d %b %H:%M}" if one.due else ""
    return one.what, last, stamp, due, one.trouble


def _certificates(report: Report) -> Iterator[tuple[str, ...]]:
    for one in report.certificates:
        yield one.name, one.trouble or f"ends in {one.days:.0f} days"


def _machine(machine: Machine) -> Iterator[tuple[str, ...]]:
    if machine.up_seconds is not None:
        reboot = "no reboot is pending"
        if machine.reboot is not None:
            reboot = f"a reboot is pending, for {machine.reboot or 'the system'}"
        yield "up", f"{age(machine.up_seconds)}; {reboot}"
    if machine.load:
        yield "load", f"{' '.join(f'{one:.2f}' for one in machine.load)} of {machine.cores or '?'} cores"
    if machine.memory_mb and machine.available_mb is not None:
        swap = f"; {machine.swap_used_mb} MB of swap used" if machine.swap_used_mb else ""
        yield "memory", f"{machine.memory_mb - machine.available_mb} of {machine.memory_mb} MB used{swap}"
    for disk in machine.disks:
        used = (
            f"{disk.used_percent} % of {disk.size_mb / 1024:.1f} GB used, {disk.free_mb / 1024:.1f} GB free"
        )
        yield f"disk {disk.mount}", used


def _alerts(report: Report) -> Iterator[tuple[str, ...]]:
    alerts = report.alerts
    if not alerts.monitored:
        yield "monitoring is off", ""
    elif not (alerts.firing or alerts.trouble):
        yield "none fires", ""
    for one in alerts.firing:
        since = f"{age((report.at - moment(one.since)).total_seconds())}"
        yield one.name, f"{one.severity}, for {since}{', silenced' if one.silenced else ''}: {one.summary}"


def _wrapped(first: str, text: str) -> list[str]:
    rest = " " * len(first)
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=True,
        break_on_hyphens=False,
    )
