"""More containers beside the program's own, for what each costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from components.platform import Platform


def declare(platform: Platform, count: int) -> None:
    """Declares `count` containers as the program does its own: hardened, checked, each with a secret file."""
    import pulumi

    from components.containers import Container, ContainerArgs, Health, Networks, Process, Release, Runtime
    from components.containers.limits import Limits

    runtime = Runtime(pulumi.get_stack(), platform.host)
    child = pulumi.ResourceOptions(parent=platform)
    networks = Networks("extra", runtime, ["egress"], child)
    for number in range(count):
        Container(
            f"extra-{number}",
            ContainerArgs(
                process=Process(
                    image=f"sha256:{'0' * 64}",
                    user="1000:1000",
                    entrypoint=("node", "dist/extra.js"),
                    environment={"PORT": "5000", "LOG_LEVEL": "info"},
                    secrets={"TOKEN": pulumi.Output.secret(f"made-up-{number}")},
                    limits=Limits(64, 0.25),
                    networks=("egress",),
                    aliases=(f"extra-{number}",),
                ),
                health=Health(command=("true",)),
                release=Release(order="start-first", grace=10),
            ),
            runtime,
            networks,
            child,
        )
