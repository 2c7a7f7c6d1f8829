"""A container's inputs as bodies of the Docker API, and what Docker says as outputs."""

from __future__ import annotations

import io
import tarfile
from typing import Any

import pytest

from rehearsal.plugins.docker import durations
from rehearsal.plugins.docker.container_body import create_body, endpoint_body, update_body, upload_archive
from rehearsal.plugins.docker.container_rules import mistakes
from rehearsal.plugins.docker.container_state import cpus_text
from rehearsal.plugins.docker.provider import DockerProvider
from rehearsal.plugins.provider import UNKNOWN, ProviderError, Values

NEW, OLD = (1, 47), (1, 41)
CONTAINER = DockerProvider().resources["docker:index/container:Container"]


def body(**inputs: Any) -> dict[str, Any]:
    return create_body({"image": "i", **inputs}, NEW)


def host(**inputs: Any) -> dict[str, Any]:
    return dict(body(**inputs)["HostConfig"])


def test_the_smallest_container_states_what_the_official_plugin_states() -> None:
    assert body() == {
        "Image": "i",
        "Hostname": "",
        "Domainname": "",
        "Tty": False,
        "OpenStdin": False,
        "HostConfig": {
            "Privileged": False,
            "PublishAllPorts": False,
            "RestartPolicy": {"Name": "no", "MaximumRetryCount": 0},
            "AutoRemove": False,
            "ReadonlyRootfs": False,
            "LogConfig": {"Type": "", "Config": {}},
            "Init": False,
        },
    }


@pytest.mark.parametrize(
    ("inputs", "key", "value"),
    [
        ({"memory": 64, "memorySwap": -1}, "MemorySwap", -1),
        ({"memory": 64}, "Memory", 64 << 20),
        ({"cpus": "0.25"}, "NanoCpus", 250_000_000),
        ({"cpus": "0.25", "cpuQuota": 1}, "CpuQuota", None),
        ({"cpuQuota": 5000}, "CpuQuota", 5000),
        ({"hosts": [{"host": "a", "ip": "::1"}]}, "ExtraHosts", ["a:::1"]),
        ({"shmSize": 64}, "ShmSize", 64 << 20),
        ({"securityOpts": ["a", "systempaths=unconfined"]}, "MaskedPaths", []),
        ({"securityOpts": ["no-new-privileges:true"]}, "SecurityOpt", ["no-new-privileges:true"]),
        ({"capabilities": {"adds": ["net_raw", "CAP_CHOWN"]}}, "CapAdd", ["CAP_CHOWN", "CAP_NET_RAW"]),
        ({"capabilities": {"drops": ["all"]}}, "CapDrop", ["ALL"]),
        ({"capabilities": {"drops": ["all"]}}, "CapAdd", None),
        ({"volumes": [{"volumeName": "v", "containerPath": "/d", "readOnly": True}]}, "Binds", ["v:/d:ro"]),
        ({"volumes": [{"fromContainer": "other"}]}, "VolumesFrom", ["other"]),
        ({"ports": [{"internal": 80}]}, "PortBindings", {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "0"}]}),
        (
            {"mounts": [{"type": "tmpfs", "target": "/t", "tmpfsOptions": {"sizeBytes": 9, "mode": 448}}]},
            "Mounts",
            [
                {
                    "Type": "tmpfs",
                    "Target": "/t",
                    "Source": "",
                    "ReadOnly": False,
                    "TmpfsOptions": {"SizeBytes": 9, "Mode": 448},
                }
            ],
        ),
        (
            {"devices": [{"hostPath": "/dev/x"}]},
            "Devices",
            [{"PathOnHost": "/dev/x", "PathInContainer": "/dev/x", "CgroupPermissions": "rwm"}],
        ),
    ],
)
def test_each_input_becomes_its_entry(inputs: Values, key: str, value: Any) -> None:
    assert host(**inputs).get(key) == value


def test_durations_of_a_healthcheck_are_nanoseconds() -> None:
    check = {"tests": ["CMD", "x"], "interval": "1m30s", "timeout": "500ms", "startInterval": "2s"}
    assert body(healthcheck=check)["Healthcheck"] == {
        "Test": ["CMD", "x"],
        "Retries": 0,
        "Interval": 90_000_000_000,
        "Timeout": 500_000_000,
        "StartPeriod": 0,
        "StartInterval": 2_000_000_000,
    }


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"command": ["a", ""]}, "values for command may not be empty"),
        ({"healthcheck": {"startInterval": "2s"}}, "start interval.* requires API version 1.44.* is 1.41"),
        (
            {"mounts": [{"type": "volume", "target": "/d", "volumeOptions": {"noCopy": True}}]},
            r"Setting VolumeOptions\.Subpath requires docker version 1\.45",
        ),
        ({"cpus": "half"}, "failed to parse half as a rational number"),
        ({"volumes": [{"readOnly": True}]}, "volume entry without container path or source container"),
        ({"cgroupnsMode": "both"}, "invalid CGROUP mode"),
    ],
)
def test_what_cannot_be_is_refused_in_the_official_words(inputs: Values, message: str) -> None:
    with pytest.raises(ProviderError, match=message):
        create_body({"image": "i", **inputs}, OLD)


def test_an_update_sends_every_limit() -> None:
    assert update_body({"memory": 64, "memorySwap": 128, "restart": "always"}) == {
        "CpuShares": 0,
        "Memory": 64 << 20,
        "MemoryReservation": 0,
        "CpusetCpus": "",
        "RestartPolicy": {"Name": "always", "MaximumRetryCount": 0},
        "MemorySwap": 128 << 20,
    }


def test_an_endpoint_has_its_aliases_and_addresses() -> None:
    assert endpoint_body(
        {"name": "n", "aliases": ["db"], "ipv4Address": "10.0.0.2", "driverOpts": ["a=b"]}
    ) == {
        "IPAMConfig": {"IPv4Address": "10.0.0.2"},
        "Aliases": ["db"],
        "DriverOpts": {"a": "b"},
    }


@pytest.mark.parametrize(
    ("upload", "content", "mode"),
    [
        ({"content": "hé", "file": "/a"}, "hé".encode(), 0o644),
        ({"contentBase64": "AAE=", "file": "/a", "executable": True}, b"\0\1", 0o744),
        ({"content": "x", "file": "/a", "executable": True, "permissions": "0400"}, b"x", 0o400),
    ],
)
def test_an_upload_is_an_archive_with_one_file(upload: Values, content: bytes, mode: int) -> None:
    with tarfile.open(fileobj=io.BytesIO(upload_archive(upload))) as archive:
        (entry,) = archive.getmembers()
        file = archive.extractfile(entry)
        assert file is not None
        assert (file.read(), entry.mode) == (content, mode)


def test_an_upload_has_exactly_one_source() -> None:
    with pytest.raises(ProviderError, match="one of 'content', 'content_base64', or 'source' must be set"):
        upload_archive({"file": "/a"})
    with pytest.raises(ProviderError, match="only one of"):
        upload_archive({"file": "/a", "content": "x", "source": "/y"})


@pytest.mark.parametrize(
    ("text", "amount", "back"),
    [
        ("0s", 0, "0s"),
        ("60s", 60 * 10**9, "1m0s"),
        ("1h", 3600 * 10**9, "1h0m0s"),
        ("1.5s", 1_500_000_000, "1.5s"),
        ("500ms", 500_000_000, "500ms"),
        ("1h0m0.5s", 3_600_500_000_000, "1h0m0.5s"),
        ("250us", 250_000, "250µs"),
    ],
)
def test_durations_are_read_and_written_as_go_does(text: str, amount: int, back: str) -> None:
    assert durations.nanoseconds(text) == amount
    assert durations.text(amount) == back


@pytest.mark.parametrize("text", ["", "10", "s", "1 s", "1d", "-"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write it like 10s"):
        durations.nanoseconds(text)


@pytest.mark.parametrize(
    ("nano", "text"),
    [
        (1_000_000_000, "1.0"),
        (500_000_000, "0.5"),
        (250_000_000, "0.25"),
        (1_250_000_000, "1.25"),
        (50_000_000, "0.1"),
        (10_000_000_000, "10."),
    ],
)
def test_cpus_are_written_back_with_the_official_faults(nano: int, text: str) -> None:
    assert cpus_text(nano) == text


@pytest.mark.parametrize(
    ("inputs", "where"),
    [
        ({"restart": "sometimes"}, "restart"),
        ({"memory": -1}, "memory"),
        ({"memorySwap": -2}, "memorySwap"),
        ({"healthcheck": {"interval": "10"}}, "healthcheck.interval"),
        ({"mounts": [{"type": "nfs", "target": "/x"}]}, "mounts[0].type"),
        ({"uploads": [{"file": "/x", "permissions": "777"}]}, "uploads[0].permissions"),
        ({"volumes": [{"hostPath": "relative"}]}, "volumes[0].hostPath"),
        ({"cpuSet": "a"}, "cpuSet"),
    ],
)
def test_mistakes_are_found_before_anything_is_made(inputs: Values, where: str) -> None:
    (failure,) = mistakes(inputs)
    assert failure.reason.endswith(f"Examine values at '.{where}'.")
    assert mistakes(dict.fromkeys(inputs, UNKNOWN)) == []


def test_check_names_it_and_fills_in_defaults_that_are_not_empty() -> None:
    inputs, failures = CONTAINER.check({}, {"image": "i", "healthcheck": {"tests": ["CMD"]}}, b"seed")
    assert failures == []
    assert inputs["healthcheck"]["interval"] == "0s"
    defaults = set(inputs["__defaults"])
    assert {"name", "mustRun", "start", "restart", "networkMode", "waitTimeout", "removeVolumes"} <= defaults
    again, _ = CONTAINER.check(inputs, {"image": "j"}, b"other")
    assert again["name"] == inputs["name"], "the name of a container that exists is kept"


def test_at_preview_what_docker_will_say_is_unknown() -> None:
    inputs, _ = CONTAINER.check({}, {"image": UNKNOWN, "name": "api"}, b"seed")
    resource_id, outputs = CONTAINER.create(inputs, preview=True)
    assert resource_id == ""
    assert all(outputs[name] is UNKNOWN for name in ("image", "networkDatas", "exitCode", "hostname"))
    assert outputs["name"] == "api"
