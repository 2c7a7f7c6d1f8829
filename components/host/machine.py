"""What every kind of machine offers to what runs on it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import pulumi
import pulumi_command as command
import pulumi_docker as docker

if TYPE_CHECKING:
    import pulumi_hcloud as hcloud

Command = command.remote.Command | command.local.Command


class Machine(Protocol):
    """A machine with Docker on it, prepared by the program or not."""

    @property
    def docker_provider(self) -> docker.Provider:
        """Its host is known only once Docker there answers."""

    @property
    def docker_host(self) -> pulumi.Output[str]:
        """The address of the Docker API, as DOCKER_HOST takes it."""

    @property
    def ready(self) -> pulumi.Resource:
        """What runs on the machine depends on this: prepared, data mounted, Docker answers."""

    @property
    def connection(self) -> command.remote.ConnectionArgs | None:
        """How commands reach the machine; None: they run on this one."""

    @property
    def server(self) -> "hcloud.Server | None":
        """What runs on the machine is replaced and deleted with this; None where it is not the program's."""

    @property
    def ipv4(self) -> pulumi.Output[str] | None:
        """The public IPv4 address."""

    @property
    def ipv6(self) -> pulumi.Output[str] | None:
        """The public IPv6 address."""

    @property
    def ssh(self) -> pulumi.Output[str] | None:
        """The command line with which an operator logs in."""

    @property
    def data_path(self) -> str | None:
        """The folder that outlives the containers and, on a volume, the machine; None: use named volumes."""

    @property
    def files_root(self) -> str:
        """The folder for the files that are mounted into containers."""

    @property
    def journal(self) -> bool:
        """Whether systemd's journal keeps what its containers say."""

    @property
    def sudo(self) -> str:
        """What a command that needs root begins with; empty where there is no need or no way."""


def once(value: pulumi.Input[str], command: pulumi.CustomResource) -> pulumi.Output[str]:
    """`value`, for who has to wait until the command has run, though what it says is not needed."""
    return pulumi.Output.all(value, command.id).apply(lambda known: str(known[0]))


def run(
    machine: Machine,
    name: str,
    *,
    create: pulumi.Input[str],
    update: pulumi.Input[str] | None = None,
    delete: pulumi.Input[str] | None = None,
    stdin: pulumi.Input[str] | None = None,
    triggers: Sequence[Any] | None = None,
    opts: pulumi.ResourceOptions | None = None,
) -> Command:
    """A shell command on the machine, after it is ready.

    It runs again when one of its inputs changes (`update`, else `create`), and is replaced when a trigger
    changes or the server is. `delete` runs at its end, unless the server ends with it. Secrets go to `stdin`,
    never into `create`: an error shows the command.
    """
    options = pulumi.ResourceOptions.merge(
        opts,
        pulumi.ResourceOptions(
            depends_on=[machine.ready],
            # A new server has nothing of what the command made, and an old one takes it along.
            replace_with=[machine.server] if machine.server else None,
            deleted_with=machine.server,
        ),
    )
    if machine.connection is None:
        return command.local.Command(
            name,
            create=create,
            update=update,
            delete=delete,
            stdin=stdin,
            triggers=triggers,
            logging=command.local.Logging.STDERR,
            add_previous_output_in_env=False,
            opts=options,
        )
    return command.remote.Command(
        name,
        connection=machine.connection,
        create=create,
        update=update,
        delete=delete,
        stdin=stdin,
        triggers=triggers,
        logging=command.remote.Logging.STDERR,
        add_previous_output_in_env=False,  # sshd refuses variables that it was not told to accept
        opts=options,
    )
