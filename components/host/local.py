"""This machine: its Docker as it is. Nothing is prepared, no account and no ssh is needed."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_docker as docker

from components.host.folders import files_root

DEFAULT_DOCKER_HOST = "unix:///var/run/docker.sock"


@dataclass(frozen=True)
class LocalArgs:
    """The stack, whose files are kept apart from those of others."""

    stack: str
    registry_auth: Sequence[docker.ProviderRegistryAuthArgs] = ()


class Local(pulumi.ComponentResource):
    """The machine. Data lives in named volumes of Docker."""

    def __init__(self, name: str, args: LocalArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("jira-plus-plus:host:Local", name, {}, opts)
        host = os.environ.get("DOCKER_HOST", DEFAULT_DOCKER_HOST)
        self.docker_provider = docker.Provider(
            f"{name}-docker",
            host=host,
            registry_auth=list(args.registry_auth) or None,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.docker_host: pulumi.Output[str] = pulumi.Output.from_input(host)
        self.ready: pulumi.Resource = self.docker_provider
        self.connection = None
        self.server = None
        self.ipv4 = None
        self.ipv6 = None
        self.ssh = None
        self.data_path = None
        self.files_root = str(files_root(args.stack))
        self.journal = False
        self.sudo = ""
        self.register_outputs({})
