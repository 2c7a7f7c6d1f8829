"""The volume that holds Postgres' data, apart from the server's life."""

from dataclasses import dataclass

import pulumi
import pulumi_hcloud as hcloud

from components.host.folders import DATA
from components.host.labels import labels, prefix

MOUNTPOINT = DATA["hetzner"]


@dataclass(frozen=True)
class VolumeArgs:
    """Where the volume is, how large (GB), and whether it may go."""

    stack: str
    location: str
    size_gb: int
    protected: bool


class Volume(pulumi.ComponentResource):
    """A volume, made by location: no server owns it. `device` is its path on the server that has it."""

    def __init__(self, name: str, args: VolumeArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("jira-plus-plus:host:Volume", name, {}, opts)
        # No `format`: the server makes the filesystem, and only on a blank device (mount-volume.sh).
        self.resource = hcloud.Volume(
            f"{name}-volume",
            name=f"{prefix(args.stack)}-data",
            location=args.location,
            size=args.size_gb,  # grows in place; Hetzner refuses to shrink
            delete_protection=args.protected,
            labels=labels(args.stack),
            opts=pulumi.ResourceOptions(
                parent=self,
                protect=args.protected,
                delete_before_replace=True,  # the name is fixed and unique
            ),
        )
        self.device: pulumi.Output[str] = self.resource.id.apply(device)
        self.register_outputs({"device": self.device})


@dataclass(frozen=True)
class AttachmentArgs:
    """Which volume is attached to which server."""

    volume: hcloud.Volume
    server: hcloud.Server


class Attachment(pulumi.ComponentResource):
    """The volume's attachment to the server of the day."""

    def __init__(self, name: str, args: AttachmentArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("jira-plus-plus:host:Attachment", name, {}, opts)
        self.resource = hcloud.VolumeAttachment(
            f"{name}-attachment",
            volume_id=args.volume.id.apply(int),
            server_id=args.server.id.apply(int),
            automount=False,  # it does not fire on a second attachment: mount-volume.sh mounts
            opts=pulumi.ResourceOptions(
                parent=self,
                # The server's end detaches, after its shutdown has stopped Postgres and unmounted. To detach
                # before would pull the disk from under a running database.
                deleted_with=args.server,
            ),
        )
        self.register_outputs({})


def device(volume_id: str) -> str:
    """The path of an attached volume, by identity: the order of /dev/sd* may change at a reboot."""
    return f"/dev/disk/by-id/scsi-0HC_Volume_{volume_id}"
