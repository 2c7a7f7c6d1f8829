"""The Docker of a host, as everything that is declared on it sees it."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from components.host import Host


@dataclass(frozen=True)
class Runtime:
    """The stack's name, and the host whose Docker runs it."""

    stack: str
    host: Host

    def options(
        self,
        parent: pulumi.Resource,
        *,
        depends_on: Sequence[pulumi.Resource] = (),
        delete_before_replace: bool | None = None,
        replace_on_changes: Sequence[str] = (),
        protect: bool | None = None,
        retain_on_delete: bool | None = None,
    ) -> pulumi.ResourceOptions:
        """The resource options of an object in this Docker; its commands get the same from `Host.run`."""
        server = self.host.server
        return pulumi.ResourceOptions(
            parent=parent,
            provider=self.host.docker_provider,
            depends_on=list(depends_on),
            # A new server has none of the old one's objects, and a changed host alone replaces nothing.
            replace_with=[server] if server else None,
            # An object goes with its server; asking a Docker that is gone would make the destroy fail.
            deleted_with=server,
            delete_before_replace=delete_before_replace,
            replace_on_changes=list(replace_on_changes) or None,
            protect=protect,
            retain_on_delete=retain_on_delete,
        )

    @property
    def prefix(self) -> str:
        """What a fixed name in this Docker begins with, so that two stacks may share it."""
        return f"jira-{self.stack}"

    def kept(self, folder: str) -> str | None:
        """Where that folder is on the data disk, as `Storage` takes it; None: there is no such disk."""
        return f"{self.host.data_path}/{folder}" if self.host.data_path else None

    @property
    def autoheal_label(self) -> str:
        """The label of what autoheal may restart: this stack's. A developer's Docker holds others, too."""
        return f"{self.prefix}.autoheal"

    def labels(self, service: str) -> dict[str, str]:
        """The labels by which a container is found."""
        return {"jira-plus-plus.stack": self.stack, "jira-plus-plus.service": service}
