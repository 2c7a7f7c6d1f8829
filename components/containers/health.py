"""How a container shows that it can serve."""

from dataclasses import dataclass

import pulumi_docker as docker


@dataclass(frozen=True, kw_only=True)
class Health:
    """A command that ends with 0 while the container is well. All times are in seconds.

    The first check runs one `interval` after the start, and a release waits for it: keep it short.
    During `start_period` a failure does not count. `wait` bounds the wait for the first success.
    """

    command: tuple[str, ...]
    interval: int = 5
    timeout: int = 5
    retries: int = 3
    start_period: int = 30
    wait: int = 120

    def inputs(self) -> docker.ContainerHealthcheckArgs:
        """The check as the provider takes it."""
        return docker.ContainerHealthcheckArgs(
            tests=["CMD", *self.command],
            interval=go_duration(self.interval),
            timeout=go_duration(self.timeout),
            retries=self.retries,
            start_period=go_duration(self.start_period),
        )


def go_duration(seconds: int) -> str:
    """Seconds as Go prints them (`1m30s`): the provider reads them back so, and a refresh finds no change."""
    hours, rest = divmod(seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    if hours:
        return f"{hours}h{minutes}m{seconds}s"
    return f"{minutes}m{seconds}s" if minutes else f"{seconds}s"


def node_http(port: int) -> tuple[str, ...]:
    """A check for images with Node and without curl: ready once, then alive.

    A release must not count as good before it reached the database: the first success asks `/ready`. From
    then on `/health` decides, for a database that is away must not make autoheal restart its clients.
    """
    # Not fetch(): it takes 6 MB more, and the check counts against the container's memory.
    return (
        "node",
        "-e",
        f'const fs=require("fs"),once="/tmp/.ready",path=fs.existsSync(once)?"/health":"/ready";'
        f'require("http").get({{host:"127.0.0.1",port:{port},path,timeout:3000}},r=>{{'
        f'if(r.statusCode!==200)process.exit(1);fs.writeFileSync(once,"");process.exit(0)}})'
        f'.on("error",()=>process.exit(1)).on("timeout",()=>process.exit(1))',
    )


def http(port: int, path: str) -> tuple[str, ...]:
    """A check for images with busybox or wget: the path answers with a status below 400."""
    return ("wget", "-q", "-O", "/dev/null", f"http://127.0.0.1:{port}{path}")
