"""What no later deploy can undo."""

from __future__ import annotations

from collections.abc import Iterator

from operations.failures import SERVER
from operations.meaning.data import SCHEMA, migrates
from operations.meaning.plan import COMMANDS, CONTAINER, Change, Plan

VOLUMES = ("docker:index/volume:Volume", "hcloud:index/volume:Volume")
ADDRESS = "hcloud:index/primaryIp:PrimaryIp"
BUCKET = "cloudflare:index/r2Bucket:R2Bucket"
RECORD = "cloudflare:index/dnsRecord:DnsRecord"
KEYS = ("random:index/randomPassword:RandomPassword", "tls:index/privateKey:PrivateKey")


def irreversible(plan: Plan) -> list[str]:
    """A sentence for each thing that is lost, or cannot go back."""
    gone = [
        c for c in plan if c.op in ("replace", "delete") and not (c.step.type in VOLUMES and _read(c, plan))
    ]
    found = [sentence for change in gone for sentence in _lost(change)]
    for volume in plan.of(VOLUMES[1]):
        if volume.op == "update" and "size" in volume.roots:
            old, new = volume.step.old.get("size"), volume.step.new.get("size")
            found.append(f"{volume.name} grows from {old:g} to {new:g} GB, and cannot shrink")
    if migrates(plan):
        found.append("what the migration does to the data: a rollback leaves the schema as it is")
    if plan.runs(SCHEMA) and any(c.name == "image-temporal" and c.op == "replace" for c in plan):
        found.append("Temporal's schema: its former server may not run on it")
    return sorted(set(found))


def _read(volume: Change, plan: Plan) -> bool:
    """Whether containers only read it: what an image has filled holds nothing of anybody's."""
    uses = [
        mount.get("readOnly")
        for container in plan.all_of(CONTAINER)
        for mount in container.step.old.get("mounts") or []
        if mount.get("source") == volume.step.old.get("name")
    ]
    return bool(uses) and all(uses)


def _lost(change: Change) -> Iterator[str]:
    step, verb = change.step, "is replaced" if change.op == "replace" else "is deleted"
    if step.protected:
        yield f"{step.name} {verb}: it is protected, and the deploy refuses that"
    elif step.retained and step.type not in (CONTAINER, *COMMANDS):  # these the cutover ends
        yield f"{step.name} is forgotten, and stays where it is"
    elif step.type in (*VOLUMES, BUCKET):
        yield f"{step.name} {verb}, with all data on it"
    elif step.type == SERVER:
        yield f"{step.name} {verb}: its root disk goes, with its logs and the dumps on it"
    elif step.type == ADDRESS:
        yield f"{step.name} {verb}: the address {step.outputs.get('ipAddress', '')} is not to be had again"
    elif step.type == RECORD and (change.op == "delete" or "name" in change.roots):
        yield f"the name {step.old.get('name')} leads nowhere"
    elif step.type in KEYS:
        yield f"{step.name} {verb}: what was made with the old one does not fit the new one"
