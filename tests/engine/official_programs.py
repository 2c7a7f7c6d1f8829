"""A small program for each plugin: what ours makes with it, in three versions.

The second differs from the first in what is changed in place where the plugin has that, the third from the
second in what replaces.
"""

from __future__ import annotations

from collections.abc import Callable

import pulumi
import pulumi_command as command
import pulumi_docker as docker
import pulumi_hcloud as hcloud
import pulumi_random as random
import pulumi_tls as tls

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"
IMAGE = "jira-plus-plus-comparison:1"
"""Where a Docker daemon is asked, it must have it."""
LABEL = ("jira-plus-plus", "comparison")


def _hcloud(version: int) -> None:
    """Everything that one server needs."""
    child = pulumi.ResourceOptions(delete_before_replace=True)
    key = hcloud.SshKey("key", public_key=KEY)
    address = hcloud.PrimaryIp("address", type="ipv4", location="fsn1", auto_delete=False)
    rule = {"direction": "in", "protocol": "tcp", "port": "443", "source_ips": ["0.0.0.0/0", "::/0"]}
    wall = hcloud.Firewall("wall", rules=[rule])
    disk = hcloud.Volume("disk", size=20 if version >= 2 else 10, location="fsn1", format="ext4")
    box = hcloud.Server(
        "box",
        server_type="cx23",
        image="debian-12",
        location="fsn1",
        user_data="#cloud-config\n" + ("# new" if version >= 3 else ""),
        labels={"version": str(min(version, 2))},
        ssh_keys=[key.id],
        firewall_ids=[wall.id.apply(int)],
        public_nets=[{"ipv4": address.id.apply(int), "ipv4_enabled": True, "ipv6_enabled": True}],
        opts=child,
    )
    hcloud.VolumeAttachment("mount", volume_id=disk.id.apply(int), server_id=box.id.apply(int), opts=child)
    pulumi.export("address", box.ipv4_address)


def _command(version: int) -> None:
    """A job that runs again when its script changes, and is a new one when its trigger does."""
    command.local.Command(
        "job",
        create="cat",
        update="cat >/dev/null; echo again" if version >= 2 else None,
        delete="true",
        stdin=pulumi.Output.secret("a secret"),
        environment={"A": "1", "B": str(min(version, 2))},
        triggers=["release", {"version": version >= 3}],
        logging=command.local.Logging.STDERR,
        add_previous_output_in_env=False,
    )


def _docker(version: int) -> None:
    """A container on a network and a volume, as ours are."""
    network = docker.Network(
        "network", internal=True, labels=[docker.NetworkLabelArgs(label=LABEL[0], value=LABEL[1])]
    )
    volume = docker.Volume("volume", labels=[docker.VolumeLabelArgs(label=LABEL[0], value=LABEL[1])])
    image = docker.RemoteImage("image", name=IMAGE, keep_locally=True)
    more, larger = version >= 3, 96 if version >= 2 else 64
    docker.Container(
        "container",
        image=image.image_id,
        command=["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"],
        envs=["B=2", "A=1", *(["ADDED=3"] if more else [])],
        labels=[docker.ContainerLabelArgs(label=LABEL[0], value=LABEL[1])],
        networks_advanced=[docker.ContainerNetworksAdvancedArgs(name=network.name, aliases=["web", "api"])],
        mounts=[docker.ContainerMountArgs(type="volume", source=volume.name, target="/data")],
        tmpfs={"/tmp": "size=1m,mode=1777"},
        capabilities=docker.ContainerCapabilitiesArgs(drops=["ALL"]),
        security_opts=["no-new-privileges:true"],
        read_only=True,
        memory=larger,
        memory_swap=larger,
        cpus="0.5",
        restart="unless-stopped",
        log_driver="local",
        log_opts={"max-size": "1m", "max-file": "2"},
        healthcheck=docker.ContainerHealthcheckArgs(
            tests=["CMD", "true"], interval="1s", timeout="30s", retries=9
        ),
        wait=True,
        wait_timeout=120,
        destroy_grace_seconds=10,
        opts=pulumi.ResourceOptions(delete_before_replace=False),
    )


def _random(version: int) -> None:
    """A password; everything of it replaces."""
    random.RandomPassword(
        "password", length=40 if version >= 3 else 32, special=False, min_numeric=2 if version >= 2 else None
    )


def _tls(version: int) -> None:
    """A key, a certificate of its own and a request for one."""
    key = tls.PrivateKey("key", algorithm="ECDSA", ecdsa_curve="P384" if version >= 3 else "P256")
    names = ["app.localhost", "api.localhost"]
    tls.SelfSignedCert(
        "certificate",
        private_key_pem=key.private_key_pem,
        subject=tls.SelfSignedCertSubjectArgs(common_name=names[0], organization="Jira++"),
        dns_names=names,
        allowed_uses=["digital_signature", "key_encipherment", "server_auth"],
        validity_period_hours=24,
        early_renewal_hours=2 if version >= 2 else 1,
    )
    tls.CertRequest(
        "request",
        private_key_pem=key.private_key_pem,
        subject=tls.CertRequestSubjectArgs(common_name=names[0], organization="Jira++"),
        dns_names=names,
    )


PROGRAMS: dict[str, Callable[[int], None]] = {
    "command": _command,
    "docker": _docker,
    "hcloud": _hcloud,
    "random": _random,
    "tls": _tls,
}
