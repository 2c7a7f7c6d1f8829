"""A stand-in has the version that the stack files ask for, or a reason is recorded."""

from dataclasses import replace

import pytest

from rehearsal.images import __main__ as command
from rehearsal.images import catalogue, versions


def changed(monkeypatch: pytest.MonkeyPatch, name: str, **fields: str) -> list[str]:
    """The faults once the image of that name is another."""
    images = tuple(
        replace(image, **fields) if image.name == name else image  # type: ignore[arg-type]
        for image in catalogue.IMAGES
    )
    monkeypatch.setattr(versions, "IMAGES", images)
    return versions.faults(versions.differences())


def test_every_difference_has_its_reason() -> None:
    found = versions.differences()
    assert {difference.image.name for difference in found} == {
        "postgres",
        "postgres_archiving",
        "postgres_exporter",
        "socket_proxy",
    }
    assert versions.faults(found) == []


def test_a_difference_without_a_reason_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    assert changed(monkeypatch, "traefik", version="v3.7.12") == [
        "traefik: v3.7.12 for v3.7.13 (uat, prod, local); no reason is recorded: raise it in"
        " rehearsal/images/catalogue.py"
    ]


def test_a_reason_without_a_difference_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    assert changed(monkeypatch, "traefik", differs="it could not be had") == [
        "traefik: has the version of every stack file; take its `differs` out of the catalogue"
    ]


def test_the_command_tells_each_difference_once_and_its_reason(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["images", "versions"])
    assert command.main() == 0
    told = capsys.readouterr().out
    assert "socket_proxy: 3.2-alpine for 3.2.23-alpine (uat, prod, local); Debian's" in told
    assert "temporal_admin_tools: its CLI is 1.8.0 and not 1.7.2" in told
