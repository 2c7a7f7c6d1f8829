"""A machine that is reached by ssh: prepared, its volume mounted, and its Docker awaited."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_command as command
import pulumi_docker as docker

from components.host.keys import (
    Keys,
    docker_ssh_options,
    known_host,
    ssh_folder,
    ssh_options,
    write_ssh_files,
)
from components.host.scripts import DEPLOY_USER, bootstrap_arguments, run_script, script

if TYPE_CHECKING:
    import pulumi_hcloud as hcloud

    from components.host.volume import Attachment, Volume

FILES_ROOT = "/srv/jira/files"
DIAL_ATTEMPTS = 40
"""A server boots while the first command dials. Refused, that is 3 minutes; dropped by a firewall, 6."""


@dataclass(frozen=True)
class RemoteArgs:
    """How the machine is reached, and what it is to become."""

    keys: Keys
    address: pulumi.Input[str]
    port: int
    host_public_key: pulumi.Input[str]
    swap_mb: int
    ssh_users: Sequence[str]
    authorized_keys: Sequence[str]
    data_path: str
    registry_auth: Sequence[docker.ProviderRegistryAuthArgs]
    ipv4: pulumi.Input[str] | None
    ipv6: pulumi.Input[str] | None
    backup_at: str
    shared: bool = False
    """Whether others use the machine, too, and keep what is theirs."""
    # Where a cloud made the machine:
    server: "hcloud.Server | None" = None
    volume: "Volume | None" = None
    attachment: "Attachment | None" = None
    # Where someone else did: what must have happened before the deploy user can log in.
    after: Sequence[pulumi.Resource] = ()


class Remote(pulumi.ComponentResource):
    """The machine: bootstrap, then mount, then readiness, and Docker's provider waits for the last."""

    def __init__(self, name: str, args: RemoteArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("jira-plus-plus:host:Remote", name, {}, opts)
        key = args.keys.deploy
        self.connection = command.remote.ConnectionArgs(
            host=args.address,
            port=args.port,
            user=DEPLOY_USER,
            private_key=key.private_key_openssh,
            host_key=args.host_public_key,
            dial_error_limit=DIAL_ATTEMPTS,
            per_dial_timeout=5,
        )
        self.server = args.server
        born = [args.server.id] if args.server else None
        # A change of its type boots the server, and the first step waits until it answers again.
        booted = [args.server.id, args.server.server_type] if args.server else None

        def step(
            part: str,
            create: pulumi.Input[str],
            file: str,
            depends_on: Sequence[pulumi.Resource],
            triggers: Sequence[pulumi.Output[str]] | None = born,
        ) -> pulumi.Resource:
            return command.remote.Command(
                f"{name}-{part}",
                connection=self.connection,
                create=create,
                stdin=script(file),
                triggers=triggers,
                logging=command.remote.Logging.STDERR,
                add_previous_output_in_env=False,  # sshd refuses variables that it was not told to accept
                opts=pulumi.ResourceOptions(
                    parent=self, depends_on=list(depends_on), deleted_with=args.server
                ),
            )

        # At a new server cloud-init has run the same script already, and this finds little to do.
        arguments = bootstrap_arguments(
            args.swap_mb,
            args.ssh_users,
            args.authorized_keys,
            backup_at=args.backup_at,
            existing=args.server is None,
            shared=args.shared,
            wait_for_cloud_init=args.server is not None,
        )
        last = step("bootstrap", run_script(arguments), "bootstrap.sh", args.after, booted)
        if args.volume and args.attachment:
            mount = pulumi.Output.all(args.volume.device, args.volume.resource.size).apply(
                lambda known: run_script(
                    ["--device", known[0], "--path", args.data_path, "--size-gb", str(int(known[1]))]
                )
            )
            last = step("mount", mount, "mount-volume.sh", [last, args.attachment.resource])
        ready = command.remote.Command(
            f"{name}-ready",
            connection=self.connection,
            create=run_script([], interpreter="sh", sudo=False),
            stdin=script("readiness.sh"),
            triggers=born,
            logging=command.remote.Logging.STDERR,
            add_previous_output_in_env=False,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[last], deleted_with=args.server),
        )
        self.ready: pulumi.Resource = ready

        address = pulumi.Output.from_input(args.address)
        at = f"{{}}:{args.port}" if args.port != 22 else "{}"
        # Made of what the readiness command printed, so that nothing dials before. The address is no secret,
        # though whatever comes of a command with a private key counts as one.
        self.docker_host: pulumi.Output[str] = pulumi.Output.unsecret(
            pulumi.Output.all(address, ready.stdout).apply(
                lambda known: f"ssh://{DEPLOY_USER}@{at.format(known[0])}"
            )
        )
        self.docker_provider = docker.Provider(
            f"{name}-docker",
            host=self.docker_host,
            ssh_opts=pulumi.Output.unsecret(
                pulumi.Output.all(
                    key.public_key_openssh, key.private_key_openssh, address, args.host_public_key
                ).apply(
                    lambda known: _ssh_options(known[0], known[1], known_host(known[2], args.port, known[3]))
                )
            ),
            registry_auth=list(args.registry_auth) or None,
            opts=pulumi.ResourceOptions(parent=self),
        )
        port = f" -p {args.port}" if args.port != 22 else ""
        self.ssh: pulumi.Output[str] | None = pulumi.Output.all(address, key.public_key_openssh).apply(
            lambda known: f"ssh{port} {' '.join(ssh_options(ssh_folder(known[1])))} {DEPLOY_USER}@{known[0]}"
        )
        self.ipv4 = pulumi.Output.from_input(args.ipv4) if args.ipv4 is not None else None
        self.ipv6 = pulumi.Output.from_input(args.ipv6) if args.ipv6 is not None else None
        self.data_path: str | None = args.data_path
        self.files_root = FILES_ROOT
        self.journal = True
        self.sudo = "sudo "
        self.register_outputs({"docker_host": self.docker_host})


def _ssh_options(public_key: str, private_key: str, known_hosts: str) -> list[str]:
    """The options of Docker's ssh client, after writing the files that they name: at every run, anywhere."""
    folder = ssh_folder(public_key)
    write_ssh_files(folder, private_key, known_hosts)
    return docker_ssh_options(folder)
