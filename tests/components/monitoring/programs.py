"""The programs that keep metrics, evaluate rules, tell and show, which the stand-ins have: their paths."""

from functools import cache

from rehearsal.images import gobuild
from rehearsal.images.catalogue import VMALERT_TOOL, image


@cache
def victoria_metrics() -> str:
    return str(gobuild.compiled(image("metrics"), image("metrics").programs[0], print))


@cache
def vmalert() -> str:
    return str(gobuild.compiled(image("alerts"), image("alerts").programs[0], print))


@cache
def vmalert_tool() -> str:
    return str(gobuild.compiled(image("metrics"), VMALERT_TOOL, print))


@cache
def alertmanager() -> str:
    return str(gobuild.compiled(image("alertmanager"), image("alertmanager").programs[0], print))


@cache
def grafana() -> str:
    return str(gobuild.compiled(image("grafana"), image("grafana").programs[0], print))


@cache
def victoria_logs() -> str:
    return str(gobuild.compiled(image("logs"), image("logs").programs[0], print))
