"""The shares of Postgres' connections: one for each role, so that no one's leak shuts the others out."""

from dataclasses import asdict, dataclass

from components.settings.services import Services

STORE_POOL = 8
VISIBILITY_POOL = 2
TEMPORAL_SERVICES = 4
"""Of Temporal: `maxConns` of its two stores. Each of its services has its own pool for each store, though all
run in one process (temporalio/temporal at v1.30.6: `persistenceClient.Module` and `VisibilityManagerProvider`
in the `fx.go` of frontend, history, matching and worker)."""
AT_HAND = 5
"""Beside the pools of the application: for a command that an operator runs in its container."""


@dataclass(frozen=True)
class Connections:
    """What each role may have at once. The server takes `total`, so each gets its share at any time."""

    jira: int
    """api and worker; in a release the new ones fill their pools while the old ones drain. And a canary, be
    there one or not: another `max_connections` would stop the server, and nobody may notice that it comes."""
    migration: int
    """Its own login, that a leak of the application cannot keep the release out that mends it."""
    temporal: int
    """The pools, and the tools of the schema beside them."""
    backup: int
    """Snapshot and dump; what a killed run left; an operator's own."""
    monitoring: int
    """Of the exporter: one for what it began with and one for its collectors, twice while it is replaced."""
    administrator: int
    """The superuser, whom no role's limit binds."""

    @property
    def total(self) -> int:
        """`max_connections`."""
        return sum(asdict(self).values())


def of_a_canary(services: Services) -> int:
    """Its pool: half of the API's, for it gets at most half of the clients."""
    return (services.api.database_connections + 1) // 2


def connections(services: Services) -> Connections:
    """The shares of a stack."""
    pools = services.api.database_connections + services.worker.database_connections + of_a_canary(services)
    return Connections(
        jira=2 * pools + AT_HAND,
        migration=5,
        temporal=TEMPORAL_SERVICES * (STORE_POOL + VISIBILITY_POOL) + 2,
        backup=5,
        monitoring=4,
        administrator=3,
    )
