"""A container that does one thing and ends: `docker run --rm` on the host, hardened like every other."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from components.containers import hardening
from components.containers.files import HERE, Files
from components.containers.logs import Logs
from components.containers.networks import Networks
from components.containers.process import Process
from components.containers.runtime import Runtime


@dataclass(frozen=True, kw_only=True)
class JobArgs:
    """The process, and what besides its image, its command and its files makes it run again."""

    process: Process
    triggers: tuple[pulumi.Input[str], ...] = ()


class Job(pulumi.ComponentResource):
    """Runs once, and again when the image, the command, a file or a trigger changes.

    A job that fails fails the update; it is not in the state then, so the next update runs it again.
    """

    def __init__(
        self,
        name: str,
        args: JobArgs,
        runtime: Runtime,
        networks: Networks,
        opts: pulumi.ResourceOptions | None = None,
        *,
        depends_on: Sequence[pulumi.Resource] = (),
    ) -> None:
        super().__init__("jira-plus-plus:containers:Job", name, {}, opts)
        process = args.process
        if len(process.networks) != 1 or not process.timeout_seconds:
            raise ValueError(f"{name}: a job needs exactly one network (docker run takes one) and a timeout")
        shim = (HERE / "entrypoint.sh").read_text(encoding="utf-8")
        files = Files(
            name, runtime, process.all_files(shim), process.user, pulumi.ResourceOptions(parent=self)
        )
        mounts = (*process.mounts, *files.mounts)
        command = pulumi.Output.all(
            process.image, networks[process.networks[0]], *(mount.source for mount in mounts)
        ).apply(
            lambda known: script(
                f"{runtime.prefix}-{name}",
                [
                    *hardening.run_flags(
                        process,
                        network=known[1],
                        mount_sources=list(zip(mounts, known[2:], strict=True)),
                        labels=runtime.labels(name),
                        logs=Logs.of(runtime, name),
                    ),
                    *image_and_command(process, known[0]),
                ],
            )
        )
        self.resource = runtime.host.run(
            name,
            create=command,
            triggers=list(args.triggers) or None,  # a changed command runs again by itself
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(depends_on)),
        )
        self.register_outputs({})


def image_and_command(process: Process, image: str) -> list[str]:
    """The end of a `docker run` command line: `--entrypoint` takes one word, the others follow the image."""
    first, *rest = process.whole_entrypoint
    return [f"--entrypoint={first}", image, *rest, *process.arguments]


def script(name: str, arguments: list[str]) -> str:
    """The shell script that runs the job."""
    text = (HERE / "job.sh").read_text(encoding="utf-8")
    return f"set -- {shlex.join([name, *arguments])}\n{text}"
