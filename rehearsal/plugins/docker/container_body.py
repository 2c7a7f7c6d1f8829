"""The inputs of a container as the body of Docker's «create a container», «update» and «connect»."""

from __future__ import annotations

import base64
import io
import tarfile
import time
from collections.abc import Callable, Iterable
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from rehearsal.plugins.docker import durations
from rehearsal.plugins.docker.engine import Body
from rehearsal.plugins.provider import ProviderError, Values

_MEBIBYTE = 1024 * 1024
_NANO = 10**9


def create_body(inputs: Values, api_version: tuple[int, int]) -> Body:
    """The whole body. Raises `ProviderError` for what the API or the official provider refuses."""
    body: Body = {"Image": inputs["image"], **_config(inputs, api_version)}
    body["HostConfig"] = _host_config(inputs, api_version)
    return body


def update_body(inputs: Values) -> Body:
    """All limits and the restart policy: what is not set is sent as 0, which Docker reads as unchanged."""
    body: Body = {
        "CpuShares": inputs.get("cpuShares") or 0,
        "Memory": (inputs.get("memory") or 0) * _MEBIBYTE,
        "MemoryReservation": (inputs.get("memoryReservation") or 0) * _MEBIBYTE,
        "CpusetCpus": inputs.get("cpuSet") or "",
        "RestartPolicy": _restart_policy(inputs),
        **_throttles(inputs),
    }
    if inputs.get("memorySwap"):
        body["MemorySwap"] = _megabytes(inputs["memorySwap"])
    return body


def endpoint_body(network: Values) -> Body:
    """How the container is attached to one of `networksAdvanced`."""
    addresses = {
        key: network[name]
        for name, key in (
            ("ipv4Address", "IPv4Address"),
            ("ipv6Address", "IPv6Address"),
            ("linkLocalIps", "LinkLocalIPs"),
        )
        if network.get(name)
    }
    body: Body = {"IPAMConfig": addresses, "Aliases": network.get("aliases") or []}
    if network.get("macAddress"):
        body["MacAddress"] = network["macAddress"]
    if network.get("driverOpts"):
        body["DriverOpts"] = dict(option.split("=", 1) for option in network["driverOpts"] if "=" in option)
    if network.get("gwPriority"):
        body["GwPriority"] = network["gwPriority"]
    return body


def upload_archive(upload: Values) -> bytes:
    """The tar archive, to be unpacked at `/`, of one of `uploads`."""
    sources = [name for name in ("content", "contentBase64", "source") if upload.get(name)]
    if not sources:
        raise ProviderError(
            "error with upload content: one of 'content', 'content_base64', or 'source' must be set"
        )
    if len(sources) > 1:
        raise ProviderError(
            "error with upload content: only one of 'content', 'content_base64', or 'source' can be set"
        )
    content = _content(upload, sources[0])
    if upload.get("permissions"):
        mode = int(upload["permissions"], 8)
    else:
        mode = 0o744 if upload.get("executable") else 0o644
    entry = tarfile.TarInfo(upload["file"])
    entry.size, entry.mode, entry.mtime = len(content), mode, int(time.time())
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.addfile(entry, io.BytesIO(content))
    return archive.getvalue()


def _content(upload: Values, source: str) -> bytes:
    if source == "content":
        return str(upload["content"]).encode()
    if source == "contentBase64":
        return base64.b64decode(upload["contentBase64"])
    try:
        return Path(upload["source"]).read_bytes()
    except OSError as error:
        raise ProviderError(f"could not read file: open {upload['source']}: {error.strerror}") from None


def _config(inputs: Values, api_version: tuple[int, int]) -> Body:
    config: Body = {
        "Hostname": inputs.get("hostname") or "",
        "Domainname": inputs.get("domainname") or "",
        "Tty": bool(inputs.get("tty")),
        "OpenStdin": bool(inputs.get("stdinOpen")),
    }
    for name, key in (
        ("stopSignal", "StopSignal"),
        ("stopTimeout", "StopTimeout"),
        ("envs", "Env"),
        ("command", "Cmd"),
        ("entrypoints", "Entrypoint"),
        ("user", "User"),
        ("workingDir", "WorkingDir"),
    ):
        if inputs.get(name):
            config[key] = inputs[name]
    if "" in (inputs.get("command") or []):
        raise ProviderError("values for command may not be empty")
    if inputs.get("ports"):
        config["ExposedPorts"] = {_port(port): {} for port in inputs["ports"]}
    mounted = [item["containerPath"] for item in inputs.get("volumes") or [] if item.get("containerPath")]
    if mounted:
        config["Volumes"] = {path: {} for path in mounted}
    if inputs.get("labels"):
        config["Labels"] = _pairs(inputs["labels"])
    if inputs.get("healthcheck"):
        config["Healthcheck"] = _healthcheck(inputs["healthcheck"], api_version)
    return config


def _healthcheck(check: Values, api_version: tuple[int, int]) -> Body:
    body: Body = {"Test": check.get("tests") or [], "Retries": check.get("retries") or 0}
    for name, key in (("interval", "Interval"), ("timeout", "Timeout"), ("startPeriod", "StartPeriod")):
        body[key] = durations.nanoseconds(str(check.get(name) or "0s"))
    start_interval = durations.nanoseconds(str(check.get("startInterval") or "0s"))
    if start_interval:
        if api_version < (1, 44):
            raise ProviderError(
                'Unable to create container: "specify health-check start interval" requires API version '
                f"1.44, but the Docker daemon API version is {'.'.join(map(str, api_version))}"
            )
        body["StartInterval"] = start_interval
    return body


def _host_config(inputs: Values, api_version: tuple[int, int]) -> Body:
    config: Body = {
        "Privileged": bool(inputs.get("privileged")),
        "PublishAllPorts": bool(inputs.get("publishAllPorts")),
        "RestartPolicy": _restart_policy(inputs),
        "AutoRemove": bool(inputs.get("rm")),
        "ReadonlyRootfs": bool(inputs.get("readOnly")),
        "LogConfig": {"Type": inputs.get("logDriver") or "", "Config": inputs.get("logOpts") or {}},
        "Init": bool(inputs.get("init")),
        **_throttles(inputs),
    }
    for name, (key, convert) in _HOST_CONFIG.items():
        if inputs.get(name):
            config[key] = convert(inputs[name])
    if inputs.get("mounts"):
        config["Mounts"] = [_mount(mount, api_version) for mount in inputs["mounts"]]
    if inputs.get("ports"):
        config["PortBindings"] = _port_bindings(inputs["ports"])
    capabilities = inputs.get("capabilities")
    if capabilities:
        config["CapAdd"] = _canonical(capabilities.get("adds") or []) or None
        config["CapDrop"] = _canonical(capabilities.get("drops") or []) or None
    if inputs.get("cpus"):
        config["NanoCpus"] = _nano_cpus(inputs["cpus"])
    else:
        config |= {
            key: inputs[name]
            for name, key in (("cpuPeriod", "CpuPeriod"), ("cpuQuota", "CpuQuota"))
            if inputs.get(name)
        }
    if inputs.get("cgroupnsMode") and api_version >= (1, 41):
        if inputs["cgroupnsMode"] not in ("private", "host"):
            raise ProviderError(
                "cgroupns_mode: invalid CGROUP mode, must be either 'private', 'host' or empty"
            )
        config["CgroupnsMode"] = inputs["cgroupnsMode"]
    _add_volumes(config, inputs.get("volumes") or [])
    _add_security(config, inputs.get("securityOpts") or [])
    if inputs.get("gpus") or inputs.get("deviceRequests"):
        raise ProviderError("the stand-in plugin docker offers no gpus and deviceRequests: use devices")
    return config


def _canonical(capabilities: Iterable[str]) -> list[str]:
    """As Docker's own client sends them: `chown` is `CAP_CHOWN`, which a refresh then finds to differ."""
    upper = {capability.upper() for capability in capabilities}
    return sorted(name if name == "ALL" or name.startswith("CAP_") else f"CAP_{name}" for name in upper)


def _megabytes(amount: int) -> int:
    return int(amount) * _MEBIBYTE if amount > 0 else int(amount)


def _pairs(labels: Iterable[Values]) -> dict[str, str]:
    return {item["label"]: item["value"] for item in labels}


def _devices(devices: Iterable[Values]) -> list[Body]:
    return [
        {
            "PathOnHost": device["hostPath"],
            "PathInContainer": device.get("containerPath") or device["hostPath"],
            "CgroupPermissions": device.get("permissions") or "rwm",
        }
        for device in devices
    ]


_HOST_CONFIG: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "cgroupParent": ("CgroupParent", str),
    "cpuSet": ("CpusetCpus", str),
    "cpuShares": ("CpuShares", int),
    "devices": ("Devices", _devices),
    "dns": ("Dns", list),
    "dnsOpts": ("DnsOptions", list),
    "dnsSearches": ("DnsSearch", list),
    "groupAdds": ("GroupAdd", list),
    "hosts": ("ExtraHosts", lambda hosts: [f"{host['host']}:{host['ip']}" for host in hosts]),
    "ipcMode": ("IpcMode", str),
    "memory": ("Memory", _megabytes),
    "memoryReservation": ("MemoryReservation", _megabytes),
    "memorySwap": ("MemorySwap", _megabytes),
    "networkMode": ("NetworkMode", str),
    "pidMode": ("PidMode", str),
    "runtime": ("Runtime", str),
    "shmSize": ("ShmSize", _megabytes),
    "storageOpts": ("StorageOpt", dict),
    "sysctls": ("Sysctls", dict),
    "tmpfs": ("Tmpfs", dict),
    "ulimits": (
        "Ulimits",
        lambda limits: [{"Name": i["name"], "Soft": i["soft"], "Hard": i["hard"]} for i in limits],
    ),
    "usernsMode": ("UsernsMode", str),
}
"""Inputs that are one entry of the host configuration each."""


def _restart_policy(inputs: Values) -> Body:
    return {"Name": inputs.get("restart") or "no", "MaximumRetryCount": inputs.get("maxRetryCount") or 0}


def _throttles(inputs: Values) -> Body:
    return {
        key: [{"Path": item["path"], "Rate": item["rate"]} for item in inputs[name]]
        for name, key in (
            ("deviceReadBps", "BlkioDeviceReadBps"),
            ("deviceReadIops", "BlkioDeviceReadIOps"),
            ("deviceWriteBps", "BlkioDeviceWriteBps"),
            ("deviceWriteIops", "BlkioDeviceWriteIOps"),
        )
        if inputs.get(name)
    }


def _nano_cpus(cpus: str) -> int:
    try:
        amount = Decimal(str(cpus)) * _NANO
    except InvalidOperation:
        raise ProviderError(f"Error setting cpus: failed to parse {cpus} as a rational number") from None
    if amount != int(amount):
        raise ProviderError("Error setting cpus: value is too precise")
    return int(amount)


def _port(port: Values) -> str:
    return f"{port['internal']}/{port.get('protocol') or 'tcp'}"


def _port_bindings(ports: Iterable[Values]) -> dict[str, list[Body]]:
    bindings: dict[str, list[Body]] = {}
    for port in ports:
        binding = {"HostIp": port.get("ip") or "0.0.0.0", "HostPort": str(port.get("external") or 0)}  # noqa: S104
        bindings.setdefault(_port(port), []).append(binding)
    return bindings


def _mount(mount: Values, api_version: tuple[int, int]) -> Body:
    body: Body = {
        "Type": mount["type"],
        "Target": mount["target"],
        "Source": mount.get("source") or "",
        "ReadOnly": bool(mount.get("readOnly")),
    }
    if mount["type"] == "bind" and mount.get("bindOptions"):
        body["BindOptions"] = {"Propagation": mount["bindOptions"].get("propagation") or ""}
    elif mount["type"] == "volume" and mount.get("volumeOptions"):
        if api_version < (1, 45):
            raise ProviderError("Setting VolumeOptions.Subpath requires docker version 1.45 or higher")
        options = mount["volumeOptions"]
        body["VolumeOptions"] = {
            "NoCopy": bool(options.get("noCopy")),
            "Labels": _pairs(options.get("labels") or []),
            "DriverConfig": {
                "Name": options.get("driverName") or "",
                "Options": options.get("driverOptions") or {},
            },
            "Subpath": options.get("subpath") or "",
        }
    elif mount["type"] == "tmpfs" and mount.get("tmpfsOptions"):
        options = mount["tmpfsOptions"]
        body["TmpfsOptions"] = {"SizeBytes": options.get("sizeBytes") or 0, "Mode": options.get("mode") or 0}
    return body


def _add_volumes(config: Body, volumes: Iterable[Values]) -> None:
    for volume in volumes:
        path, other = volume.get("containerPath"), volume.get("fromContainer")
        if not path and not other:
            raise ProviderError(
                "Unable to parse volumes: volume entry without container path or source container"
            )
        if path and other:
            raise ProviderError(
                "Unable to parse volumes: both a container and a path specified in a volume entry"
            )
        source = volume.get("hostPath") or volume.get("volumeName")
        if other:
            config.setdefault("VolumesFrom", []).append(other)
        elif source:
            mode = "ro" if volume.get("readOnly") else "rw"
            if volume.get("selinuxRelabel"):
                mode += f",{volume['selinuxRelabel']}"
            config.setdefault("Binds", []).append(f"{source}:{path}:{mode}")


def _add_security(config: Body, options: Iterable[str]) -> None:
    kept = [option for option in options if option != "systempaths=unconfined"]
    if kept:
        config["SecurityOpt"] = kept
    if len(kept) != len(list(options)):
        config["MaskedPaths"], config["ReadonlyPaths"] = [], []
