"""What each part of a machine has used so far; runs there, by its own Python, and prints JSON.

Names are services of a stack and units of systemd, `all` is the machine; of each, seconds of the processor
since it began, and bytes that it holds. What Docker starts within a container counts for that: its checks do;
what a unit has started and waited for counts for the unit.
"""

import json
import os
import subprocess
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
UNIFIED = (CGROUPS / "cgroup.controllers").exists()
TICK, PAGE = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
SERVICE = '{{.ID}} {{.Label "jira-plus-plus.service"}}'


def line_of(key: str, file: Path) -> int:
    """The number that follows the key."""
    return next(int(line.split()[1]) for line in file.read_text().splitlines() if line.split()[0] == key)


def group(path: str) -> tuple[float, int]:
    """Of a control group, by its path below the root."""
    if UNIFIED:
        folder = CGROUPS / path
        current = folder / "memory.current"  # the root has none
        held = int(current.read_text()) - line_of("inactive_file", folder / "memory.stat") if path else 0
        return line_of("usage_usec", folder / "cpu.stat") / 1e6, held
    memory = CGROUPS / "memory" / path
    held = int((memory / "memory.usage_in_bytes").read_text())
    used = int((CGROUPS / "cpuacct" / path / "cpuacct.usage").read_text()) / 1e9
    return used, held - line_of("total_inactive_file", memory / "memory.stat")


def processes() -> dict[str, tuple[float, int]]:
    """Of the units of systemd, summed over their processes."""
    found: dict[str, tuple[float, int]] = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            groups = (process / "cgroup").read_text()
            fields = (process / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # has ended
        unit = next((word for word in groups.replace("\n", "/").split("/") if word.endswith(".service")), "")
        if unit:
            used, held = found.get(unit, (0.0, 0))
            found[unit] = used + sum(map(int, fields[11:15])) / TICK, held + int(fields[21]) * PAGE
    return found


def containers() -> dict[str, tuple[float, int]]:
    """Of the services."""
    listed = subprocess.run(
        ["docker", "ps", "--no-trunc", "--format", SERVICE], capture_output=True, text=True, check=True
    ).stdout
    place = "system.slice/docker-{}.scope" if UNIFIED else "docker/{}"
    return {service: group(place.format(name)) for name, service in map(str.split, listed.splitlines())}


if __name__ == "__main__":
    print(json.dumps({"all": group(""), **processes(), **containers()}))
