"""What becomes of a second API of another image, and of who gets it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from operations.meaning.data import RELEASE, migrates
from operations.meaning.plan import IMAGE, Plan
from operations.meaning.reasons import versions

SERVICE = "api-canary"


def canary(plan: Plan) -> list[str]:
    """Sentences, of the output `canary` before and after; none where there is no canary."""
    before, after = _given(plan.before), _given(plan.after)
    if not plan.after or not (before or after):
        return []
    if not after:
        promoted = any(
            image.name == RELEASE and image.op == "replace" and image.step.new.get("name") == before["image"]
            for image in plan.of(IMAGE)
        )
        return [
            "it is promoted: its image is a release as any other, with its migration first, and its "
            f"{before['share']} % stay with it until then"
            if promoted
            else f"it is taken back: its {before['share']} % of the clients are served by the API as the "
            "others, and what it has written stays"
        ]
    found = [_share(before, after)]
    if before and before["image"] != after["image"]:
        found.append(f"its image is another: {versions(before['image'], after['image'])}")
    if migrates(plan):
        found.append("it runs on the schema of the new release of the API, as soon as that has migrated")
    elif before.get("image") != after["image"]:
        found.append(
            "both run on one schema, that of the API: what the canary's image would migrate is not migrated "
            "before it is promoted"
        )
    return found


def _share(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    stays = "each stays for a day, by a cookie, where it was sent first"
    if not before:
        return (
            f"{after['share']} % of the clients get it, once it is well and has answered the proxy; {stays}"
        )
    if before["share"] != after["share"]:
        return f"{before['share']} → {after['share']} % of the clients get it; {stays}, so that takes as long"
    return f"{after['share']} % of the clients have it, as before"


def _given(outputs: Mapping[str, Any]) -> Mapping[str, Any]:
    found = outputs.get("canary")
    return found if isinstance(found, Mapping) else {}
