"""A server from elsewhere, which existed before and stays: prepared here, but neither made nor firewalled."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_command as command
import pulumi_docker as docker

from components.host.folders import DATA
from components.host.keys import Keys, KeysArgs
from components.host.remote import Remote, RemoteArgs
from components.host.scripts import run_script, script
from components.settings.host import Host as Settings

DATA_PATH = DATA["existing"]


@dataclass(frozen=True)
class ExistingArgs:
    """The section `host` of the stack file, with `address` and `ssh.host_key`.

    `private_key` (OpenSSH, secret) is what `ssh.user` logs in with, once; without it the ssh agent is asked.
    """

    settings: Settings
    private_key: pulumi.Input[str] | None = None
    registry_auth: Sequence[docker.ProviderRegistryAuthArgs] = ()
    backup_at: str = "02:00"


class Existing(pulumi.ComponentResource):
    """The machine; `remote` is what runs on it sees. Its firewall, its disk and its end are its owner's."""

    def __init__(self, name: str, args: ExistingArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("jira-plus-plus:host:Existing", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        settings = args.settings
        if settings.address is None or settings.ssh.host_key is None:
            raise ValueError("host.address and host.ssh.host_key must be set for host.kind existing")
        if args.private_key is None and "SSH_AUTH_SOCK" not in os.environ:
            pulumi.log.warn(
                f"no ssh agent is running: the first login at {settings.address} as {settings.ssh.user} "
                "needs one, or the secret ssh_private_key",
                self,
            )
        keys = Keys(name, KeysArgs(host=False), child)
        owner = command.remote.ConnectionArgs(
            host=settings.address,
            port=settings.ssh.port,
            user=settings.ssh.user,
            private_key=args.private_key,
            host_key=settings.ssh.host_key,
        )
        sudo = settings.ssh.user != "root"
        look = command.remote.Command(
            f"{name}-look",
            connection=owner,
            create=run_script(["--shared"] if settings.shared else [], interpreter="sh", sudo=sudo),
            stdin=script("look.sh"),
            logging=command.remote.Logging.STDERR,
            add_previous_output_in_env=False,
            opts=child,
        )
        # The one login that changes something as the owner's user: the deploy user does everything else.
        adopt = command.remote.Command(
            f"{name}-adopt",
            connection=owner,
            create=keys.deploy.public_key_openssh.apply(
                lambda key: run_script([key.strip()], interpreter="sh", sudo=sudo)
            ),
            stdin=script("adopt.sh"),
            logging=command.remote.Logging.STDERR,
            add_previous_output_in_env=False,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[look]),
        )
        self.remote = Remote(
            name,
            RemoteArgs(
                keys=keys,
                address=settings.address,
                port=settings.ssh.port,
                host_public_key=settings.ssh.host_key,
                swap_mb=settings.swap_mb,
                ssh_users=(settings.ssh.user,),  # its owner is not locked out of it
                authorized_keys=settings.ssh.authorized_keys,
                data_path=DATA_PATH,
                ipv4=settings.address,
                ipv6=None,  # the settings know of none
                registry_auth=args.registry_auth,
                backup_at=args.backup_at,
                shared=settings.shared,
                after=(adopt,),
            ),
            child,
        )
        self.register_outputs({})
