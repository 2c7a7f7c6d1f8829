"""A Docker engine that runs nothing: it records what it was asked for, by the rules of a real one.

Names, host ports, networks and images are refused as Docker refuses them; a container with a healthcheck
becomes healthy after a while; every event is written down, so that a test can prove what came before what.
"""

from __future__ import annotations

import fnmatch
import hashlib
import secrets
import time
from pathlib import Path

from rehearsal.plugins.docker.engine import Body, EngineError
from rehearsal.plugins.docker.faults import Faults
from rehearsal.plugins.docker.records import Records, drop_host, host_name, now, seconds_since
from rehearsal.plugins.docker.registry import split_reference

__all__ = ["RecordedEngine", "drop_host", "host_name"]

_API_VERSION = (1, 47)
"""Docker 27: one that the program may meet on a server."""
_FIRST_FREE_PORT = 32768
_ANYWHERE = {4: "0.0.0.0", 6: "::"}  # noqa: S104 - compared, not listened on
_DEFAULT_NETWORKS = ("bridge", "host", "none")


class RecordedEngine:
    """The recorded engine of one host. Several processes may use it at once."""

    api_version = _API_VERSION

    def __init__(self, folder: Path, host: str) -> None:
        self._records = Records(folder, host)

    # -- containers --

    def create_container(self, name: str, body: Body, platform: str) -> str:
        """See `Engine`."""
        with self._records.locked():
            for other in self._records.all("containers"):
                if other["Name"] == f"/{name}":
                    raise EngineError(
                        409,
                        f'Conflict. The container name "/{name}" is already in use by container '
                        f'"{other["Id"]}". You have to remove (or rename) that container to be able to '
                        "reuse that name.",
                    )
            image = self._image(body["Image"])
            host = {key: value for key, value in body["HostConfig"].items() if key != "NetworkMode"}
            host["NetworkMode"] = body["HostConfig"].get("NetworkMode") or "default"
            _as_docker_completes(host)
            container_id = secrets.token_hex(32)
            container: Body = {
                "Id": container_id,
                "Name": f"/{name}",
                "Created": now(),
                "Image": image["Id"],
                "Platform": platform.split("/")[0] or "linux",
                "Config": {
                    **{
                        key: value
                        for key, value in body.items()
                        if key not in ("HostConfig", "NetworkingConfig")
                    },
                    "Hostname": body.get("Hostname") or container_id[:12],
                },
                "HostConfig": host,
                "State": {"Status": "created", "Running": False, "ExitCode": 0, "StartedAt": None},
                "Networks": {},
                "Ports": {},
            }
            if host["NetworkMode"] in ("default", "bridge"):
                container["Networks"]["bridge"] = {"NetworkID": self._network("bridge")["Id"]}
            elif host["NetworkMode"] != "none" and not host["NetworkMode"].startswith(("host", "container:")):
                self._join(container, host["NetworkMode"], {})
            self._records.write("containers", container)
            self._records.event("create", "containers", container)
        return container_id

    def inspect_container(self, container: str) -> Body:
        """See `Engine`."""
        with self._records.locked():
            found = self._container(container)
            self._see_health(found)
        state, check = dict(found["State"]), found["Config"].get("Healthcheck") or {}
        if check.get("Test") and check["Test"] != ["NONE"]:
            state["Health"] = {"Status": found["State"].get("Health", "starting"), "FailingStreak": 0}
        settings = {
            "Bridge": "",
            "Networks": {name: _endpoint(data) for name, data in found["Networks"].items()},
            "Ports": found["Ports"] if state["Running"] else {},
        }
        return {**found, "State": state, "NetworkSettings": settings}

    def containers(self) -> list[Body]:
        """All of them, as recorded."""
        with self._records.locked():
            return self._records.all("containers")

    def start_container(self, container: str) -> None:
        """See `Engine`."""
        with self._records.locked():
            found = self._container(container)
            if found["State"]["Running"]:
                return
            faults = Faults.read(self._records.folder)
            for pattern, message in faults.refused:
                if self._matches(found, (pattern,)):
                    raise EngineError(500, message)
            found["Ports"] = self._bind_ports(found)
            found["State"] = {"Status": "running", "Running": True, "ExitCode": 0, "StartedAt": now()}
            self._records.event("start", "containers", found)
            if self._matches(found, faults.exits):
                self._stop(found, "exit", 1)
            self._records.write("containers", found)

    def stop_container(self, container: str, grace: int) -> None:
        """See `Engine`."""
        with self._records.locked():
            found = self._container(container)
            if not found["State"]["Running"]:
                return
            if grace > 0:
                self._records.event("sigterm", "containers", found, grace=grace)
                self._stop(found, "exit", 0)
            else:
                self._stop(found, "kill", 137)
            self._records.write("containers", found)

    def remove_container(self, container: str, volumes: bool) -> None:
        """See `Engine`."""
        with self._records.locked():
            found = self._container(container)
            if found["State"]["Running"]:
                self._stop(found, "kill", 137)
            self._records.remove("containers", found)

    def wait_container(self, container: str, condition: str) -> int:
        """See `Engine`. A recorded container that runs never ends by itself: it counts as ended well."""
        with self._records.locked():
            return int(self._container(container)["State"]["ExitCode"])

    def update_container(self, container: str, body: Body) -> None:
        """See `Engine`."""
        with self._records.locked():
            found = self._container(container)
            limits = {key: value for key, value in body.items() if value}
            memory = limits.get("Memory") or found["HostConfig"].get("Memory") or 0
            swap = limits.get("MemorySwap") or found["HostConfig"].get("MemorySwap") or 0
            if memory and 0 < swap < memory:
                raise EngineError(
                    409,
                    f"Cannot update container {found['Id']}: Memory limit should be smaller than "  # noqa: S608 - no SQL
                    "already set memoryswap limit, update the memoryswap at the same time",
                )
            found["HostConfig"] |= limits
            self._records.write("containers", found)
            self._records.event("update", "containers", found)

    def container_logs(self, container: str) -> str:
        """See `Engine`. A recorded container writes nothing."""
        with self._records.locked():
            self._container(container)
        return ""

    def put_archive(self, container: str, path: str, archive: bytes) -> None:
        """See `Engine`. Only that something was put there is recorded, never what."""
        with self._records.locked():
            found = self._container(container)
            if found["HostConfig"].get("ReadonlyRootfs"):
                raise EngineError(400, "container rootfs is marked read-only")
            self._records.event("upload", "containers", found, sha256=hashlib.sha256(archive).hexdigest())

    # -- networks --

    def connect(self, network: str, container: str, endpoint: Body) -> None:
        """See `Engine`."""
        with self._records.locked():
            found = self._container(container)
            self._join(found, network, endpoint)
            self._records.write("containers", found)

    def disconnect(self, network: str, container: str) -> None:
        """See `Engine`."""
        with self._records.locked():
            found = self._container(container)
            name = self._network(network)["Name"]
            if found["Networks"].pop(name, None) is None:
                raise EngineError(500, f"container {found['Id']} is not connected to the network {name}")
            self._records.write("containers", found)

    def create_network(self, body: Body) -> str:
        """See `Engine`."""
        with self._records.locked():
            networks = self._networks()
            if any(other["Name"] == body["Name"] for other in networks):
                raise EngineError(409, f"network with name {body['Name']} already exists")
            number = next(n for n in range(18, 256) if all(other["Number"] != n for other in networks))
            config = (body.get("IPAM") or {}).get("Config") or [
                {"Subnet": f"172.{number}.0.0/16", "Gateway": f"172.{number}.0.1"}
            ]
            network = {
                **body,
                "Id": secrets.token_hex(32),
                "Number": number,
                "Created": now(),
                "Scope": "local",
                "Driver": body.get("Driver") or "bridge",
                "IPAM": {**(body.get("IPAM") or {"Driver": "default"}), "Config": config},
            }
            self._records.write("networks", network)
            self._records.event("create", "networks", network)
        return str(network["Id"])

    def inspect_network(self, network: str) -> Body:
        """See `Engine`."""
        with self._records.locked():
            return self._network(network)

    def remove_network(self, network: str) -> None:
        """See `Engine`."""
        with self._records.locked():
            found = self._network(network)
            if found["Name"] in _DEFAULT_NETWORKS:
                raise EngineError(403, f"{found['Name']} is a pre-defined network and cannot be removed")
            if any(
                found["Name"] in other["Networks"] and other["State"]["Running"]
                for other in self._records.all("containers")
            ):
                raise EngineError(
                    403,
                    f"error while removing network: network {found['Name']} id {found['Id']} "
                    "has active endpoints",
                )
            self._records.remove("networks", found)

    # -- volumes --

    def create_volume(self, body: Body) -> Body:
        """See `Engine`."""
        with self._records.locked():
            name = body["Name"]
            known = next((other for other in self._records.all("volumes") if other["Name"] == name), None)
            if known is not None:
                return known
            volume = {
                "Id": hashlib.sha256(name.encode()).hexdigest(),
                "Name": name,
                "Driver": body.get("Driver") or "local",
                "Options": body.get("DriverOpts"),
                "Labels": body.get("Labels"),
                "Mountpoint": f"/var/lib/docker/volumes/{name}/_data",
                "Scope": "local",
            }
            self._records.write("volumes", volume)
            self._records.event("create", "volumes", volume)
        time.sleep(Faults.read(self._records.folder).volumes_take_seconds)
        return volume

    def inspect_volume(self, volume: str) -> Body:
        """See `Engine`."""
        with self._records.locked():
            return self._volume(volume)

    def remove_volume(self, volume: str) -> None:
        """See `Engine`."""
        with self._records.locked():
            found = self._volume(volume)
            users = [other["Id"] for other in self._records.all("containers") if volume in _volumes_of(other)]
            if users:
                raise EngineError(409, f"remove {volume}: volume is in use - [{', '.join(users)}]")
            self._records.remove("volumes", found)

    # -- images --

    def inspect_image(self, image: str) -> Body:
        """See `Engine`."""
        with self._records.locked():
            return self._image(image)

    def pull_image(self, image: str, platform: str, auth: Body | None) -> None:
        """See `Engine`. Every image exists; its id follows from its digest, or else from its name."""
        if image.startswith("sha256:"):
            raise EngineError(404, f"pull access denied for {image}, repository does not exist")
        with self._records.locked():
            repository, tag = split_reference(image)
            digest = tag if tag.startswith("sha256:") else _sha256(f"digest of {repository}:{tag}")
            image_id = _sha256(f"image {digest}")
            known = next((other for other in self._records.all("images") if other["Id"] == image_id), None)
            record = known or {"Id": image_id, "RepoTags": [], "RepoDigests": [], "Names": [], "Os": "linux"}
            names = {*record["Names"], image}
            record |= {
                "Names": sorted(names),
                "RepoTags": sorted(name for name in names if "@" not in name),
                "RepoDigests": sorted({*record["RepoDigests"], f"{repository}@{digest}"}),
            }
            self._records.write("images", record)
            self._records.event("pull", "images", {**record, "Name": image})

    def remove_image(self, image: str, force: bool) -> None:
        """See `Engine`."""
        with self._records.locked():
            found = self._image(image)
            containers = self._records.all("containers")
            user = next((other for other in containers if other["Image"] == found["Id"]), None)
            if user is not None and not force:
                raise EngineError(
                    409,
                    f"conflict: unable to remove repository reference {image!r} (must force) - container "
                    f"{user['Id'][:12]} is using its referenced image {found['Id'][7:19]}",
                )
            found["Names"] = [name for name in found["Names"] if name != image]
            found["RepoTags"] = [name for name in found["RepoTags"] if name != image]
            if found["Names"]:
                self._records.write("images", found)
            else:
                self._records.remove("images", {**found, "Name": image})

    def close(self) -> None:
        """See `Engine`."""

    def _container(self, container: str) -> Body:
        return self._one("containers", container, f"No such container: {container}")

    def _one(self, kind: str, wanted: str, missing: str) -> Body:
        for record in self._records.all(kind):
            if wanted in (record["Id"], record.get("Name", "").lstrip("/")):
                return record
        raise EngineError(404, missing)

    def _networks(self) -> list[Body]:
        default = [
            {
                "Id": hashlib.sha256(name.encode()).hexdigest(),
                "Name": name,
                "Driver": name,
                "Scope": "local",
                "Number": -1,
            }
            for name in _DEFAULT_NETWORKS
        ]
        return [*default, *self._records.all("networks")]

    def _network(self, network: str) -> Body:
        for record in self._networks():
            if network in (record["Id"], record["Name"]):
                return record
        raise EngineError(404, f"network {network} not found")

    def _volume(self, volume: str) -> Body:
        return self._one("volumes", volume, f"get {volume}: no such volume")

    def _image(self, image: str) -> Body:
        for record in self._records.all("images"):
            if image == record["Id"] or image in record["Names"] or image in record["RepoDigests"]:
                return record
        raise EngineError(404, f"No such image: {image}")

    # -- behaviour --

    def _stop(self, container: Body, event: str, code: int) -> None:
        container["State"] = {"Status": "exited", "Running": False, "ExitCode": code, "StartedAt": None}
        self._records.event(event, "containers", container, code=code)

    def _matches(self, container: Body, patterns: tuple[str, ...]) -> bool:
        names = [container["Name"].lstrip("/"), container["Config"]["Image"], container["Image"]]
        for image in self._records.all("images"):
            if image["Id"] == container["Image"]:
                names += image["Names"]
        return any(fnmatch.fnmatchcase(name, pattern) for name in names for pattern in patterns)

    def _see_health(self, container: Body) -> None:
        """Let the time that went by since its start show in its health."""
        started = container["State"]["StartedAt"]
        if started is None or container["State"].get("Health") == "healthy":
            return
        faults = Faults.read(self._records.folder)
        if self._matches(container, faults.unhealthy):
            health = "unhealthy"
        elif seconds_since(started) >= faults.healthy_after_seconds:
            health = "healthy"
        else:
            return
        if container["State"].get("Health") == health:
            return
        container["State"]["Health"] = health
        self._records.write("containers", container)
        if (container["Config"].get("Healthcheck") or {}).get("Test"):
            self._records.event(health, "containers", container)

    def _join(self, container: Body, network: str, endpoint: Body) -> None:
        found = self._network(network)
        if found["Name"] in container["Networks"]:
            raise EngineError(
                403,
                f"endpoint with name {container['Name'].lstrip('/')} already exists in network "
                f"{found['Name']}",
            )
        taken = {
            other["Networks"][found["Name"]].get("Host", 1)
            for other in self._records.all("containers")
            if found["Name"] in other["Networks"]
        }
        host = next(n for n in range(2, 1 << 16) if n not in taken)
        container["Networks"][found["Name"]] = {
            "NetworkID": found["Id"],
            "Number": found["Number"],
            "Host": host,
            **{key: value for key, value in endpoint.items() if value},
        }

    def _bind_ports(self, container: Body) -> Body:
        bound: set[tuple[str, int, str]] = set()
        for other in self._records.all("containers"):
            if other["Id"] != container["Id"] and other["State"]["Running"]:
                for key, bindings in other["Ports"].items():
                    bound |= {(b["HostIp"], int(b["HostPort"]), key.split("/")[1]) for b in bindings or []}
        ports: Body = {}
        for key, bindings in (container["HostConfig"].get("PortBindings") or {}).items():
            protocol = key.split("/")[1]
            for binding in bindings:
                address, port = binding.get("HostIp", ""), int(binding.get("HostPort") or 0)
                if port == 0:
                    port = next(
                        free
                        for free in range(_FIRST_FREE_PORT, 1 << 16)
                        if not _clash(bound, address, free, protocol)
                    )
                elif _clash(bound, address, port, protocol):
                    raise EngineError(
                        500,
                        "driver failed programming external connectivity on endpoint "
                        f"{container['Name'].lstrip('/')} ({container['Id']}): "
                        f"Bind for {address or '0.0.0.0'}:{port} failed: port is already allocated",  # noqa: S104
                    )
                bound.add((address, port, protocol))
                ports.setdefault(key, []).append({"HostIp": address, "HostPort": str(port)})
        return ports


def _as_docker_completes(host: Body) -> None:
    """What a real engine fills into a host configuration, and the official provider reads back."""
    if host.get("Memory") and not host.get("MemorySwap"):
        host["MemorySwap"] = 2 * host["Memory"]
    host["LogConfig"] = {**host["LogConfig"], "Type": host["LogConfig"]["Type"] or "json-file"}
    host.setdefault("IpcMode", "private")
    host.setdefault("Runtime", "runc")
    host.setdefault("ShmSize", 64 * 1024 * 1024)


def _clash(bound: set[tuple[str, int, str]], address: str, port: int, protocol: str) -> bool:
    return any(
        port == other_port and protocol == other_protocol and _overlap(address, other)
        for other, other_port, other_protocol in bound
    )


def _overlap(one: str, other: str) -> bool:
    """Whether two host addresses meet: `0.0.0.0` is all of IPv4, `::` all of IPv6, empty is both."""
    if not one or not other or one == other:
        return True
    family = 6 if ":" in one else 4
    return family == (6 if ":" in other else 4) and _ANYWHERE[family] in (one, other)


def _endpoint(data: Body) -> Body:
    if data.get("Number", -1) < 0:
        return {"NetworkID": data["NetworkID"], "IPAddress": "", "IPPrefixLen": 0}
    address = (data.get("IPAMConfig") or {}).get("IPv4Address")
    high, low = divmod(data["Host"], 256)
    return {
        "NetworkID": data["NetworkID"],
        "IPAddress": address or f"172.{data['Number']}.{high}.{low}",
        "IPPrefixLen": 16,
        "Gateway": f"172.{data['Number']}.0.1",
        "MacAddress": f"02:42:ac:{data['Number']:02x}:{high:02x}:{low:02x}",
        "Aliases": data.get("Aliases", []),
    }


def _volumes_of(container: Body) -> set[str]:
    host = container["HostConfig"]
    bound = {bind.split(":")[0] for bind in host.get("Binds") or []}
    return bound | {mount["Source"] for mount in host.get("Mounts") or [] if mount["Type"] == "volume"}


def _sha256(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
