"""A plugin as a process: its first line, its end, several in one, and what it costs to start."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rehearsal.plugins import marshal
from rehearsal.plugins.protocol import grpc, provider_pb2, provider_pb2_grpc

NAMES = ("cloudflare", "command", "docker", "hcloud", "random", "tls")


def begin(*names: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "rehearsal.plugins", *names]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def alive(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("name", NAMES)
def test_the_first_line_is_the_port(name: str) -> None:
    process = begin(name, "127.0.0.1:9")
    try:
        port = int(first_line(process))
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            from google.protobuf import empty_pb2

            info = provider_pb2_grpc.ResourceProviderStub(channel).GetPluginInfo(empty_pb2.Empty(), timeout=5)
        assert info.version.count(".") == 2
    finally:
        end(process)


def test_an_unknown_name_is_told_with_the_known_ones() -> None:
    process = begin("hclowd")
    _, said = process.communicate(timeout=10)
    assert process.returncode == 2
    assert said == f"unknown plugin hclowd: choose from {', '.join(NAMES)}\n"


def test_several_in_one_process_answer_each_for_itself() -> None:
    process = begin("random", "tls")
    try:
        ports = dict(part.split(":") for part in first_line(process).split(","))
        assert list(ports) == ["random", "tls"]
        with grpc.insecure_channel(f"127.0.0.1:{ports['tls']}") as channel:
            stub = provider_pb2_grpc.ResourceProviderStub(channel)
            urn = "urn:pulumi:dev::p::tls:index/privateKey:PrivateKey::k"
            checked = stub.Check(
                provider_pb2.CheckRequest(urn=urn, news=marshal.encode({"algorithm": "ED25519"}))
            )
        assert not checked.failures
    finally:
        end(process)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_the_engines_signal_ends_it_at_once(how: signal.Signals) -> None:
    process = begin("random", "127.0.0.1:9")
    first_line(process)
    began = time.monotonic()
    process.send_signal(how)
    process.communicate(timeout=4)
    assert time.monotonic() - began < 2, "the engine waits five seconds, and that at every operation"
    assert process.returncode == 0


def test_it_does_not_outlive_the_process_that_started_it() -> None:
    script = (
        "import subprocess, sys, time;"
        "plugin = subprocess.Popen([sys.executable, '-m', 'rehearsal.plugins', 'random', '127.0.0.1:9'],"
        " stdout=subprocess.PIPE);"
        "plugin.stdout.readline();"
        "print(plugin.pid, flush=True);"
        "time.sleep(60)"
    )
    engine = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    plugin = int(first_line(engine))
    assert alive(plugin)
    os.kill(engine.pid, signal.SIGKILL)
    engine.communicate()
    deadline = time.monotonic() + 5
    while alive(plugin) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(plugin)


@pytest.mark.parametrize("name", ["cloudflare", "hcloud", "random", "tls"])
def test_starting_imports_neither_the_sdk_nor_what_is_used_later(name: str) -> None:
    script = (
        "import sys, importlib;"
        "from rehearsal.plugins import server;"
        f"importlib.import_module('rehearsal.plugins.{name}').provider();"
        "print([module for module in ('pulumi', 'requests', 'cryptography', 'bcrypt', 'yaml')"
        " if module in sys.modules])"
    )
    assert (
        subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout
        == "[]\n"
    )
