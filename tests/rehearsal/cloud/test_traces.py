"""What the official plugins were seen to ask, asked again: same statuses, the shapes that they read.

`traces/` was recorded with the official hcloud and cloudflare plugins against a recording server, which
numbered objects and actions by one counter. Its answers were not recorded: ids are followed by that counter.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.rehearsal.cloud.harness import Answer, Embedded, Process, public_key

TRACES = Path(__file__).parent / "traces"
FIRST_ID = 101
# What the plugins read from an answer, by the key of its object: hcloud-go's schema package.
SHAPES: dict[str, set[str]] = {
    "server": {
        "id name status created public_net private_net server_type included_traffic outgoing_traffic "
        "ingoing_traffic backup_window rescue_enabled iso locked location image protection labels volumes "
        "primary_disk_size placement_group load_balancers"
    },
    "volume": {"id name server status location size format protection labels linux_device created"},
    "primary_ip": {
        "id ip labels name type protection dns_ptr assignee_id assignee_type auto_delete blocked created "
        "location"
    },
    "firewall": {"id name labels created rules applied_to"},
    "ssh_key": {"id name fingerprint public_key labels created"},
    "action": {"id status command progress started finished error resources"},
    "server_types": {
        "id name description category cores memory disk storage_type cpu_type architecture prices locations "
        "deprecated deprecation included_traffic"
    },
    "images": {
        "id status type name description image_size disk_size created created_from bound_to os_flavor "
        "os_version architecture rapid_deploy protection deprecated deleted labels"
    },
}
CLOUDFLARE = {
    "dns_records": {
        "id name type content proxiable proxied ttl settings meta comment tags created_on modified_on"
    },
    "settings": {"id value modified_on editable"},
}


def words(shape: set[str]) -> set[str]:
    return set(" ".join(shape).split())


def entries(name: str) -> Iterator[dict[str, Any]]:
    for line in (TRACES / name).read_text().splitlines():
        yield json.loads(line)


class Replay:
    """Asks a cloud what a trace says, with this cloud's ids in place of the recorded ones."""

    def __init__(self, cloud: Embedded | Process, zone_id: str) -> None:
        self.cloud = cloud
        self.zone_id = zone_id
        self.ids: dict[str, Any] = {}
        self.next = FIRST_ID
        self.latest_action = 0
        self.keys: dict[str, str] = {}
        self.deviations: list[tuple[str, int, int]] = []

    def learn(self, actual: Any) -> None:
        self.ids[str(self.next)] = actual
        self.next += 1

    def translate(self, path: str) -> str:
        path = path.replace("0" * 32, self.zone_id)
        path = re.sub(r"/dns_records/r(\d+)", lambda m: f"/dns_records/{self.ids[m[1]]}", path)
        return re.sub(r"/v1/(\w+)/(\d+)", lambda m: f"/v1/{m[1]}/{self.ids[m[2]]}", self._polls(path))

    def _polls(self, path: str) -> str:
        match = re.fullmatch(r"/v1/actions\?id=(\d+)(.*)", path)
        if not match:
            return path
        if match[1] not in self.ids:
            # The action of a request that the recorder missed: any action will do for the poll.
            assert int(match[1]) == self.next, f"poll of {match[1]}, expected {self.next}"
            self.learn(self.latest_action)
        return f"/v1/actions?id={self.ids[match[1]]}{match[2]}"

    def body(self, path: str, body: Any) -> Any:
        if not isinstance(body, dict):
            return body
        body = dict(body)
        if "public_key" in body:
            # The recorded key is cut short, which Hetzner and this cloud refuse.
            body["public_key"] = self.keys.setdefault(body["name"], public_key())
        if path == "/v1/servers":
            body["ssh_keys"] = [self.ids[str(key)] for key in body["ssh_keys"]]
            body["firewalls"] = [
                {"firewall": self.ids[str(w["firewall"])]} for w in body.get("firewalls", [])
            ]
            net = body.get("public_net")
            if net and "ipv4" in net:
                body["public_net"] = {**net, "ipv4": self.ids[str(net["ipv4"])]}
        if "server" in body and path.endswith("/attach"):
            body["server"] = self.ids[str(body["server"])]
        return body

    def ask(self, entry: dict[str, Any]) -> Answer:
        recorded = entry["p"]
        path = self.translate(recorded)
        answer = self.cloud.ask(entry["m"], path, self.body(recorded, entry["body"]))
        if answer.status != entry["status"]:
            self.deviations.append((f"{entry['m']} {recorded}", entry["status"], answer.status))
        elif answer.status < 300:
            self.check(recorded, answer)
            self.count(entry["m"], recorded, answer)
        # The recording server's actions took two polls; here waiting is waiting.
        if entry["m"] != "GET":
            self.cloud.settle()
        return answer

    def check(self, recorded: str, answer: Answer) -> None:
        """The answer has what the plugins read."""
        if recorded.startswith("/cf/"):
            kind = "settings" if "/settings/" in recorded else "dns_records"
            assert answer.body["success"] is True
            if answer.body["result"].keys() != {"id"}:
                assert words(CLOUDFLARE[kind]) <= set(answer.body["result"]), recorded
            return
        for key, shape in SHAPES.items():
            found = (answer.body or {}).get(key)
            for one in found if isinstance(found, list) else [found] if found else []:
                assert words(shape) <= set(one), f"{recorded}: {key} lacks {words(shape) - set(one)}"

    def count(self, method: str, recorded: str, answer: Answer) -> None:
        """Follows the recording server's counter: an object, then its action."""
        body = answer.body or {}
        if method == "POST" and "/actions/" not in recorded:
            for key in ("ssh_key", "primary_ip", "volume", "firewall", "server"):
                if key in body:
                    self.learn(body[key]["id"])
            if recorded.startswith("/cf/"):
                self.learn(body["result"]["id"])
        if method in ("POST", "DELETE") and body.get("action"):
            self.latest_action = body["action"]["id"]
            # The first trace's numbers show that its primary address and ssh key had none.
            self.learn(self.latest_action)
        elif method == "POST" and recorded.endswith("/set_rules"):
            self.learn(body["actions"][0]["id"])


@pytest.mark.parametrize("seconds", [0, 0.05])
def test_create_update_destroy(make: Callable[..., Embedded], seconds: float) -> None:
    cloud = make(action_seconds=seconds)
    replay = Replay(cloud, "0123456789abcdef0123456789abcdef")
    for entry in entries("create-update-destroy.jsonl"):
        if "step" in entry:
            continue
        if entry["m"] == "DELETE" and "/primary_ips/" in entry["p"]:
            # The trace protects the address and never lifts it, which the recording server did not mind.
            answer = replay.cloud.ask("DELETE", replay.translate(entry["p"]))
            assert (answer.status, answer.code) == (423, "protected")
            replay.cloud.act("primary_ips", replay.ids["102"], "change_protection", delete=False)
        replay.ask(entry)
    assert replay.deviations == []
    assert cloud.state()["empty"], "the destroy left nothing"


def test_slow_actions_replacement_faults(make: Callable[..., Embedded]) -> None:
    cloud = make(action_seconds=0.05)
    replay = Replay(cloud, "0123456789abcdef0123456789abcdef")
    protected = False
    for entry in entries("slow-actions-replacement-faults.jsonl"):
        step = entry.get("step", "")
        if step.startswith("fault:"):
            _, status, times, code, which = step.split(":", 4)
            method, path = which.split(" ", 1)
            # As in the recording, a fault takes the place of the one before.
            cloud.good("DELETE", "/_rehearsal/faults")
            cloud.fault(
                kind="status", method=method, path=path, status=int(status), code=code, count=int(times)
            )
        if step:
            protected = protected or step == "v5"
            continue
        if entry["m"] == "DELETE" and "/servers/" in entry["p"] and protected:
            # v5 turned protection on and its destroy lifts nothing: Hetzner refuses that, so do we.
            answer = cloud.ask("DELETE", replay.translate(entry["p"]))
            assert (answer.status, answer.code) == (423, "protected")
            key = replay.ids[entry["p"].rsplit("/", 1)[1]]
            cloud.act("servers", key, "change_protection", delete=False, rebuild=False)
            protected = False
        if entry["status"] >= 400:
            answer = replay.ask(entry)
            assert answer.body["error"]["code"] in ("unavailable", "resource_unavailable")
            continue
        replay.ask(entry)
    assert replay.deviations == []
    assert cloud.state()["empty"]
