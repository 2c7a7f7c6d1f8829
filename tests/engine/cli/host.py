"""A language host for Python: it stands in where the official `pulumi-language-python` is not to be had.

The engine starts `host.py EXECUTOR ENGINE`, reads the port that it prints, and calls its `LanguageRuntime`.
The module proxy does not serve the official host. It does serve `EXECUTOR`, which the official host starts at
each run (`python/cmd/pulumi-language-python-exec` of the SDK's module), and this one too: how a program runs,
and what its mistakes look like, is the official way.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

TOLD = 32
"""The executor's exit code when it has told the user what is wrong."""


class Host(language_pb2_grpc.LanguageRuntimeServicer):
    """Runs programs in the virtual environment that `Pulumi.yaml` names; the official one would make it."""

    def __init__(self, executor: str, engine: str) -> None:
        self.executor, self.engine = executor, engine

    def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: N802
        return plugin_pb2.PluginInfo()

    def GetRequiredPackages(self, request: Any, context: Any) -> Any:  # noqa: N802
        """None: the engine starts each plugin when the program asks for it."""
        return language_pb2.GetRequiredPackagesResponse()

    def Run(self, request: Any, context: Any) -> Any:  # noqa: N802
        root = Path(request.info.root_directory)
        arguments = {
            "monitor": request.monitor_address,
            "engine": self.engine,
            "project": request.project,
            "root_directory": str(root),
            "stack": request.stack,
            "pwd": request.pwd,
            "dry_run": str(request.dryRun).lower(),
            "parallel": str(request.parallel),
            "organization": request.organization,
        }
        options = [word for name, value in arguments.items() if value for word in (f"--{name}", value)]
        python = root / request.info.options["virtualenv"] / "bin" / "python"
        code = subprocess.run(
            [str(python), "-u", self.executor, *options, request.info.entry_point],
            env={
                **os.environ,
                "PULUMI_CONFIG": json.dumps(dict(request.config)),
                "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(request.configSecretKeys)),
            },
            check=False,
        ).returncode
        if code == TOLD:
            return language_pb2.RunResponse(bail=True)
        error = f"program exited with non-zero exit code: {code}" if code else ""
        return language_pb2.RunResponse(error=error)


def main(executor: str, engine: str) -> None:
    """Serves until the engine is gone."""
    started_by = os.getppid()
    server = grpc.server(ThreadPoolExecutor(4))
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(Host(executor, engine), server)
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    server.start()
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, lambda *_: os._exit(0))
    while os.getppid() == started_by:
        threading.Event().wait(0.5)
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:3])
