"""The real programs that keep metrics, evaluate rules and send, by the paths of their binaries."""

import os
from pathlib import Path

_BIN = Path(os.environ.get("MONITORING_PROGRAMS", "/root/w2/alerts-tools/root/usr/bin"))


def victoria_metrics() -> str:
    return str(_BIN / "victoria-metrics")


def vmalert() -> str:
    return str(_BIN / "vmalert")


def vmalert_tool() -> str:
    return str(_BIN / "vmalert-tool")


def alertmanager() -> str:
    return str(_BIN / "prometheus-alertmanager")
