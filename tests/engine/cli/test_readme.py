"""README's path "From nothing to a real UAT", followed as it is written, with the embedded cloud."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.cli.terminal import Terminal, host
from tests.engine.lab import PASSPHRASE, ROOT, SECRETS, TOKEN

pytestmark = pytest.mark.engine

FIRST = 3
"""The accounts of step 1 are the embedded cloud's; the tools of step 2 are those that this test runs with."""
ANSWERS = {"pulumi config set --secret": SECRETS["acme_dns_token"], "make destroy": "uat"}
"""What a person types when asked, by the command that asks."""
SURE = ("pulumi up", "pulumi stack rm")
"""Those that ask on a terminal only, and want `--yes` where nobody is."""


def written() -> Iterator[tuple[int, str]]:
    """The commands of the path in their order, each with the number of its step."""
    path = (ROOT / "README.md").read_text().partition("\n## From nothing to a real UAT\n")[2]
    numbered = path.partition("\n## ")[0].partition("\n\nAn existing server")[0]
    for step in re.split(r"\n(?=\d+\. )", numbered.strip()):
        number, _, text = step.partition(". ")
        for span in re.findall(r"`([^`]+)`", text):
            if re.match(r"(cp|set|make|pulumi) ", span):
                yield int(number), span


def fill_in(env_file: Path, values: dict[str, str]) -> None:
    """Does to `.env.uat` what a person is asked to."""
    text = env_file.read_text()
    for name, value in values.items():
        text, count = re.subn(rf"^{name}=.*$", f"{name}={value}", text, flags=re.MULTILINE)
        assert count == 1, f"{count} lines of .env.template begin with {name}="
    env_file.write_text(text)


@pytest.mark.parametrize("host", [host()])
def test_the_path_to_a_real_uat_works_as_written(host: str, terminal: Terminal) -> None:
    lab = terminal.lab
    filled = {
        "PULUMI_BACKEND_URL": lab.surroundings()["PULUMI_BACKEND_URL"],
        "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
        "HCLOUD_TOKEN": TOKEN,
        "CLOUDFLARE_API_TOKEN": TOKEN,
    }
    for name in filled:
        del terminal.environment[name]
    loading = ""
    shown: dict[str, str] = {}
    servers: dict[str, int] = {}

    for number, command in written():
        if number < FIRST:
            continue
        if command.startswith("set -a"):
            fill_in(terminal.project / ".env.uat", filled)
            loading = f"{command}; "
            continue
        sure = " --yes" if command.startswith(SURE) else ""
        answer = next((text for begun, text in ANSWERS.items() if command.startswith(begun)), "")
        shown[command] = terminal.run(f"{loading}{command}{sure}", stdin=answer)
        servers[command] = len(lab.objects("server"))

    assert "to create" in shown["pulumi preview --stack uat"]
    assert servers["pulumi preview --stack uat"] == 0
    assert servers["make deploy STACK=uat"] == 1
    again = shown["pulumi up --stack uat"]
    assert "unchanged" in again
    assert "created" not in again, "what make has deployed is what Pulumi's own command would deploy"
    assert "https://api-uat.example.com" in shown["pulumi stack output --stack uat"]
    assert lab.holdings() == {}, "the end leaves nothing"
    assert (terminal.project / "Pulumi.uat.yaml").exists()
