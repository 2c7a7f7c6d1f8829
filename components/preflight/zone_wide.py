"""What the settings of the whole zone would do to names that are not ours."""

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from components.clouds import Api
from components.edge.zone import SETTINGS
from components.preflight.finding import Finding
from components.preflight.records import OURS
from components.settings import Problem, Settings

PATH = "edge.zone_settings"
_NAMED = 5
"""So many names are told; of more their number."""


def zone_wide(cloudflare: Api, records: Iterable[Mapping[str, Any]], settings: Settings) -> Iterator[Finding]:
    """What would change that others live by: it stops without leave to change it, and is said with it."""
    ours = settings.domain.host_names.values()
    others = sorted({str(record["name"]) for record in records if _lives_by_them(record)} - {*ours})
    if not others:
        return
    values = _values(cloudflare, settings)
    changed = {name: (value, SETTINGS[name]) for name, value in values.items() if value != SETTINGS[name]}
    if not changed:
        return
    what = " and ".join(f"{name} from {now} to {wanted}" for name, (now, wanted) in changed.items())
    named = ", ".join(others[:_NAMED]) + (f" and {len(others) - _NAMED} more" if others[_NAMED:] else "")
    given = settings.edge.zone_settings
    yield Finding(
        Problem(
            PATH,
            "nothing" if given is None else f'"{given}"',
            f"changes {what} for the whole zone, and so for {named}",
            "see that their servers present a certificate that Cloudflare trusts and set it to change, "
            "or set it to keep and give this stack's names a Configuration Rule (docs/runbook.md)",
        ),
        stops=given is None,
    )


def _values(cloudflare: Api, settings: Settings) -> dict[str, Any]:
    """What the zone's settings are now."""
    paths = [f"/zones/{settings.domain.zone_id}/settings/{name}" for name in SETTINGS]
    with ThreadPoolExecutor(len(paths)) as pool:
        answers = list(pool.map(cloudflare.ask, paths))
    return {
        name: answer.body["result"]["value"]
        for name, answer in zip(SETTINGS, answers, strict=True)
        if answer.found
    }


def _lives_by_them(record: Mapping[str, Any]) -> bool:
    """Proxied, so that Cloudflare speaks TLS for it, and of no stack of this program."""
    return bool(record.get("proxied")) and not (record.get("comment") or "").startswith(OURS)
