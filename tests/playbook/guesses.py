"""Guesses at the password before Temporal's interface: many clients at once, each guess another one."""

from __future__ import annotations

import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from .target import Target

#: No run makes more, however long it is let.
MOST = 20_000


@contextmanager
def guessing(target: Target, clients: int) -> Iterator[Counter[str]]:
    """Lets `clients` guess, each on a connection of its own, one guess after the other.

    One process of curl, so that it costs this machine little. What they were answered, by status, is there
    when the block has ended.
    """
    url, user = target.url("temporal"), target.outputs["temporal_ui_user"]
    host = urlsplit(url)
    port = host.port or (443 if host.scheme == "https" else 80)
    common = [
        "insecure",
        'output = "/dev/null"',
        'write-out = "%{http_code}\\n"',
        "http1.1",
        f'url = "{url}/"',
    ]
    if target.connect:
        common.append(f'connect-to = "{host.hostname}:{port}:{target.connect}:{port}"')
    guesses = ("\n".join([*common, f'user = "{user}:guess-{number}"']) for number in range(MOST))
    answers: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        config, seen = Path(folder, "config"), Path(folder, "seen")
        config.write_text("\nnext\n".join(guesses))
        command = [
            "nice",
            "stdbuf",
            "-oL",
            "curl",
            "-sS",
            "--parallel",
            "--parallel-immediate",
            "--parallel-max",
            str(clients),
        ]
        with seen.open("w") as output:
            process = subprocess.Popen(
                [*command, "--config", config], stdout=output, stderr=subprocess.DEVNULL
            )
        try:
            yield answers
        finally:
            process.terminate()
            process.wait(10)
        answers.update(seen.read_text().split())
