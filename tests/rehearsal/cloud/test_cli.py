"""The official `hcloud` CLI: what it was seen to ask is answered; where it is on PATH, it asks again.

`traces/hcloud-cli.jsonl` was recorded with hcloud 1.67.0: a command, and its requests in alphabetical order,
for the CLI asks some of them at once. All of them are GETs; in their paths an id is a kind in braces.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.rehearsal.cloud.harness import TOKEN, Embedded

TRACE = [
    json.loads(line)
    for line in (Path(__file__).parent / "traces" / "hcloud-cli.jsonl").read_text().splitlines()
]


@pytest.mark.parametrize("entry", TRACE, ids=lambda entry: entry["command"])
def test_what_the_cli_was_seen_to_ask_is_answered(cloud: Embedded, entry: dict[str, Any]) -> None:
    ids = cloud.furnish()
    assert entry["asks"]
    for path in entry["asks"]:
        cloud.good("GET", path.format_map(ids))


if shutil.which("hcloud"):

    @pytest.mark.parametrize("entry", TRACE, ids=lambda entry: entry["command"])
    def test_the_cli_understands_the_answers_and_asks_as_recorded(
        cloud: Embedded, tmp_path: Path, entry: dict[str, Any]
    ) -> None:
        kinds = {str(key): f"{{{kind}}}" for kind, key in cloud.furnish().items()}
        cloud.good("DELETE", "/_rehearsal/requests")
        endpoint = f"{cloud.url}/v1"
        done = subprocess.run(
            ["hcloud", *entry["command"].split()],
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(tmp_path),
                "HCLOUD_TOKEN": TOKEN,
                "HCLOUD_ENDPOINT": endpoint,
                "HETZNER_ENDPOINT": endpoint,  # that of storage boxes
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        asked = [re.sub(r"\d{8}", lambda match: kinds[match[0]], one["p"]) for one in cloud.requests()]
        assert sorted(asked) == entry["asks"]
