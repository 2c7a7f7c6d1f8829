"""One run of a program in a fresh process, against an engine that takes everything: prints seconds as JSON.

Usage: python -m bench.program <folder with __main__.py> <stack> <configuration as JSON> <extra containers>
"""

from __future__ import annotations

import time

START = time.perf_counter()  # before anything is imported

import asyncio  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import pwd  # noqa: E402
import runpy  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
from collections.abc import Awaitable, Callable, Mapping  # noqa: E402
from pathlib import Path  # noqa: E402
from types import SimpleNamespace  # noqa: E402
from typing import Any  # noqa: E402

import pulumi  # noqa: E402
from pulumi.runtime import mocks, stack  # noqa: E402

PROJECT = "jira-plus-plus"
NOBODY = "http://127.0.0.1:9/v1"
COMPUTED: Mapping[str, Mapping[str, Any]] = {
    "docker:index/remoteImage:RemoteImage": {"imageId": "sha256:0"},
    "hcloud:index/primaryIp:PrimaryIp": {"ipAddress": "198.51.100.7", "ipNetwork": "2001:db8::/64"},
    "random:index/randomPassword:RandomPassword": {"result": "made-up", "bcryptHash": "made-up"},
    "tls:index/privateKey:PrivateKey": dict.fromkeys(
        ("publicKeyOpenssh", "privateKeyOpenssh", "privateKeyPem"), "made-up"
    ),
}
"""What plugins would compute, as far as the program works with it."""


class _Mocks(mocks.Mocks):
    def __init__(self) -> None:
        self.containers = 0

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        self.containers += args.typ == "docker:index/container:Container"
        outputs = {"name": args.name, **args.inputs, **COMPUTED.get(args.typ, {})}
        return "1", outputs

    def call(self, args: mocks.MockCallArgs) -> dict[str, Any]:
        raise AssertionError(f"{args.token} was invoked: a preview asks no one")


def main(folder: Path, stack_name: str, configuration: Mapping[str, str], extra: int) -> None:
    """Runs the program; prints when all was declared, when it was registered, and how many containers."""
    # At this address nobody is asked; by it the program knows that nothing here is on the Internet.
    os.environ |= {"HCLOUD_TOKEN": "0" * 64, "CLOUDFLARE_API_TOKEN": "0" * 64, "HCLOUD_ENDPOINT": NOBODY}
    home = tempfile.mkdtemp()  # the program writes ssh keys to the user's
    pwd.getpwuid = lambda _uid: SimpleNamespace(pw_dir=home)  # type: ignore[assignment,misc]
    sys.path.insert(0, str(folder))
    secret = [key for key in configuration if key.endswith("acme_dns_token")]
    pulumi.runtime.set_all_config(dict(configuration), secret)
    declared = 0.0

    def run() -> None:
        nonlocal declared
        if (folder / "components").is_dir():
            from components import preflight
            from components.host import order

            # There is nobody to ask.
            preflight.look = lambda _settings: None
            order.listed = lambda *_, **__: []
        names = runpy.run_path(str(folder / "__main__.py"), run_name="__main__")
        if extra:
            from bench.extra import declare

            declare(names["platform"], extra)
        declared = time.perf_counter() - START

    async def program() -> None:
        run()
        for end in ends:
            await end()

    ends: list[Callable[[], Awaitable[Any]]] = []
    pulumi.run = ends.append  # a mocked engine's stack takes none
    engine = _Mocks()

    async def everything() -> None:
        mocks.set_mocks(engine, project=PROJECT, stack=stack_name, preview=False)
        await stack.run_pulumi_func(program)

    asyncio.run(everything())
    registered = time.perf_counter() - START
    print(json.dumps({"declared": declared, "registered": registered, "containers": engine.containers}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3]), int(sys.argv[4]))
