"""`python -m rehearsal.cloud`: serves until it is told to stop."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from pathlib import Path

from rehearsal.cloud.cloud import Cloud, ModeError
from rehearsal.cloud.cloudflare import zones
from rehearsal.cloud.faults import FaultError
from rehearsal.cloud.server import CloudServer
from rehearsal.cloud.store import FolderInUseError, Store
from rehearsal.machines import MachineError, Machines
from rehearsal.machines.recorded import RecordedMachines


def _zone(text: str) -> tuple[str, str | None]:
    name, _, key = text.partition("=")
    return name, key or None


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m rehearsal.cloud", description=__doc__)
    parser.add_argument(
        "--state", type=Path, required=True, metavar="FOLDER", help="where everything is kept"
    )
    parser.add_argument(
        "--token",
        default=os.environ.get("REHEARSAL_TOKEN"),
        help="what clients must send as Bearer (default: $REHEARSAL_TOKEN)",
    )
    parser.add_argument("--port", type=int, default=0, help="on 127.0.0.1; 0, the default, takes a free one")
    parser.add_argument(
        "--docker",
        choices=("run", "record"),
        default=os.environ.get("REHEARSAL_DOCKER", "record"),
        help="boot servers as containers, or only record them (default: $REHEARSAL_DOCKER, else record)",
    )
    parser.add_argument(
        "--zone",
        type=_zone,
        action="append",
        default=[],
        metavar="NAME[=ID]",
        help="a Cloudflare zone that exists from the start; may be repeated",
    )
    parser.add_argument(
        "--account", metavar="ID", help="the Cloudflare account's id (default: one that is made up)"
    )
    parser.add_argument(
        "--action-seconds",
        type=float,
        default=0.1,
        help="how long an action takes at least; 0 ends recorded ones within the request (default: 0.1)",
    )
    parser.add_argument(
        "--rate-limit", type=int, default=3600, help="Hetzner requests an hour; 0 is no limit"
    )
    parser.add_argument(
        "--cloudflare-limit", type=int, default=1200, help="requests in 5 minutes; 0 is no limit"
    )
    arguments = parser.parse_args()
    if not arguments.token:
        parser.error("--token: missing; give one, or set REHEARSAL_TOKEN")
    return arguments


def _machines(mode: str, state: Path) -> Machines:
    if mode == "record":
        print("rehearsal.cloud: servers are recorded, none boots (--docker record)", file=sys.stderr)
        return RecordedMachines(state)
    from rehearsal.machines.docker import DockerMachines

    return DockerMachines(state)


def main() -> int:
    """Serves; 2 if it cannot start."""
    arguments = _arguments()
    state = arguments.state.resolve()
    try:
        store = Store(state)
        cloud = Cloud(store, _machines(arguments.docker, state), arguments.action_seconds)
        cloud.account = arguments.account or cloud.account
        for name, key in arguments.zone:
            zones.make(cloud, name, key)
        server = CloudServer(
            cloud,
            arguments.token,
            arguments.port,
            rate_limit=arguments.rate_limit,
            cloudflare_limit=arguments.cloudflare_limit,
        )
    except (FolderInUseError, FaultError, ModeError, MachineError, ValueError, OSError) as error:
        print(f"rehearsal.cloud: {error}", file=sys.stderr)
        return 2
    cloud.start()
    for number in (signal.SIGTERM, signal.SIGINT):
        # shutdown() waits for serve_forever, which runs in this very thread.
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    print(json.dumps({"url": server.url, "pid": os.getpid()}), flush=True)
    server.serve_forever(poll_interval=0.05)
    server.server_close()
    cloud.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
