"""What every kind of object can: be found by the id in the path, and get another name and other labels."""

from __future__ import annotations

from collections.abc import Callable

from rehearsal.cloud.cloud import Cloud
from rehearsal.cloud.errors import not_found
from rehearsal.cloud.hetzner.fields import Fields
from rehearsal.cloud.hetzner.limits import require_free_name
from rehearsal.cloud.messages import Request
from rehearsal.cloud.records import Record


def wanted(cloud: Cloud, request: Request, kind: str, word: str) -> Record:
    """The object of a kind that the path names; `word` is Hetzner's for the kind.

    Raises:
        HetznerError: not_found.
    """
    record = cloud.store.get(kind, request.params["id"])
    if record is None:
        raise not_found(word, request.params["id"])
    return record


def rename(cloud: Cloud, kind: str, record: Record, fields: Fields, name: Callable[[], str]) -> None:
    """Gives an object the name and labels of a request, those that it has; the caller stores it.

    Args:
        cloud: where no other object of the kind may have the name.
        kind: the object's.
        record: the object.
        fields: the request's.
        name: reads the name as the kind may have it, such as `fields.hostname`.

    Raises:
        HetznerError: invalid_input, uniqueness_error.
    """
    if fields.has("name"):
        record["name"] = name()
        require_free_name(cloud, kind, record["name"], record["id"])
    if fields.has("labels"):
        record["labels"] = fields.labels()
