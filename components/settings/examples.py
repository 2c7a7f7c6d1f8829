"""What stands for the user's own in the stack files as they come, and is none of anybody's."""

import ipaddress
from collections.abc import Iterator

from components.settings.application import Application
from components.settings.backup import Backup
from components.settings.domain import Domain
from components.settings.host import Host
from components.settings.images import Images
from components.settings.network import is_an_example
from components.settings.problem import Problem
from components.settings.report import Screen
from components.settings.tls import Tls

ZONES = ("example.com", "example.org", "example.net")
"""RFC 2606. As long as the zone is one, so may be the rest: nothing can be deployed there."""
_ORGANISATION = "ghcr.io/example-org/"
_BUCKET = "example-"
_show = Screen().show


def examples_are_replaced(
    host: Host, domain: Domain, tls: Tls, images: Images, application: Application, backup: Backup
) -> Iterator[Problem]:
    """Who has put a zone of their own into a copied file has the other places to go through yet."""
    if host.kind == "local" or f".{domain.zone}".endswith(
        tuple(f".{zone}" for zone in (*ZONES, "localhost"))
    ):
        return
    found: dict[str, str] = {
        f"host.ssh.allowed_networks[{index}]": network
        for index, network in enumerate(host.ssh.allowed_networks)
        if is_an_example(ipaddress.ip_network(network))
    }
    if host.address is not None and is_an_example(ipaddress.ip_network(host.address)):
        found["host.address"] = host.address
    for path, address in (
        ("tls.acme_email", tls.acme_email if tls.mode == "dns-01" else None),
        ("application.admin_email", application.admin_email),
    ):
        if address is not None and address.rpartition("@")[2].lower() in ZONES:
            found[path] = address
    for path, _, bucket in backup.named:
        if bucket.bucket.startswith(_BUCKET):
            found[f"{path}.bucket"] = bucket.bucket
    for name in ("api", "worker", "web", *(("postgres_archiving",) if backup.point_in_time else ())):
        if (getattr(images, name) or "").startswith(_ORGANISATION):
            found[f"images.{name}"] = getattr(images, name)
    for path, value in found.items():
        yield Problem(path, _show(path, value), "is an example, which stands for your own", "write your own")
