"""What a stack costs at Hetzner."""

from dataclasses import dataclass

from components.settings.catalogue import BACKUPS_SHARE, PRIMARY_IPV4_EUR, SERVER_TYPES, VOLUME_EUR_PER_GB
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
    """The cost of server, IPv4 address, volume and backups; empty if Hetzner is not asked for any."""
    if host.kind != "hetzner":
        return Cost({})
    server = SERVER_TYPES[host.server_type].eur_per_month[host.location]
    items = {
        "server": server,
        "primary_ipv4": PRIMARY_IPV4_EUR,
        "volume": round(host.volume.size_gb * VOLUME_EUR_PER_GB, 2),
    }
    if host.backups:
        items["backups"] = round(server * BACKUPS_SHARE, 2)
    return Cost(items)
