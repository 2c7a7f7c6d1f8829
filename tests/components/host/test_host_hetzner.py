"""What a stack of kind hetzner declares, to the last option."""

import json
import pwd
import stat
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pulumi
import pytest
import yaml

from components.host import Host, HostArgs
from components.settings.host import Host as Settings
from rehearsal.declared.recording import Recorded, deploy

PRIVATE_KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\n{name}\n-----END OPENSSH PRIVATE KEY-----\n"


def computed(type_: str, name: str, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    match type_:
        case "tls:index/privateKey:PrivateKey":
            return {
                "privateKeyOpenssh": pulumi.Output.secret(PRIVATE_KEY.format(name=name)),
                "publicKeyOpenssh": f"ssh-ed25519 {name}\n",
            }
        case "hcloud:index/primaryIp:PrimaryIp" if inputs["type"] == "ipv4":
            return {"ipAddress": "198.51.100.7"}
        case "hcloud:index/primaryIp:PrimaryIp":
            return {"ipAddress": "2001:db8:1234::", "ipNetwork": "2001:db8:1234::/64"}
        case "command:remote:Command":
            return {"stdout": "20.10.24", "stderr": ""}
    return {}


def declare(
    settings: Mapping[str, Any] | None = None,
    stack: str = "uat",
    preview: bool = False,
    program: Any = lambda host: host,
    running: str | None = None,
) -> Recorded:
    """`running` is the image of a server that exists, whatever the settings say."""

    def existing(type_: str, name: str, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        there = {"image": running} if running and type_ == "hcloud:index/server:Server" else {}
        return {**computed(type_, name, inputs), **there}

    section = {
        "kind": "hetzner",
        "server_type": "cx23",
        "location": "fsn1",
        "volume": {"size_gb": 10},
        "ssh": {"allowed_networks": ["203.0.113.0/24"], "authorized_keys": []},
    }
    args = HostArgs(
        stack=stack,
        settings=Settings.model_validate_json(json.dumps({**section, **(settings or {})})),
        http_sources=("192.0.2.0/24",),
    )
    return deploy(lambda: program(Host("host", args)), existing, stack=stack, preview=preview)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(pwd, "getpwuid", lambda _uid: SimpleNamespace(pw_dir=str(tmp_path)))
    return tmp_path


def test_every_object_at_hetzner_has_a_fixed_name_and_the_stacks_labels() -> None:
    recorded = declare()
    named = {
        r.name: r.inputs.get("name")
        for r in recorded.resources
        if r.type.startswith("hcloud:") and "Attachment" not in r.type
    }
    assert named == {
        "host-ssh-key": "jira-plus-plus-uat",
        "host-ipv4": "jira-plus-plus-uat-ipv4",
        "host-ipv6": "jira-plus-plus-uat-ipv6",
        "host-firewall": "jira-plus-plus-uat",
        "host-volume": "jira-plus-plus-uat-data",
        "host-server": "jira-plus-plus-uat",
    }, "a name made up by Pulumi could not be recognised after a killed engine"
    for resource in recorded.resources:
        if resource.type.startswith("hcloud:") and "Attachment" not in resource.type:
            assert resource.inputs["labels"] == {"managed-by": "jira-plus-plus", "stack": "uat"}, (
                resource.name
            )


def test_the_server_is_what_the_settings_say_and_takes_addresses_and_firewall_from_outside() -> None:
    recorded = declare()
    (server,) = recorded.of("hcloud:index/server:Server")
    (ipv4, ipv6) = recorded.of("hcloud:index/primaryIp:PrimaryIp")
    inputs = dict(server.inputs)
    inputs.pop("userData")
    ids = inputs.pop("publicNets"), inputs.pop("firewallIds"), inputs.pop("sshKeys")
    assert inputs == {
        "name": "jira-plus-plus-uat",
        "serverType": "cx23",
        "keepDisk": True,
        "location": "fsn1",
        "image": "debian-13",
        "backups": False,
        "shutdownBeforeDeletion": True,
        "deleteProtection": False,
        "rebuildProtection": False,
        "labels": {"managed-by": "jira-plus-plus", "stack": "uat"},
    }
    ((public_net,), (firewall,), (ssh_key,)) = ids
    assert public_net["ipv4Enabled"] is True
    assert public_net["ipv6Enabled"] is True
    assert public_net["ipv4"] != public_net["ipv6"]
    assert all(isinstance(value, float) for value in (public_net["ipv4"], public_net["ipv6"], firewall)), (
        "Hetzner's ids are numbers"
    )
    assert ssh_key, "without an ssh key Hetzner mails a root password"
    assert ipv4.inputs["autoDelete"] is False, "the address must survive the server"
    assert ipv6.inputs["autoDelete"] is False, "the address must survive the server"
    assert {ipv4.inputs["location"], ipv6.inputs["location"]} == {"fsn1"}


def test_the_server_is_replaced_only_for_a_reason_and_never_beside_its_successor() -> None:
    server = declare().one("host-server")
    assert server.request.deleteBeforeReplace, "two servers cannot have one name, one address, one volume"
    assert list(server.request.ignoreChanges) == ["image", "sshKeys", "userData"], (
        "a new default, a later bootstrap.sh or a key that was made again must not cost the machine"
    )
    assert not server.request.protect


def test_the_firewall_that_a_run_brings_for_itself_is_no_change_of_the_servers() -> None:
    """infrastructure A7: the provider reads all firewalls of a server, and takes off a foreign one."""
    ssh = {"allowed_networks": [], "allow_own_address": True}
    server = declare({"ssh": ssh}).one("host-server")
    assert list(server.request.ignoreChanges) == ["image", "sshKeys", "userData", "firewallIds"]
    assert server.inputs["firewallIds"], "it is made with the program's own"


AGES = "Debian's regular security support of it ended in June 2026, LTS ends in June 2028"
STAYS = "makes it anew with {}, with minutes of downtime (docs/runbook.md); its data and its addresses stay"


@pytest.mark.parametrize(
    ("running", "wanted", "said"),
    [
        ("debian-13", "debian-13", []),
        (
            "debian-12",
            "debian-13",
            [
                f"the server of uat runs debian-12: {AGES}; "
                f"`make replace STACK=uat` {STAYS.format('debian-13')}"
            ],
        ),
        (
            "debian-12",
            "debian-12",
            [
                f"the server of uat runs debian-12: {AGES}; "
                "set host.image to debian-13 in Pulumi.uat.yaml, then "
                f"`make replace STACK=uat` {STAYS.format('debian-13')}"
            ],
        ),
        (
            "debian-13",
            "debian-12",
            [
                "the server of uat runs debian-13: host.image is debian-12, which a server that exists does "
                f"not take on; `make replace STACK=uat` {STAYS.format('debian-12')}"
            ],
        ),
    ],
)
def test_a_preview_tells_until_when_what_runs_is_supported_and_the_way_over(
    running: str, wanted: str, said: list[str]
) -> None:
    assert declare({"image": wanted}, running=running, preview=True).warnings == said


def test_user_data_is_secret_since_it_holds_the_host_key() -> None:
    server = declare().one("host-server")
    assert "userData" in server.secrets
    known = yaml.safe_load(server.inputs["userData"])
    assert known["ssh_keys"]["ed25519_private"] == PRIVATE_KEY.format(name="host-host-key")
    assert known["ssh_keys"]["ed25519_public"] == "ssh-ed25519 host-host-key"
    assert known["users"][0]["ssh_authorized_keys"] == ["ssh-ed25519 host-deploy-key"]
    assert "host-deploy-key\n-----END" not in server.inputs["userData"], (
        "the deploy key's private half stays here"
    )


def test_the_ssh_key_is_sent_as_hetzner_answers_it() -> None:
    key = declare().one("host-ssh-key")
    assert key.inputs["publicKey"] == "ssh-ed25519 host-deploy-key", (
        "with a newline at its end it would differ from the answer, and the next up would replace the server"
    )


@pytest.mark.parametrize(
    ("settings", "server", "volume"),
    [
        ({}, False, False),
        ({"volume": {"size_gb": 10, "protected": True}}, False, True),
        ({"protected": True}, True, True),
    ],
)
def test_protection_is_pulumis_and_hetzners_at_once(
    settings: Mapping[str, Any], server: bool, volume: bool
) -> None:
    recorded = declare(settings)
    machine = recorded.one("host-server")
    assert machine.request.protect is server
    assert machine.inputs["deleteProtection"] is server
    assert machine.inputs["rebuildProtection"] is server, "Hetzner wants the two equal"
    for address in recorded.of("hcloud:index/primaryIp:PrimaryIp"):
        assert address.request.protect is server, address.name
        assert address.inputs["deleteProtection"] is server, address.name
    (disk,) = recorded.of("hcloud:index/volume:Volume")
    assert disk.request.protect is volume, "whoever protects the host protects its data"
    assert disk.inputs["deleteProtection"] is volume


def test_the_volume_belongs_to_a_location_and_follows_the_server() -> None:
    recorded = declare()
    (volume,) = recorded.of("hcloud:index/volume:Volume")
    assert volume.inputs["size"] == 10
    assert volume.inputs["location"] == "fsn1"
    assert "serverId" not in volume.inputs, "a volume made with a server would be tied to it"
    assert "format" not in volume.inputs, "only mount-volume.sh makes a filesystem, on a blank device"
    (attachment,) = recorded.of("hcloud:index/volumeAttachment:VolumeAttachment")
    assert attachment.inputs["automount"] is False, "automount does not fire on a second attachment"
    assert attachment.request.deletedWith == recorded.urn("host-server"), (
        "a detach before the shutdown pulls the disk from under Postgres"
    )


def test_the_commands_follow_each_other_and_docker_waits_for_the_last() -> None:
    recorded = declare()
    commands = {c.name: c for c in recorded.of("command:remote:Command")}
    bootstrap, mount, ready = (commands[f"host-{part}"] for part in ("bootstrap", "mount", "ready"))
    assert bootstrap.inputs["create"] == (
        "sudo bash -s -- --swap-mb 2048 --backup-at 02:00 --ssh-user deploy --wait-for-cloud-init"
    )
    volume_id = mount.inputs["create"].split("HC_Volume_")[1].split()[0]
    assert mount.inputs["create"] == (
        f"sudo bash -s -- --device /dev/disk/by-id/scsi-0HC_Volume_{volume_id} --path /mnt/data --size-gb 10"
    )
    assert ready.inputs["create"] == "sh -s --", "readiness is that of the deploy user, without root"
    assert bootstrap.urn in mount.request.dependencies
    assert recorded.urn("host-attachment") in mount.request.dependencies
    assert mount.urn in ready.request.dependencies
    for command in commands.values():
        assert command.inputs["triggers"], f"{command.name} must run again on a new server"
        assert command.request.deletedWith == recorded.urn("host-server")
        assert command.inputs["addPreviousOutputInEnv"] is False, "sshd accepts no such variable"
    provider = recorded.one("host-docker")
    assert ready.urn in provider.request.propertyDependencies["host"].urns, (
        "nothing dials before Docker answers"
    )


def test_every_command_pins_the_host_key_and_hides_the_private_key() -> None:
    for command in declare().of("command:remote:Command"):
        connection = command.inputs["connection"]
        assert connection == {
            "host": "198.51.100.7",
            "port": 22,
            "user": "deploy",
            "privateKey": PRIVATE_KEY.format(name="host-deploy-key"),
            "hostKey": "ssh-ed25519 host-host-key\n",
            "dialErrorLimit": 40,
            "perDialTimeout": 5,
        }
        assert "connection" in command.secrets


def test_docker_is_reached_by_ssh_with_this_key_and_this_known_host_only(home: Path) -> None:
    provider = declare().one("host-docker")
    assert provider.inputs["host"] == "ssh://deploy@198.51.100.7"
    assert not provider.secrets, "address and options are no secrets, and a secret host would hide every diff"
    options = json.loads(provider.inputs["sshOpts"])
    folder = options[1].removeprefix("IdentityFile=").removesuffix("/id_ed25519")
    assert options == [
        *("-o", f"IdentityFile={folder}/id_ed25519"),
        *("-o", "IdentitiesOnly=yes"),
        *("-o", f"UserKnownHostsFile={folder}/known_hosts"),
        *("-o", "StrictHostKeyChecking=yes"),
        *("-o", "ControlMaster=auto"),
        *("-o", "ControlPath=~/.ssh/jpp-%C"),
        *("-o", "ControlPersist=10"),
        *("-o", "ServerAliveInterval=5"),
        *("-o", "ServerAliveCountMax=2"),
    ]
    assert folder.startswith("~/.ssh/jira-plus-plus/"), "the text must be the same on every machine"
    written = home / folder.removeprefix("~/")
    assert (written / "id_ed25519").read_text() == PRIVATE_KEY.format(name="host-deploy-key")
    assert (written / "known_hosts").read_text() == "198.51.100.7 ssh-ed25519 host-host-key\n"
    for file in written.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, (
            f"ssh refuses a key that others may read: {file.name}"
        )
    assert sorted(f.name for f in written.iterdir()) == ["id_ed25519", "known_hosts"], (
        "no temporary file is left"
    )


def test_the_firewall_lets_in_what_the_settings_name() -> None:
    recorded = declare()
    (firewall,) = recorded.of("hcloud:index/firewall:Firewall")
    assert [(rule["protocol"], rule.get("port"), rule["sourceIps"]) for rule in firewall.inputs["rules"]] == [
        ("tcp", "80", ["192.0.2.0/24"]),
        ("tcp", "443", ["192.0.2.0/24"]),
        ("tcp", "22", ["203.0.113.0/24"]),
        ("icmp", None, ["0.0.0.0/0", "::/0"]),
    ]
    assert "applyTos" not in firewall.inputs, "the server names its firewall, so that it is never without one"


def test_ssh_from_anywhere_must_be_asked_for() -> None:
    recorded = declare({"ssh": {"allow_any_network": True}})
    rules = recorded.one("host-firewall").inputs["rules"]
    assert [r["sourceIps"] for r in rules if r.get("port") == "22"] == [["0.0.0.0/0", "::/0"]]


def test_an_operators_key_reaches_the_server_without_replacing_it() -> None:
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJd1ZvYxnzfMzIi3eRvCh2Zy2p6F0cTS0rQ1mC7m8f0G ada"
    recorded = declare({"ssh": {"allowed_networks": ["203.0.113.0/24"], "authorized_keys": [key]}})
    bootstrap = recorded.one("host-bootstrap")
    assert bootstrap.inputs["create"] == (
        "sudo bash -s -- --swap-mb 2048 --backup-at 02:00 --ssh-user deploy "
        f"--authorized-key '{key}' --wait-for-cloud-init"
    )


def test_a_first_preview_knows_no_address_and_writes_no_file(home: Path) -> None:
    recorded = deploy(
        lambda: Host(
            "host",
            HostArgs("uat", Settings.model_validate({"kind": "hetzner", "ssh": {"allow_any_network": True}})),
        ),
        lambda _type, _name, _inputs: {},
        preview=True,
    )
    assert recorded.of("docker:index/provider:Provider") == []
    assert "pulumi:providers:docker" in recorded.types()
    assert not (home / ".ssh").exists(), "there is no key yet to write"


def test_a_command_on_the_host_lives_and_dies_with_the_server() -> None:
    def program(host: Host) -> None:
        host.run("job", create="true", delete="false", stdin=pulumi.Output.secret("canary"), triggers=["1"])

    recorded = declare(program=program)
    job = recorded.one("job")
    server = recorded.urn("host-server")
    assert job.type == "command:remote:Command"
    assert job.inputs["stdin"] == "canary"
    assert "stdin" in job.secrets
    assert job.inputs["triggers"] == ["1"]
    assert list(job.request.replace_with) == [server], "a new server has nothing of it"
    assert job.request.deletedWith == server, "an old server takes it along"
    assert recorded.urn("host-ready") in job.request.dependencies


def test_the_hosts_face() -> None:
    faces: list[Any] = []

    def program(host: Host) -> Any:
        def keep(known: list[Any]) -> None:
            faces.append(known)

        return pulumi.Output.all(host.ipv4, host.ipv6, host.docker_host, host.ssh).apply(keep)

    declare(program=program)
    ((ipv4, ipv6, docker_host, ssh),) = faces
    assert ipv4 == "198.51.100.7"
    assert ipv6 == "2001:db8:1234::1", "Hetzner gives the server the first address of its network"
    assert docker_host == "ssh://deploy@198.51.100.7"
    assert ssh.endswith("-o StrictHostKeyChecking=yes deploy@198.51.100.7")


def test_every_resource_is_named_after_its_part_and_belongs_to_a_component() -> None:
    recorded = declare()
    tree = {
        (r.type.split(":")[-1], r.name, r.request.parent.split("::")[2].split("$")[-1])
        for r in recorded.resources
    }
    assert tree == {
        ("Host", "host", "pulumi:pulumi:Stack"),
        ("Hetzner", "host", "jira-plus-plus:host:Host"),
        *(
            (part, "host", "jira-plus-plus:host:Hetzner")
            for part in ("Keys", "Address", "Firewall", "Volume", "Server", "Attachment", "Remote")
        ),
        ("PrivateKey", "host-deploy-key", "jira-plus-plus:host:Keys"),
        ("PrivateKey", "host-host-key", "jira-plus-plus:host:Keys"),
        ("PrimaryIp", "host-ipv4", "jira-plus-plus:host:Address"),
        ("PrimaryIp", "host-ipv6", "jira-plus-plus:host:Address"),
        ("Firewall", "host-firewall", "jira-plus-plus:host:Firewall"),
        ("Volume", "host-volume", "jira-plus-plus:host:Volume"),
        ("SshKey", "host-ssh-key", "jira-plus-plus:host:Server"),
        ("Server", "host-server", "jira-plus-plus:host:Server"),
        ("VolumeAttachment", "host-attachment", "jira-plus-plus:host:Attachment"),
        ("Command", "host-bootstrap", "jira-plus-plus:host:Remote"),
        ("Command", "host-mount", "jira-plus-plus:host:Remote"),
        ("Command", "host-ready", "jira-plus-plus:host:Remote"),
        ("docker", "host-docker", "jira-plus-plus:host:Remote"),
    }
