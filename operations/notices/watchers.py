"""What the watchers at a server have done since somebody was last told: restarts, and newer images.

Neither tells by itself. Autoheal has Docker behind its filter, and no way out of the machine; watchtower's
report is the pull that its filter refuses (`components/services/watchtower.py`), every morning again.
"""

from __future__ import annotations

import re
import shlex
from collections import Counter
from dataclasses import dataclass
from urllib.parse import parse_qs

from operations.place import Place

DAYS = 7
"""At most so far back: the first time, or after a pause."""
MORNING_SECONDS = 25 * 3600
"""Within which watchtower has said before what it says again."""
_ASK = """\
last=$(cat "$1/watchers" 2>/dev/null || echo 0)
week=$(($(date +%s) - $3 * 86400))
[ "$last" -ge "$week" ] || last=$week
echo "since $last"
journalctl --quiet --output short-unix --since "@$last" -t "jira-$2-autoheal"
journalctl --quiet --output short-unix --since "@$((last - $4))" -t "jira-$2-socket-watchtower" |
  grep images/create
"""
_LINE = re.compile(r"(\d+)\.\d+ \S+ \S+: (.*)")
_HEALED = re.compile(r"(\S+) \(\w+\) (?:was|is) unhealthy(?P<failed>, and its restart failed)?")
_PULL = re.compile(r"/images/create\?(\S+)")


@dataclass(frozen=True)
class Watchers:
    """Of `stack` at `place`, whose root notes in `folder` when somebody was told."""

    place: Place
    stack: str
    folder: str

    def news(self) -> list[str]:
        """A line for each container that was restarted, and for each image that is newer than what runs.

        Raises:
            OSError, subprocess.SubprocessError: the server cannot be asked.
        """
        words = ["sh", "-c", _ASK, "sh", self.folder, self.stack, str(DAYS), str(MORNING_SECONDS)]
        first, *lines = self.place.run(f"sudo {shlex.join(words)}").splitlines() or [""]
        since = int(first.removeprefix("since ") or 0)
        healed: Counter[str] = Counter()
        known: set[str] = set()
        images: dict[str, None] = {}
        for found in filter(None, map(_LINE.fullmatch, lines)):
            fresh, said = int(found[1]) >= since, found[2]
            if one := _HEALED.match(said):
                healed[f"{one[1]} {'could not be restarted' if one['failed'] else 'was restarted'}"] += 1
            elif one := _PULL.search(said):
                asked = parse_qs(one[1])
                image = ":".join(asked.get(name, [""])[0] for name in ("fromImage", "tag"))
                if fresh:
                    images[image] = None
                else:
                    known.add(image)
        return [
            *(f"autoheal: {what}{f', {times} times' if times > 1 else ''}" for what, times in healed.items()),
            *(f"watchtower: {image} is another image by now" for image in images if image not in known),
        ]

    def told(self) -> None:
        """Notes that somebody was, now; raises as `news`."""
        note = shlex.join(["sh", "-c", 'date +%s >"$1/watchers"', "sh", self.folder])
        self.place.run(f"sudo {note}")
