"""Loopback addresses for the servers that boot: one book per machine, so that two clouds never share one."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rehearsal.machines import MachineError

# 127.77.0.0/24 is as good as any other part of 127/8: all of it is loopback, no distribution uses it.
ADDRESSES = tuple(f"127.77.0.{host}" for host in range(2, 255))


def default_book() -> Path:
    """Where this user's book is: beside the engine and the images in the project's cache folder."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(cache) / "jira-plus-plus" / "addresses.json"


class AddressBook:
    """Which state folder holds which address. A folder that no longer exists has given its addresses back."""

    def __init__(self, owner: Path, book: Path | None = None) -> None:
        """`owner` is the cloud's state folder."""
        self.owner = str(owner.resolve())
        self.book = book or default_book()

    def allocate(self) -> str:
        """Reserves the lowest free address.

        Raises:
            MachineError: all addresses are taken.
        """
        with self._entries() as entries:
            for address in ADDRESSES:
                if address not in entries:
                    entries[address] = self.owner
                    return address
        raise MachineError(
            f"all {len(ADDRESSES)} loopback addresses of {self.book} are taken; destroy a rehearsal that is "
            "no longer needed (make rehearse STEP=destroy)"
        )

    def release(self, address: str) -> None:
        """Frees an address of this owner; one that it does not hold is left alone."""
        with self._entries() as entries:
            if entries.get(address) == self.owner:
                del entries[address]

    def held(self) -> list[str]:
        """The addresses of this owner."""
        with self._entries() as entries:
            return sorted(address for address, owner in entries.items() if owner == self.owner)

    @contextmanager
    def _entries(self) -> Iterator[dict[str, str]]:
        self.book.parent.mkdir(parents=True, exist_ok=True)
        with self.book.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            before: dict[str, str] = json.loads(self.book.read_text()) if self.book.exists() else {}
            entries = {address: owner for address, owner in before.items() if Path(owner).is_dir()}
            yield entries
            if entries != before:
                new = self.book.with_suffix(".new")
                new.write_text(json.dumps(entries, indent=1, sort_keys=True) + "\n")
                new.replace(self.book)
