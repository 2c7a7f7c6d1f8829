"""Stand-in for the plugin `command` 1.2: commands on this machine and, over ssh, on others.

Source of what it does: `provider/pkg/provider` of pulumi-command, `infer` of pulumi-go-provider.
"""

from __future__ import annotations

from rehearsal.plugins.command.copy import CopyToRemote
from rehearsal.plugins.command.local import LocalCommand
from rehearsal.plugins.command.remote import RemoteCommand
from rehearsal.plugins.provider import Provider


class CommandProvider(Provider):
    """Has no configuration. With `REHEARSAL_DOCKER=record` commands are only recorded."""

    name = "command"
    version = "1.2.1"

    def __init__(self) -> None:
        self.resources = {
            "command:local:Command": LocalCommand(),
            "command:remote:Command": RemoteCommand(),
            "command:remote:CopyToRemote": CopyToRemote(),
        }


def provider() -> Provider:
    """The plugin."""
    return CommandProvider()
