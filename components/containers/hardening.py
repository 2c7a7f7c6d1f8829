"""What no container may do. The numbers are those of the CIS Docker Benchmark 1.6.

Exceptions: none for capabilities. Root is the user of the socket proxies, without any capability: the Docker
socket belongs to root, and the number of its group differs from host to host.
"""

from components.containers.logs import Logs
from components.containers.mount import Mount
from components.containers.networks import NETWORKS
from components.containers.process import Process

DROPPED_CAPABILITIES = ("ALL",)  # 5.3
SECURITY_OPTIONS = ("no-new-privileges:true",)  # 5.25
READ_ONLY_ROOT = True  # 5.12
RESTART = "unless-stopped"  # survives a reboot, which on-failure (5.14) does not
PIDS = 512  # 5.28; the provider has no input for it, so jobs alone get it


def tmpfs_options(process: Process) -> dict[str, str]:
    """The tmpfs mounts of a process: its own options, and neither programs nor devices nor set-uid files."""
    return {path: f"rw,nosuid,nodev,noexec,{options}" for path, options in process.tmpfs.items()}


def dns_options(process: Process) -> list[str]:
    """For a process without a way out: names that Docker does not know are given up soon.

    Clients in Go ask the DNS for a configuration of `temporal`, too; nobody can answer, and the default of
    5 s, twice, is longer than they have patience for the connection.
    """
    inside = all(NETWORKS[network].internal for network in process.networks)
    return ["timeout:1", "attempts:1"] if inside else []


def aside(user: str) -> tuple[str, ...]:
    """The beginning of a `docker run` for a moment's work on volumes: no network, no capability."""
    return (
        *("docker", "run", "--rm", "--pull=never", "--network=none", f"--user={user}", "--read-only"),
        "--cap-drop=ALL",
    )


def run_flags(
    process: Process,
    *,
    network: str,
    mount_sources: list[tuple[Mount, str]],
    labels: dict[str, str],
    logs: Logs,
) -> list[str]:
    """The options of `docker run` for a process that ends: what `Container` tells the provider, as words."""
    flags = ["--pull=never", "--init", f"--user={process.user}", f"--network={network}"]
    flags += [f"--cap-drop={capability}" for capability in DROPPED_CAPABILITIES]
    flags += [f"--security-opt={option}" for option in SECURITY_OPTIONS]
    flags += ["--read-only"] if READ_ONLY_ROOT else []
    flags += [
        f"--memory={process.limits.memory_mb}m",
        f"--memory-swap={process.limits.memory_mb}m",
        f"--cpus={process.limits.cpus_text}",
        f"--pids-limit={PIDS}",
        f"--log-driver={logs.driver}",
    ]
    flags += [f"--log-opt={key}={value}" for key, value in logs.options.items()]
    flags += [f"--label={key}={value}" for key, value in labels.items()]
    flags += [f"--dns-option={option}" for option in dns_options(process)]
    flags += [f"--tmpfs={path}:{options}" for path, options in tmpfs_options(process).items()]
    flags += [f"--mount={mount.flag(source)}" for mount, source in mount_sources]
    flags += [f"--env={key}={value}" for key, value in process.environment.items()]
    return flags
