"""What lies below actions: what is kept, what plays the servers, what goes wrong."""

from __future__ import annotations

from rehearsal.cloud.faults import Faults
from rehearsal.cloud.seeds import Seeds
from rehearsal.cloud.store import Store
from rehearsal.machines import Machines


class Backend:
    """What the effect of an action works on; it cannot start another action."""

    def __init__(self, store: Store, machines: Machines) -> None:
        """Takes up a state folder.

        Raises:
            FaultError: its `faults.json` cannot be understood.
        """
        self.store = store
        self.machines = machines
        self.faults = Faults(store.folder)
        self.seeds = Seeds(store.folder)
