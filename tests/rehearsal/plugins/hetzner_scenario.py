"""One long story of Hetzner resources, told to a plugin step by step; its transcript is what plugins are
compared by."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from typing import Any

from tests.rehearsal.plugins.driver import Driver, Ref
from tests.rehearsal.plugins.recording import Fault, Recording

Program = dict[str, tuple[str, dict[str, Any]]]
_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEpG"


def program() -> Program:
    """The program that the story begins with."""
    return {
        "key": ("hcloud:index/sshKey:SshKey", {"publicKey": _KEY}),
        "ip": ("hcloud:index/primaryIp:PrimaryIp", {"type": "ipv4", "location": "fsn1"}),
        "wall": (
            "hcloud:index/firewall:Firewall",
            {
                "rules": [
                    {"direction": "in", "protocol": "tcp", "port": "443", "sourceIps": ["0.0.0.0/0", "::/0"]},
                    {
                        "direction": "in",
                        "protocol": "icmp",
                        "sourceIps": ["::/0", "10.1.2.0/24", "0.0.0.0/0"],
                    },
                ]
            },
        ),
        "disk": ("hcloud:index/volume:Volume", {"size": 10, "location": "fsn1", "format": "ext4"}),
        "box": (
            "hcloud:index/server:Server",
            {
                "serverType": "cx23",
                "image": "debian-12",
                "location": "fsn1",
                "userData": "#cloud-config\n",
                "sshKeys": [Ref("key")],
                "firewallIds": [Ref("wall", int)],
                "publicNets": [{"ipv4": Ref("ip", int), "ipv4Enabled": True, "ipv6Enabled": True}],
            },
        ),
        "mount": (
            "hcloud:index/volumeAttachment:VolumeAttachment",
            {"volumeId": Ref("disk", int), "serverId": Ref("box", int)},
        ),
    }


class Story:
    """Plays the steps and writes the transcript."""

    def __init__(self, driver: Driver, record: Recording) -> None:
        self.driver = driver
        self.record = record
        self.program = program()
        self.transcript: list[dict[str, Any]] = []

    def set(self, name: str, /, **inputs: Any) -> None:
        """Change inputs in the program; `None` takes one away."""
        token, before = self.program[name]
        after = {**before, **inputs}
        self.program[name] = (token, {key: value for key, value in after.items() if value is not None})

    def step(self, title: str, do: Callable[[], Any]) -> None:
        """One step: what the plugin answered, what it asked, and what it said."""
        del self.record.requests[:], self.driver.engine.lines[:]
        answers = do()
        self.record.faults.clear()
        self.transcript.append(
            {
                "step": title,
                "answers": _neutral(answers),
                "requests": _neutral(copy.copy(self.record.requests)),
            }
        )

    def preview(self, title: str) -> None:
        """A preview."""
        self.step(f"preview: {title}", lambda: self.driver.apply(self.program, preview=True))

    def up(self, title: str, *faults: Fault) -> None:
        """An update, in which these faults happen."""
        self.record.faults.extend(faults)
        self.step(title, lambda: self.driver.apply(self.program))

    def both(self, title: str) -> None:
        """A preview and the update."""
        self.preview(title)
        self.up(title)

    def refresh(self, title: str, *faults: Fault) -> None:
        """A refresh, in which these faults happen."""
        self.record.faults.extend(faults)
        self.step(title, self.driver.refresh)

    def thing(self, collection: str) -> dict[str, Any]:
        """The newest object of a collection, to be changed behind the plugin's back."""
        there = self.record.objects[collection]
        return there[max(there)]


def tell(driver: Driver, record: Recording) -> list[dict[str, Any]]:
    """The whole story's transcript."""
    story = Story(driver, record)
    for chapter in (
        _beginning,
        _attachments,
        _keys,
        _addresses,
        _servers,
        _volumes,
        _firewalls,
        _drift,
        _faults,
        _mistakes,
        _end,
    ):
        chapter(story)
    return story.transcript


def _beginning(story: Story) -> None:
    story.both("create everything")
    story.up("change nothing")
    story.refresh("refresh")
    story.up("change nothing after a refresh")
    story.step(
        "import",
        lambda: [
            story.driver.imported("other", story.program[name][0], story.driver.state[name].resource_id)
            for name in ("key", "ip", "wall", "disk", "box", "mount")
        ],
    )


def _attachments(story: Story) -> None:
    pointer = {"serverId": Ref("box", int), "ipAddress": "203.0.113.7", "dnsPtr": "a.example.com"}
    story.program["name"] = ("hcloud:index/rdns:Rdns", pointer)
    story.program["more"] = ("hcloud:index/firewall:Firewall", {})
    wall = {"firewallId": Ref("more", int), "serverIds": [Ref("box", int)], "labelSelectors": ["a=b"]}
    story.program["applied"] = ("hcloud:index/firewallAttachment:FirewallAttachment", wall)
    story.both("a name for an address, and a firewall applied")
    story.up("change nothing in them")
    story.refresh("refresh them")
    story.set("name", dnsPtr="b.example.com")
    story.set("applied", labelSelectors=["c=d", "a=b"], serverIds=None)
    story.both("change them")
    story.set("box", firewallIds=[Ref("more", int)])
    story.program = {name: story.program[name] for name in _sorted(story.program, "more", "box")}
    story.both("another firewall for a server")
    story.set("box", firewallIds=[Ref("wall", int)])
    story.up("the first firewall again")
    del story.program["name"], story.program["applied"]
    story.up("take them away")
    del story.program["more"]
    story.up("and the firewall")
    story.set("box", publicNets=[{"ipv4": Ref("ip", int), "ipv4Enabled": True, "ipv6Enabled": False}])
    story.both("no IPv6")
    story.set("box", publicNets=[{"ipv4": Ref("ip", int), "ipv4Enabled": True, "ipv6Enabled": True}])
    story.both("IPv6 again")


def _sorted(program: Program, first: str, then: str) -> list[str]:
    """The names with `first` before `then`."""
    names = [name for name in program if name != first]
    names.insert(names.index(then), first)
    return names


def _keys(story: Story) -> None:
    story.set("key", labels={"a": "1"})
    story.both("label a key")
    story.set("key", labels={"a": "2", "b": "3"})
    story.up("a key's update fails", Fault(503, 1, "unavailable", "PUT /v1/ssh_keys"))
    story.both("a key's update after that")
    story.set("key", labels=None, name="mine")
    story.both("take a key's labels away, and name it")


def _addresses(story: Story) -> None:
    story.set("ip", deleteProtection=True)
    story.both("protect an address")
    story.set("ip", deleteProtection=False, labels={"a": "1"}, autoDelete=True)
    story.both("label an address")


def _servers(story: Story) -> None:
    story.set("box", labels={"x": "y"}, backups=True)
    story.both("label a server and back it up")
    story.set("box", serverType="cpx22", keepDisk=True, backups=None)
    story.both("another server type")
    story.set("box", labels=None, deleteProtection=True, rebuildProtection=True)
    story.both("protect a server")
    story.set("box", deleteProtection=None, rebuildProtection=None)
    story.both("unprotect it")
    story.record.polls = 1
    story.set("box", userData="#cloud-config\n# new")
    story.preview("other user data")
    story.set("box", userData="#cloud-config\n")
    story.set("box", labels={"slow": "1"}, backups=True)
    story.up("with actions that take a while")
    story.record.polls = 0
    story.set("box", name="fixed")
    story.both("name a server")
    story.set("box", image="debian-13")
    story.preview("another image for a named server")
    story.set("box", image="debian-12", location="hel1")
    story.preview("another location")
    story.set("box", location="fsn1")


def _volumes(story: Story) -> None:
    story.set("disk", size=20, labels={"q": "1"}, name="data", automount=True)
    story.both("change a volume")
    story.set("disk", location="hel1")
    story.preview("another location for a volume")
    story.set("disk", location="fsn1", labels=None, deleteProtection=True, format="xfs")
    story.both("protect a volume, and a format that is left alone")
    story.set("disk", deleteProtection=None)
    story.up("unprotect a volume")


def _firewalls(story: Story) -> None:
    rules = story.program["wall"][1]["rules"]
    ping = {"direction": "in", "protocol": "icmp", "sourceIps": ["::/0"], "description": "ping"}
    story.set("wall", rules=[*rules, ping])
    story.both("one more rule")
    story.set("wall", rules=[{**rules[0], "port": "80"}, rules[1], ping])
    story.both("another port")
    story.set("wall", rules=[ping], labels={"l": "1"})
    story.both("one rule less, and a label")
    story.set("wall", rules=[])
    story.both("no rules")
    story.set("wall", rules=rules, labels=None)
    story.up("rules again")


def _drift(story: Story) -> None:
    story.thing("servers")["labels"] = {"drift": "1"}
    story.thing("ssh_keys")["labels"] = {"drift": "1"}
    story.thing("volumes")["size"] = 99
    story.refresh("refresh what changed meanwhile")
    story.both("put it right")
    story.thing("volumes")["server"] = None
    story.refresh("refresh a volume that was taken off")
    story.up("attach it again")


def _faults(story: Story) -> None:
    story.refresh("a refresh that fails", Fault(503, 1, "unavailable", "GET /v1/servers/"))
    story.refresh("a refresh that fails for a key", Fault(503, 1, "unavailable", "GET /v1/ssh_keys/"))
    story.refresh("a refresh at the rate limit", Fault(429, 1, "rate_limit_exceeded", "GET /v1/volumes/"))
    story.set("box", labels={"z": "1"})
    story.up("a server's update fails", Fault(503, 1, "unavailable", "PUT /v1/servers/"))
    story.up("the server's update after that")
    story.set("box", labels={"z": "2"})
    story.up("a server's update meets a conflict", Fault(409, 1, "conflict", "PUT /v1/servers/"))
    story.set("box", labels={"z": "3"})
    story.up(
        "a server cannot be looked at before its update", Fault(503, 1, "unavailable", "GET /v1/servers/")
    )
    story.up("what is left undone then")
    attachment = story.program.pop("mount")
    story.up("detach")
    story.program["mount"] = attachment
    story.up("no room to attach", Fault(412, 1, "resource_unavailable", "POST /v1/volumes/.*/attach"))
    story.up("locked for a moment", Fault(423, 1, "locked", "POST /v1/volumes/.*/attach"))
    protection = {"deleteProtection": True}
    story.program["second"] = (
        "hcloud:index/primaryIp:PrimaryIp",
        {"type": "ipv6", "location": "fsn1", **protection},
    )
    story.up(
        "an address cannot be protected", Fault(503, 1, "unavailable", "primary_ips/.*/change_protection")
    )
    story.up("the address after that")
    story.program["copy"] = ("hcloud:index/sshKey:SshKey", {"publicKey": _KEY})
    story.up("a key that is there already", Fault(409, 1, "uniqueness_error", "POST /v1/ssh_keys"))
    del story.program["copy"], story.program["second"]
    story.up("without the second address")
    small = {"serverType": "cx23", "image": "debian-12", "deleteProtection": True, "rebuildProtection": True}
    story.program["small"] = ("hcloud:index/server:Server", small)
    story.up("a server type is sold out", Fault(412, 1, "resource_unavailable", "POST /v1/servers$"))
    story.up("no servers for now", Fault(503, 1, "unavailable", "POST /v1/servers$"))
    story.up("a server cannot be protected", Fault(503, 1, "unavailable", "servers/.*/change_protection"))
    story.up("the server after that")
    del story.program["small"]
    story.set("disk", labels={"w": "1"})
    wrong = {"labels": ["invalid", "too long"]}
    story.up("a volume's labels are refused", Fault(422, 1, "invalid_input", "PUT /v1/volumes/", wrong))
    story.set("disk", labels=None)
    story.set("key", labels={"w": "1"})
    story.up("a key's labels are refused", Fault(422, 1, "invalid_input", "PUT /v1/ssh_keys/", wrong))
    story.set("key", labels=None)
    story.record.polls, story.record.failing = 1, True
    story.set("disk", size=30)
    story.up("a volume's action fails")
    story.record.failing = False
    story.up("the volume's action after that")
    story.record.polls = 0
    story.up("a protected server is refused", Fault(423, 1, "protected", "DELETE /v1/servers/"))
    story.up("it is deleted after all")


def _mistakes(story: Story) -> None:
    before = copy.deepcopy(story.program)
    rule = {"direction": "sideways", "protocol": "tcp", "port": "1", "sourceIps": ["10.0.0.1/8"]}
    for title, name, inputs in (
        ("a firewall's direction and network", "wall", {"rules": [rule]}),
        ("an address at two places", "ip", {"assigneeId": 5}),
        ("a label", "disk", {"labels": {"bad label!": "x"}}),
    ):
        story.set(name, **inputs)
        story.preview(f"wrong: {title}")
        story.program = copy.deepcopy(before)
    story.set("disk", size="20")
    story.preview("a number as text")
    story.program = before


def _end(story: Story) -> None:
    story.record.objects["servers"].clear()
    story.thing("volumes")["server"] = None
    story.refresh("refresh a server that is gone")
    story.program.clear()
    story.up("destroy")


def _neutral(value: Any) -> Any:
    """The same with all that differs from run to run put as `#`: random names, ports; numbers of objects
    stay."""
    text = json.dumps(value, sort_keys=True, default=str)
    text = re.sub(r"-[0-9a-f]{7}\b", "-#", text)
    return json.loads(re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:#", text))
