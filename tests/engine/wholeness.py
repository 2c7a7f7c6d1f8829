"""Whether cloud, Docker and the engine's state agree: no orphan, no duplicate, nothing that is not there."""

from __future__ import annotations

from collections import Counter

from tests.engine.lab import Lab

HOLDINGS = {
    "ssh_key": 1,
    "primary_ip": 2,
    "firewall": 1,
    "server": 1,
    "volume": 1,
    "dns_record": 8,
    "origin_ca_certificate": 1,
}
"""What a whole UAT has at the providers."""
_CLOUD = {
    "server": "hcloud:index/server:Server",
    "primary_ip": "hcloud:index/primaryIp:PrimaryIp",
    "volume": "hcloud:index/volume:Volume",
    "firewall": "hcloud:index/firewall:Firewall",
    "ssh_key": "hcloud:index/sshKey:SshKey",
    "dns_record": "cloudflare:index/dnsRecord:DnsRecord",
    "origin_ca_certificate": "cloudflare:index/originCaCertificate:OriginCaCertificate",
}
_DOCKER = {
    "containers": "docker:index/container:Container",
    "networks": "docker:index/network:Network",
    "volumes": "docker:index/volume:Volume",
}


def assert_whole(lab: Lab) -> None:
    """Every object is in the state and every resource of the state exists, each once and under one name."""
    state = lab.checkpoint()
    assert not state.get("pending_operations"), "an operation is still pending"
    resources = state["resources"]
    superseded = [resource["urn"] for resource in resources if resource.get("delete")]
    assert not superseded, f"left to be deleted: {superseded}"
    for kind, token in _CLOUD.items():
        there = lab.objects(kind)
        known = sorted(resource["id"] for resource in resources if resource["type"] == token)
        assert sorted(str(thing["id"]) for thing in there) == known, f"{kind}: the cloud and the state differ"
        names = Counter((thing.get("name"), thing.get("type")) for thing in there if "name" in thing)
        assert all(count == 1 for count in names.values()), f"{kind}: a name twice: {names}"
    for kind, token in _DOCKER.items():
        ids = {thing["Name"] if kind == "volumes" else thing["Id"] for thing in lab.recorded(kind)}
        known = {resource["id"] for resource in resources if resource["type"] == token}
        assert ids == known, f"{kind}: Docker and the state differ: {sorted(ids ^ known)}"
    services = Counter(
        container["Config"]["Labels"]["jira-plus-plus.service"] for container in lab.recorded("containers")
    )
    assert all(count == 1 for count in services.values()), f"a service twice: {services}"
    for volume in lab.objects("volume"):
        assert volume["server"] in [server["id"] for server in lab.objects("server")], (
            "the volume is attached"
        )
