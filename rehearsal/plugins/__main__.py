"""`python -m rehearsal.plugins <name> [engine address]`: one plugin, as the engine starts it; prints its
port.

`python -m rehearsal.plugins <name> <name> …` serves several from one process, for engines that attach: it
prints one line, the value for PULUMI_DEBUG_PROVIDERS. Both end with the process that started them.
"""

from __future__ import annotations

import importlib
import os
import re
import signal
import sys
from collections.abc import Callable

from rehearsal.plugins.provider import Provider

PLUGINS = {
    "cloudflare": "rehearsal.plugins.cloudflare",
    "command": "rehearsal.plugins.command",
    "docker": "rehearsal.plugins.docker",
    "hcloud": "rehearsal.plugins.hcloud",
    "random": "rehearsal.plugins.random",
    "tls": "rehearsal.plugins.tls",
}
"""Plugin to the module that holds its `provider()`; a module is imported only when its plugin is asked
for."""


def _maker(name: str) -> Callable[[], Provider]:
    make: Callable[[], Provider] = importlib.import_module(PLUGINS[name]).provider
    return make


def main(arguments: list[str]) -> int:
    """Serve until the engine, or whoever started this process, is gone."""
    names = [argument for argument in arguments if argument in PLUGINS]
    addresses = [argument for argument in arguments if re.fullmatch(r"[\w.\[\]:]+:\d+", argument)]
    unknown = sorted(set(arguments) - set(names) - set(addresses))
    if unknown or not names:
        problem = f"unknown plugin {', '.join(unknown)}" if unknown else "no plugin named"
        print(f"{problem}: choose from {', '.join(PLUGINS)}", file=sys.stderr)
        return 2
    parent = os.getppid()
    for ending in (signal.SIGTERM, signal.SIGINT):  # an interrupt is how the engine ends a plugin
        signal.signal(ending, lambda *_: os._exit(0))

    from rehearsal.plugins import server

    engine = addresses[0] if addresses else ""
    running = [(name, *server.start(_maker(name), engine)) for name in names]
    if len(running) == 1:
        print(running[0][2], flush=True)
    else:
        print(",".join(f"{name}:{port}" for name, _, port in running), flush=True)
    server.wait_for_parent(parent)
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
