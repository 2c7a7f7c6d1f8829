"""SSH keys."""

from __future__ import annotations

import base64
import binascii
import hashlib

from rehearsal.cloud.cloud import Cloud
from rehearsal.cloud.errors import invalid, not_unique
from rehearsal.cloud.hetzner import objects
from rehearsal.cloud.hetzner.fields import Fields
from rehearsal.cloud.hetzner.limits import require_free_name
from rehearsal.cloud.hetzner.listing import listing
from rehearsal.cloud.messages import Request, Response
from rehearsal.cloud.records import Record, now
from rehearsal.cloud.router import Routes

KIND = "ssh_key"
TYPES = (
    "ssh-ed25519",
    "ssh-rsa",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
)
routes = Routes()


def fingerprint(public_key: str) -> str:
    """The MD5 fingerprint, as Hetzner shows it.

    Raises:
        HetznerError: invalid_input, not a public key in OpenSSH's format.
    """
    words = public_key.split()
    if len(words) < 2 or words[0] not in TYPES:
        raise invalid("public_key", "SSH key is not valid")
    try:
        blob = base64.b64decode(words[1], validate=True)
    except (ValueError, binascii.Error):
        raise invalid("public_key", "SSH key is not valid") from None
    # The blob is a sequence of length-prefixed strings, the first of which repeats the type.
    position, parts = 0, []
    while position + 4 <= len(blob):
        length = int.from_bytes(blob[position : position + 4], "big")
        parts.append(blob[position + 4 : position + 4 + length])
        position += 4 + length
    if position != len(blob) or len(parts) < 2 or parts[0].decode("ascii", "replace") != words[0]:
        raise invalid("public_key", "SSH key is not valid")
    digest = hashlib.md5(blob, usedforsecurity=False).hexdigest()
    return ":".join(digest[at : at + 2] for at in range(0, len(digest), 2))


def find(cloud: Cloud, reference: object) -> Record | None:
    """By id or name."""
    return next(
        (key for key in cloud.store.all(KIND) if str(reference) in (str(key["id"]), key["name"])), None
    )


def _wanted(cloud: Cloud, request: Request) -> Record:
    return objects.wanted(cloud, request, KIND, "SSH key")


@routes.add("GET", "/ssh_keys")
def list_keys(cloud: Cloud, request: Request) -> Response:
    """All keys."""
    return listing(
        request, "ssh_keys", cloud.store.all(KIND), sort=("id", "name"), filters=("name", "fingerprint")
    )


@routes.add("POST", "/ssh_keys")
def create(cloud: Cloud, request: Request) -> Response:
    """Adds a key; neither its name nor its fingerprint may be there already."""
    fields = Fields(request)
    name, public_key, labels = fields.resource_name(), fields.text("public_key").strip(), fields.labels()
    mark = fingerprint(public_key)
    require_free_name(cloud, KIND, name)
    if any(key["fingerprint"] == mark for key in cloud.store.all(KIND)):
        raise not_unique("public_key", "SSH key with the same fingerprint already exists")
    record = {
        "id": cloud.store.next_id(),
        "name": name,
        "fingerprint": mark,
        "public_key": public_key,
        "labels": labels,
        "created": now(),
    }
    cloud.store.put(KIND, record)
    return Response(201, {"ssh_key": record})


@routes.add("GET", "/ssh_keys/{id}")
def get(cloud: Cloud, request: Request) -> Response:
    """One key."""
    return Response(200, {"ssh_key": _wanted(cloud, request)})


@routes.add("PUT", "/ssh_keys/{id}")
def update(cloud: Cloud, request: Request) -> Response:
    """Renames or relabels a key."""
    record, fields = _wanted(cloud, request), Fields(request)
    objects.rename(cloud, KIND, record, fields, fields.resource_name)
    cloud.store.put(KIND, record)
    return Response(200, {"ssh_key": record})


@routes.add("DELETE", "/ssh_keys/{id}")
def delete(cloud: Cloud, request: Request) -> Response:
    """Removes a key; servers that were made with it keep it."""
    cloud.store.delete(KIND, _wanted(cloud, request)["id"])
    return Response(204)
