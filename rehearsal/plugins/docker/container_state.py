"""What Docker says of a container («inspect»), as the outputs of the resource."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from rehearsal.plugins.docker import durations
from rehearsal.plugins.docker.engine import Body
from rehearsal.plugins.provider import Values

_MEBIBYTE = 1024 * 1024
_NANO = 10**9


def state_of(container: Body, planned: Values) -> Values:
    """The outputs: what was planned, with everything that the official provider reads back laid over it.

    Labels, environment, uploads, volumes and networks are not read back, as in the official provider.
    """
    config, host = container["Config"], container["HostConfig"]
    state = dict(planned)
    state |= _running(container, state) | _config_state(config) | _host_state(host, state)
    state |= {
        "name": container["Name"].lstrip("/"),
        "image": container["Image"] if str(state.get("image", "")).startswith("sha256:") else config["Image"],
        "platform": container.get("Platform", ""),
    }
    return state


def _running(container: Body, state: Values) -> Values:
    settings = container.get("NetworkSettings") or {}
    running = container["State"].get("Running", False)
    found: Values = {
        "bridge": settings.get("Bridge", ""),
        "networkDatas": [_network(name, data) for name, data in (settings.get("Networks") or {}).items()],
    }
    if state.get("ports") and (running or state.get("mustRun")):
        found["ports"] = _ports(settings.get("Ports") or {})
    if not running:
        found["exitCode"] = container["State"].get("ExitCode", 0)
        if state.get("mustRun"):
            found["mustRun"] = False
    return found


def _network(name: str, data: Body) -> Values:
    return {
        "networkName": name,
        "ipAddress": data.get("IPAddress", ""),
        "ipPrefixLength": data.get("IPPrefixLen", 0),
        "gateway": data.get("Gateway", ""),
        "globalIpv6Address": data.get("GlobalIPv6Address", ""),
        "globalIpv6PrefixLength": data.get("GlobalIPv6PrefixLen", 0),
        "ipv6Gateway": data.get("IPv6Gateway", ""),
        "macAddress": data.get("MacAddress", ""),
    }


def _ports(ports: Body) -> list[Values]:
    return [
        {
            "internal": int(key.split("/")[0]),
            "external": int(binding["HostPort"]),
            "ip": binding["HostIp"],
            "protocol": key.split("/")[1],
        }
        for key in sorted(ports, key=lambda key: int(key.split("/")[0]))
        for binding in ports[key] or []
    ]


def _config_state(config: Body) -> Values:
    found: Values = {
        "hostname": config.get("Hostname", ""),
        "domainname": config.get("Domainname", ""),
        "command": config.get("Cmd") or [],
        "entrypoints": config.get("Entrypoint") or [],
        "user": config.get("User", ""),
        "workingDir": config.get("WorkingDir", ""),
        "tty": config.get("Tty", False),
        "stdinOpen": config.get("OpenStdin", False),
        "stopSignal": config.get("StopSignal", ""),
        "stopTimeout": config.get("StopTimeout") or 0,
    }
    check = config.get("Healthcheck")
    if check:
        found["healthcheck"] = {
            "tests": check.get("Test") or [],
            "interval": durations.text(check.get("Interval") or 0),
            "timeout": durations.text(check.get("Timeout") or 0),
            "startPeriod": durations.text(check.get("StartPeriod") or 0),
            "startInterval": durations.text(check.get("StartInterval") or 0),
            "retries": check.get("Retries") or 0,
        }
    return found


def _host_state(host: Body, state: Values) -> Values:
    log = host.get("LogConfig") or {}
    restart = host.get("RestartPolicy") or {}
    found: Values = {
        "rm": host.get("AutoRemove", False),
        "readOnly": host.get("ReadonlyRootfs", False),
        "dns": host.get("Dns") or [],
        "dnsOpts": host.get("DnsOptions") or [],
        "dnsSearches": host.get("DnsSearch") or [],
        "securityOpts": host.get("SecurityOpt") or [],
        "publishAllPorts": host.get("PublishAllPorts", False),
        "restart": restart.get("Name", ""),
        "maxRetryCount": restart.get("MaximumRetryCount", 0),
        "init": bool(host.get("Init")),
        "runtime": host.get("Runtime", ""),
        "mounts": [_mount(mount) for mount in host.get("Mounts") or []],
        "tmpfs": host.get("Tmpfs") or {},
        "hosts": [
            dict(zip(("host", "ip"), entry.split(":")[:2], strict=True))
            for entry in host.get("ExtraHosts") or []
        ],
        "privileged": host.get("Privileged", False),
        "deviceReadBps": _throttles(host, "BlkioDeviceReadBps"),
        "deviceReadIops": _throttles(host, "BlkioDeviceReadIOps"),
        "deviceWriteBps": _throttles(host, "BlkioDeviceWriteBps"),
        "deviceWriteIops": _throttles(host, "BlkioDeviceWriteIOps"),
        "memory": (host.get("Memory") or 0) // _MEBIBYTE,
        "memoryReservation": (host.get("MemoryReservation") or 0) // _MEBIBYTE,
        "memorySwap": _megabytes(host.get("MemorySwap") or 0),
        "shmSize": (host.get("ShmSize") or 0) // _MEBIBYTE,
        "cpuShares": host.get("CpuShares") or 0,
        "cpuSet": host.get("CpusetCpus", ""),
        "logDriver": log.get("Type", ""),
        "storageOpts": host.get("StorageOpt") or {},
        "networkMode": host.get("NetworkMode", ""),
        "usernsMode": host.get("UsernsMode", ""),
        "sysctls": host.get("Sysctls") or {},
        "ipcMode": host.get("IpcMode", ""),
        "groupAdds": host.get("GroupAdd") or [],
    }
    if state.get("logOpts"):
        found["logOpts"] = log.get("Config") or {}
    if host.get("CapAdd") or host.get("CapDrop"):
        found["capabilities"] = {"adds": host.get("CapAdd") or [], "drops": host.get("CapDrop") or []}
    if state.get("ulimits"):
        found["ulimits"] = [
            {"name": item["Name"], "soft": item["Soft"], "hard": item["Hard"]}
            for item in host.get("Ulimits") or []
        ]
    if state.get("devices"):
        found["devices"] = _devices(host.get("Devices") or [], state["devices"])
    if host.get("NanoCpus"):
        found["cpus"] = cpus_text(host["NanoCpus"])
    if state.get("pidMode"):
        found["pidMode"] = host.get("PidMode", "")
    return found


def _megabytes(amount: int) -> int:
    return amount // _MEBIBYTE if amount > 0 else amount


def _throttles(host: Body, key: str) -> list[Values]:
    return [{"path": item["Path"], "rate": item["Rate"]} for item in host.get(key) or []]


def _devices(devices: list[Body], written: list[Values]) -> list[Values]:
    with_path = {device["hostPath"] for device in written if device.get("containerPath")}
    found = []
    for device in devices:
        item = {"hostPath": device["PathOnHost"], "permissions": device["CgroupPermissions"]}
        if device["PathOnHost"] in with_path:
            item["containerPath"] = device["PathInContainer"]
        found.append(item)
    return found


def _mount(mount: Body) -> Values:
    found: dict[str, Any] = {
        "target": mount["Target"],
        "source": mount.get("Source", ""),
        "type": mount["Type"],
        "readOnly": mount.get("ReadOnly", False),
    }
    if mount.get("BindOptions"):
        found["bindOptions"] = {"propagation": mount["BindOptions"].get("Propagation", "")}
    options = mount.get("VolumeOptions")
    if options:
        driver = options.get("DriverConfig") or {}
        found["volumeOptions"] = {
            "noCopy": options.get("NoCopy", False),
            "labels": [{"label": k, "value": v} for k, v in (options.get("Labels") or {}).items()],
            "driverName": driver.get("Name", ""),
            "driverOptions": driver.get("Options") or {},
            "subpath": options.get("Subpath", ""),
        }
    if mount.get("TmpfsOptions"):
        options = mount["TmpfsOptions"]
        found["tmpfsOptions"] = {"sizeBytes": options.get("SizeBytes", 0), "mode": options.get("Mode", 0)}
    return found


def cpus_text(nano_cpus: int) -> str:
    """Billionths of a CPU as the official provider writes them back: `1.0`, `0.25`; and `0.05` as `0.1`.

    Its rounding is kept with its fault (`nanoInt64ToDecimalString`): a value that a program writes in another
    way (`1`) differs at every update, and `cpus` replaces.
    """
    amount = Decimal(nano_cpus) / _NANO
    written = f"{amount:.9f}"
    if written.count("0") == 9:  # the official provider's own test
        return str(amount.quantize(Decimal("0.1"), ROUND_HALF_UP))
    return written.rstrip("0")
