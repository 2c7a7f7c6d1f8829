"""The price list: `GET /pricing`."""

from __future__ import annotations

from rehearsal.cloud.cloud import Cloud
from rehearsal.cloud.hetzner.catalogue import LOCATIONS, SERVER_TYPES, hourly, money, server_type_prices
from rehearsal.cloud.messages import Request, Response
from rehearsal.cloud.records import Record
from rehearsal.cloud.router import Routes

# EUR a month without VAT. Volumes and images (snapshots) cost 30 % more since 1 April 2026; addresses were in
# neither adjustment of that year.
VOLUME_GB = 0.0572
IMAGE_GB = 0.0143
PRIMARY_IPS = {"ipv4": 0.50, "ipv6": 0.0}
FLOATING_IPS = {"ipv4": 3.00, "ipv6": 1.00}
BACKUP_PERCENTAGE = 20

routes = Routes()


@routes.add("GET", "/pricing")
def get_pricing(_cloud: Cloud, _request: Request) -> Response:
    """All prices, for an account outside the EU. No load balancer is sold here, so none has a price.

    Shape: https://docs.hetzner.cloud/reference/cloud#tag/pricing, hcloud-go's schema.Pricing.
    """
    pricing: Record = {
        "currency": "EUR",
        "vat_rate": f"{0:.6f}",
        "image": {"price_per_gb_month": money(IMAGE_GB)},
        "volume": {"price_per_gb_month": money(VOLUME_GB)},
        "server_backup": {"percentage": f"{BACKUP_PERCENTAGE:.10f}"},
        "floating_ip": {"price_monthly": money(FLOATING_IPS["ipv4"])},
        "floating_ips": [
            {
                "type": kind,
                "prices": [
                    {"location": location["name"], "price_monthly": money(monthly)} for location in LOCATIONS
                ],
            }
            for kind, monthly in FLOATING_IPS.items()
        ],
        "primary_ips": [
            {
                "type": kind,
                "prices": [
                    {
                        "location": location["name"],
                        "price_hourly": money(hourly(monthly)),
                        "price_monthly": money(monthly),
                    }
                    for location in LOCATIONS
                ],
            }
            for kind, monthly in PRIMARY_IPS.items()
        ],
        "server_types": [
            {"id": kind.id, "name": kind.name, "prices": server_type_prices(kind)} for kind in SERVER_TYPES
        ],
        "load_balancer_types": [],
    }
    return Response(200, {"pricing": pricing})
