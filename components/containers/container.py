"""The container of a service, which stays."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_docker as docker

from components.containers import hardening
from components.containers.files import HERE, Files
from components.containers.health import Health, first_success
from components.containers.logs import Logs
from components.containers.mount import Port
from components.containers.networks import NETWORKS, Networks
from components.containers.process import Process
from components.containers.release import Release
from components.containers.runtime import Runtime


@dataclass(frozen=True, kw_only=True)
class ContainerArgs:
    """A process that stays, how it shows that it is well, and how it is replaced."""

    # What runs
    process: Process
    init: bool = True
    """Whether Docker's init reaps orphans before it; off where the process does so itself."""

    # How it lives
    health: Health
    release: Release

    # Who may reach it from outside
    ports: tuple[Port, ...] = ()

    # Who watches it
    autoheal: bool = True
    """Whether it is restarted when it turns unhealthy. Not a database: a restart makes a slow one slower."""
    watched_image: str | None = None
    """The tag under which a newer image would appear; None where our own release build names it."""


class Container(pulumi.ComponentResource):
    """A hardened container; `name_in_docker` finds it, and what depends on it waits until it is healthy."""

    def __init__(
        self,
        name: str,
        args: ContainerArgs,
        runtime: Runtime,
        networks: Networks,
        opts: pulumi.ResourceOptions | None = None,
        *,
        depends_on: Sequence[pulumi.Resource] = (),
    ) -> None:
        super().__init__("jira-plus-plus:containers:Container", name, {}, opts)
        process, release, logs = args.process, args.release, Logs.of(runtime, name)
        server = runtime.host.server
        shim = (HERE / "entrypoint.sh").read_text(encoding="utf-8")
        given = process.all_files(shim)
        files = (
            Files(
                name,
                runtime,
                given,
                process.user,
                pulumi.ResourceOptions(parent=self, retain_on_delete=release.cutover),
            )
            if given
            else None
        )
        self.resource = docker.Container(
            name,
            # Fixed, Docker refuses a second one; generated, the next can come before the last goes.
            name=None if release.start_first else f"{runtime.prefix}-{name}",
            image=process.image,
            user=process.user,
            entrypoints=list(process.whole_entrypoint),
            command=list(process.arguments) or None,
            envs=[f"{key}={value}" for key, value in process.environment.items()],
            init=args.init,
            # What it may do
            read_only=hardening.READ_ONLY_ROOT,
            capabilities=docker.ContainerCapabilitiesArgs(drops=list(hardening.DROPPED_CAPABILITIES)),
            security_opts=list(hardening.SECURITY_OPTIONS),
            # What it may use
            memory=process.limits.memory_mb,
            memory_swap=process.limits.memory_mb,
            cpus=process.limits.cpus_text,
            shm_size=process.shm_mb,
            tmpfs=hardening.tmpfs_options(process),
            mounts=[mount.inputs() for mount in (*process.mounts, *(files.mounts if files else ()))],
            log_driver=logs.driver,
            log_opts=dict(logs.options),
            # What it may reach
            networks_advanced=[
                docker.ContainerNetworksAdvancedArgs(
                    name=networks[network],
                    # A name on a network whose members cannot reach each other would be an address that never
                    # answers, for those who share another network, too.
                    aliases=[] if NETWORKS[network].isolated else list(process.aliases),
                )
                for network in process.networks
            ],
            dns_opts=hardening.dns_options(process) or None,
            ports=[port.inputs() for port in args.ports] or None,
            # How it lives
            healthcheck=args.health.inputs(server.image if server else None),
            restart=hardening.RESTART,
            must_run=True,
            # The provider's wait ends with a container that goes on failing, and says nothing of its log.
            wait=not release.cutover,
            wait_timeout=args.health.wait,
            stop_signal=release.signal,
            stop_timeout=release.grace,  # `docker stop`, and Docker's own end
            destroy_grace_seconds=release.grace,  # the provider's delete; without it SIGKILL comes at once
            labels=[
                docker.ContainerLabelArgs(label=label, value=value)
                for label, value in {
                    **runtime.labels(name),
                    **watchers(args, runtime.autoheal_label),
                }.items()
            ],
            opts=runtime.options(
                self,
                depends_on=depends_on,
                # Set in both directions: left out, the provider deletes the old one first.
                delete_before_replace=not release.start_first,
                # The provider reports a change of the first three as done and does nothing. The last: what
                # did not become healthy is made anew, where a second `up` would else take it as it is.
                replace_on_changes=("healthcheck", "tmpfs", "init", "#initerror"),
                retain_on_delete=release.cutover,
            ),
        )
        if release.cutover:
            self._await_healthy(name, runtime, args.health, files)
        self.service = name
        self.networks = process.networks
        self.name_in_docker: pulumi.Output[str] = self.resource.name
        self.register_outputs({"container": self.name_in_docker})

    def _await_healthy(self, name: str, runtime: Runtime, health: Health, files: Files | None) -> None:
        """Until it is well, and is told so; what does not get well is stopped, and the update fails."""
        sudo = runtime.host.sudo
        if health.once and files is None:
            raise ValueError(f"{name}: without the shim there is no folder for the file that remembers")
        mark: pulumi.Output[str] = pulumi.Output.from_input("")
        if health.once and files:
            mark = pulumi.Output.all(files.folder, self.resource.id).apply(
                lambda known: first_success(*known)
            )
        script = (HERE / "await-healthy.sh").read_text(encoding="utf-8")
        words = pulumi.Output.all(self.resource.name, mark).apply(
            lambda known: ["sh", "-s", "--", known[0], str(health.wait), known[1]]
        )
        runtime.host.run(
            f"{name}-healthy",
            create=words.apply(lambda words: f"{sudo}{shlex.join(words)}"),
            # An error shows the command, and not what it reads.
            stdin=f"{script}\nawait_healthy {shlex.join(health.command)}\n",
            triggers=[self.resource.id],
            opts=pulumi.ResourceOptions(parent=self),
        )


def watchers(args: ContainerArgs, autoheal_label: str) -> dict[str, str]:
    """The labels for autoheal and Watchtower."""
    labels = {}
    if args.autoheal:
        labels = {autoheal_label: "true"}
    if args.watched_image is None:
        return {**labels, "com.centurylinklabs.watchtower.enable": "false"}
    return {
        **labels,
        "com.centurylinklabs.watchtower.enable": "true",
        # It would replace the container behind Pulumi's back.
        "com.centurylinklabs.watchtower.monitor-only": "true",
        # The container is made from an image's id, which has no newer version; this is the tag that has.
        "com.centurylinklabs.zodiac.original-image": args.watched_image,
    }
