"""What a stack costs at Hetzner."""

from dataclasses import dataclass

from components.settings.catalogue import BACKUPS_SHARE, PRIMARY_IPV4_EUR, VOLUME_EUR_PER_GB, known
from components.settings.host import Host


@dataclass(frozen=True)
class Cost:
    """EUR per month without VAT and without extra traffic; one item for each thing that is billed."""

    items: dict[str, float]

    @property
    def eur(self) -> float:
        """The sum, to the cent."""
        return round(sum(self.items.values(), 0.0), 2)


def cost_per_month(host: Host) -> Cost:
    """The cost of server, IPv4 address, volume and backups; empty if Hetzner is not asked for any.

    What a retired type or one that is newer than the catalogue costs is not known, and is left out.
    """
    if host.kind != "hetzner":
        return Cost({})
    server_type = known(host.server_type)
    server = server_type.eur_per_month.get(host.location) if server_type else None
    items = {
        **({} if server is None else {"server": server}),
        "primary_ipv4": PRIMARY_IPV4_EUR,
        "volume": round(host.volume.size_gb * VOLUME_EUR_PER_GB, 2),
    }
    if host.backups and server is not None:
        items["backups"] = round(server * BACKUPS_SHARE, 2)
    return Cost(items)
