"""A server that runs again after a change that has switched it off."""

import asyncio
import os
import time
from collections.abc import Mapping

import pulumi

from components.clouds import accounts

SECONDS = 300
"""For a server to be running again."""
PAUSE_SECONDS = 1.0
_BUSY = ("conflict", "locked")
"""What Hetzner answers while it starts the server by itself."""


def kept_running(name: str, environment: Mapping[str, str] = os.environ) -> pulumi.ResourceHookBinding:
    """Hooks of a server that switch it on where an update has left it off.

    The provider switches it off to change its type, and never on again: not when Hetzner leaves it off
    afterwards, nor when the new type is refused (hetznercloud/terraform-provider-hcloud,
    `internal/server/resource.go`). What fails in a hook fails the update.
    """
    hetzner = accounts(environment).hetzner

    async def updated(args: pulumi.ResourceHookArgs) -> None:
        await asyncio.to_thread(switch_on, hetzner.token, hetzner.endpoint, int(args.id))

    async def failed(args: pulumi.ErrorHookArgs) -> bool:
        if args.failed_operation == "update":
            await asyncio.to_thread(switch_on, hetzner.token, hetzner.endpoint, int(args.id))
        return False  # nothing is tried again

    return pulumi.ResourceHookBinding(
        after_update=[pulumi.ResourceHook(f"{name}-updated", updated)],
        on_error=[pulumi.ErrorHook(f"{name}-failed", failed)],
    )


def switch_on(token: str, endpoint: str, server_id: int) -> None:
    """Waits until the server runs, and switches it on where it is off.

    Raises:
        TimeoutError: it does not run within `SECONDS`.
        hcloud.HCloudException: Hetzner refuses.
    """
    from hcloud import APIException, Client  # only here: few runs need it

    client = Client(token=token, api_endpoint=endpoint, poll_interval=PAUSE_SECONDS)
    end = time.monotonic() + SECONDS
    while (server := client.servers.get_by_id(server_id)).status != server.STATUS_RUNNING:
        if time.monotonic() > end:
            raise TimeoutError(
                f"server {server.name} is {server.status} after {SECONDS} s: "
                "switch it on in Hetzner's console, then deploy again"
            )
        if server.status == server.STATUS_OFF:
            try:
                server.power_on().wait_until_finished()
            except APIException as error:
                if error.code not in _BUSY:
                    raise
        time.sleep(PAUSE_SECONDS)
