"""The end of all that is at an embedded Hetzner, as on the day on which the account is lost."""

from __future__ import annotations

from hcloud import Client

from rehearsal.background import Cloud

POLL_SECONDS = 0.2
TRIES = 600
"""Of asking whether it is over: two minutes. A busy machine takes half a minute to remove a server's disk."""


def purge(cloud: Cloud) -> None:
    """Deletes them, what is protected, too, and firewalls and ssh keys. What is at Cloudflare stays."""
    endpoint = cloud.environment["HCLOUD_ENDPOINT"]
    client = Client(token=cloud.token, api_endpoint=endpoint, poll_interval=POLL_SECONDS)
    for server in client.servers.get_all():
        if server.protection and any(server.protection.values()):
            server.change_protection(delete=False, rebuild=False).wait_until_finished(TRIES)
        server.delete().wait_until_finished(TRIES)
    for volume in client.volumes.get_all():
        if volume.protection and any(volume.protection.values()):
            volume.change_protection(delete=False).wait_until_finished(TRIES)
        volume.delete()
    for address in client.primary_ips.get_all():
        if address.protection and any(address.protection.values()):
            address.change_protection(delete=False).wait_until_finished(TRIES)
        address.delete()
    for kind in (client.firewalls, client.ssh_keys):
        for thing in kind.get_all():
            thing.delete()
    # A volume's end is not waited for by who deletes it, and here its disk is: the cloud goes next.
    for action in client.volumes.actions.get_all(status=["running"]):
        action.wait_until_finished(TRIES)
