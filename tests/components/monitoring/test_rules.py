"""Each rule fires on the time series that it is for, with the value, and is silent on what looks alike.

`series/<group>.yaml` has the cases; `vmalert-tool unittest` evaluates the rules on them as vmalert does.
Texts are compared by their summary.
"""

import json
import subprocess
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.components.monitoring import programs

RULES = Path(__file__).parents[3] / "components" / "monitoring" / "rules"
SERIES = Path(__file__).parent / "series"
STACK = "uat"
GROUPS = sorted(file.stem for file in RULES.glob("*.yaml"))
MOST = 25
"""Rules. Who has more of them looks at none."""


@cache
def rules(group: str) -> list[dict[str, Any]]:
    """The rules of a file, which has one group of its name."""
    (only,) = yaml.safe_load((RULES / f"{group}.yaml").read_text())["groups"]
    assert only["name"] == group
    return list(only["rules"])


def cases(group: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load((SERIES / f"{group}.yaml").read_text()))


def test_there_are_few_rules_and_each_has_a_name_of_its_own() -> None:
    names = [rule["alert"] for group in GROUPS for rule in rules(group)]
    assert len(names) == len(set(names)) <= MOST


@pytest.mark.parametrize("group", GROUPS)
def test_each_rule_is_seen_to_fire_and_to_be_silent(group: str) -> None:
    seen = defaultdict(set)
    for case in cases(group):
        seen[case["alert"]] |= {bool(alerts) for alerts in case["expect"].values()}
    assert set(seen) == {rule["alert"] for rule in rules(group)}
    # The heartbeat alone has nothing to be silent for.
    assert {name for name, both in seen.items() if both != {True, False}} <= {"Watchdog"}


@pytest.mark.parametrize("group", GROUPS)
def test_the_rules_fire_on_their_series_and_on_no_others(group: str, tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(json.dumps(with_summaries_alone(group)))
    for interval in sorted({case.get("interval", "1m") for case in cases(group)}):
        # Rules are evaluated as often as there are samples: an older one than 5 minutes counts as none.
        whole = {
            "rule_files": ["rules.yaml"],
            "evaluation_interval": interval,
            "tests": [
                as_vmalert_takes_it(case, group)
                for case in cases(group)
                if case.get("interval", "1m") == interval
            ],
        }
        (tmp_path / "tests.yaml").write_text(json.dumps(whole))
        words = [programs.vmalert_tool(), "unittest", "--files=tests.yaml", f"--external.label=stack={STACK}"]
        ended = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=120)
        assert ended.returncode == 0, ended.stdout + ended.stderr


def with_summaries_alone(group: str) -> dict[str, Any]:
    """The group's rules; all annotations are compared, and each case would have them all."""
    shortened = [
        {**rule, "annotations": {"summary": rule["annotations"]["summary"]}} for rule in rules(group)
    ]
    return {"groups": [{"name": group, "rules": shortened}]}


def as_vmalert_takes_it(case: dict[str, Any], group: str) -> dict[str, Any]:
    """https://docs.victoriametrics.com/victoriametrics/vmalert-tool/#test-file-format"""
    (labels,) = (rule.get("labels", {}) for rule in rules(group) if rule["alert"] == case["alert"])

    def fired(alert: dict[str, str]) -> dict[str, Any]:
        own = {name: value for name, value in alert.items() if name != "summary"}
        return {
            "exp_annotations": {"summary": alert["summary"]},
            "exp_labels": {"stack": STACK, **labels, **own},
        }

    return {
        "name": f"{case['alert']}: {case['case']}",
        "interval": case.get("interval", "1m"),
        "input_series": [{"series": name, "values": values} for name, values in case["series"].items()],
        "alert_rule_test": [
            {
                "eval_time": moment,
                "groupname": group,
                "alertname": case["alert"],
                "exp_alerts": [fired(alert) for alert in alerts],
            }
            for moment, alerts in case["expect"].items()
        ],
    }
