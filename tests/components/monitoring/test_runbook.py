"""Whoever is told of an alert finds its page, and on it the command that the message has."""

import re
from pathlib import Path

import pytest

from tests.components.monitoring.test_rules import GROUPS, rules

RUNBOOK_FILE = Path(__file__).parents[3] / "docs" / "runbook.md"
RUNBOOK = RUNBOOK_FILE.read_text()
RULES = {rule["alert"]: rule for group in GROUPS for rule in rules(group)}


def anchor(heading: str) -> str:
    """As GitHub makes it: lower case, without punctuation, a hyphen for a space."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def sections() -> dict[str, str]:
    """The text of each section by its anchor."""
    _, *parts = re.split(r"^## ", RUNBOOK, flags=re.MULTILINE)
    return {anchor(part.partition("\n")[0]): part for part in parts}


@pytest.mark.parametrize("name", RULES)
def test_an_alert_has_its_page_with_the_command_that_is_told(name: str) -> None:
    annotations = RULES[name]["annotations"]
    page = sections()[annotations["runbook"]]
    command = re.sub(r"\{\{ \$(?:external)?labels\.(\w+) \}\}", r"<\1>", annotations["command"], flags=re.I)
    assert "{{" not in command
    assert command in page
    title, _, rest = page.partition("\n")
    assert re.search(rf"\b{name}\b", rest), f"{title} does not say that it is about {name}"


def test_anchors_are_of_one_section_each() -> None:
    headings = re.findall(r"^## (.*)$", RUNBOOK, flags=re.MULTILINE)
    assert len({anchor(heading) for heading in headings}) == len(headings)


def test_the_table_has_each_alert_as_its_rule_is() -> None:
    table = (RUNBOOK_FILE.parent / "alerts.md").read_text().partition("\n## From a message")[0]
    found = re.findall(r"^\| (\w+) \| ([\w ]+) \| ([\w ]+) \|", table, re.MULTILINE)
    rows = {alert: [severity, waits] for alert, severity, waits in found if alert != "alert"}
    assert rows == {
        name: [
            rule.get("labels", {}).get("severity", "page or ticket"),
            str(rule.get("for", "at once")),
        ]
        for name, rule in RULES.items()
    }
