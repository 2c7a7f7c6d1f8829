"""Why a container is another one: the inputs that differ, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from operations.marks import LATER, SECRET, UNKNOWN
from operations.meaning.plan import IMAGE, Change, Plan

WORDS = {
    "capabilities": "capabilities",
    "command": "command",
    "cpus": "CPU limit",
    "destroyGraceSeconds": "time to stop",
    "entrypoints": "command",
    "healthcheck": "health check",
    "init": "init",
    "labels": "labels",
    "logDriver": "log",
    "logOpts": "log",
    "memory": "memory limit",
    "memorySwap": "memory limit",
    "networksAdvanced": "networks",
    "ports": "ports",
    "shmSize": "shared memory",
    "stopSignal": "time to stop",
    "stopTimeout": "time to stop",
    "tmpfs": "tmpfs",
    "user": "user",
}
"""An input of the provider's container, and what a person calls it; one that misses is called as it is."""
_FOLLOWS = {"memorySwap": "memory", "labels": "image"}
"""What goes with another input: no swap beyond the memory, and the image that Watchtower is to compare."""


def reasons(change: Change, plan: Plan) -> str:
    """What of a container differs, such as `image 1.0.0 → 1.1.0, environment (LOG_LEVEL)`."""
    step, found = change.step, []
    roots = [root for root in change.roots if root not in _FOLLOWS or _FOLLOWS[root] not in change.roots]
    for root in roots:
        if root == "image":
            found.append(_image(change, plan))
        elif root == "envs":
            found.append(f"environment ({', '.join(_variables(step.old.get(root), step.new.get(root)))})")
        elif root == "mounts":
            targets = _targets(step.old.get(root), step.new.get(root))
            found.append(f"what is mounted at {', '.join(targets)}" if targets else "mounts")
        else:
            found.append(WORDS.get(root, root) + _values(root, step.old.get(root), step.new.get(root)))
    return ", ".join(dict.fromkeys(found)) or "with what it depends on"


def _values(root: str, old: Any, new: Any) -> str:
    return f" {old:g} → {new:g} MB" if root == "memory" and _numbers(old, new) else ""


def _numbers(*values: Any) -> bool:
    return all(isinstance(value, int | float) for value in values)


def _image(change: Change, plan: Plan) -> str:
    """The reference changes at the image's own resource, the container's input is the id that it had."""
    pulled = [
        image
        for image in plan.of(IMAGE)
        if image.op == "replace" and image.step.outputs.get("imageId") == change.step.old.get("image")
    ]
    named = [image for image in pulled if image.name == f"image-{change.name}"]
    image = next(iter(named or pulled), None)
    if image is None:
        return "image"
    return f"image {versions(str(image.step.old.get('name')), str(image.step.new.get('name')))}"


def versions(old: str, new: str) -> str:
    """Two references by what tells them apart: their tags, their digests, or all of them."""
    (old_name, _, old_digest), (new_name, _, new_digest) = old.partition("@"), new.partition("@")
    old_repository, _, old_tag = old_name.rpartition(":")
    new_repository, _, new_tag = new_name.rpartition(":")
    if old_repository != new_repository:
        return f"{old_name} → {new_name}"
    if old_tag != new_tag:
        return f"{old_tag} → {new_tag}"
    return f"{new_tag}, digest {_short(old_digest)} → {_short(new_digest)}"


def _short(digest: str) -> str:
    return digest.removeprefix("sha256:")[:8] or "none"


def _variables(old: Any, new: Any) -> list[str]:
    """The names of those that differ; values may be long, and are beside it in the diff."""
    if not isinstance(old, list) or not isinstance(new, list):
        return [SECRET if SECRET in (old, new) else LATER]
    differing = {str(item).partition("=")[0] for item in [*old, *new] if (item in old) != (item in new)}
    return sorted(LATER if name == UNKNOWN else name for name in differing)


def _targets(old: Any, new: Any) -> list[str]:
    """Where something else is mounted: by a folder's name, which has its content's digest in it."""
    before, after = _mounts(old), _mounts(new)
    return sorted(
        target for target in before.keys() | after.keys() if before.get(target) != after.get(target)
    )


def _mounts(mounts: Sequence[Mapping[str, Any]] | Any) -> dict[str, Any]:
    if not isinstance(mounts, list):
        return {}
    return {str(m.get("target")): (m.get("source"), m.get("readOnly")) for m in mounts if isinstance(m, dict)}
