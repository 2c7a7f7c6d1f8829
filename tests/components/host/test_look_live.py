"""A server from elsewhere that is in use, as a container: what the look finds, and what stays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from docker import DockerClient

pytestmark = pytest.mark.live

SCRIPTS = Path(__file__).parents[3] / "components" / "host"
Run = Callable[[str], tuple[int, str]]
LOOK = "sh /scripts/look.sh"
SNAPSHOT = "find /etc /root /home /usr/local -type f -printf '%p %s %T@\\n' | sort | sha256sum"
# As ufw, fail2ban and Docker answer: none of them is in the image.
TOOLS = r"""
tool() { printf '#!/bin/sh\n%s\n' "$2" >/usr/local/bin/$1; chmod +x /usr/local/bin/$1; }
"""
IN_USE = {
    "Docker's configuration": (
        """mkdir -p /etc/docker; echo '{"data-root": "/data", "mtu": 1400}' >/etc/docker/daemon.json""",
        "/etc/docker/daemon.json (data-root, mtu)",
    ),
    "containers": ("tool docker 'echo nginx; echo shop-db'", "containers run (nginx, shop-db)"),
    "a login by key": (
        "useradd -m -s /bin/bash alice; mkdir ~alice/.ssh; echo k >~alice/.ssh/authorized_keys",
        "others log in (alice)",
    ),
    "a login by password": ("useradd -m -s /bin/bash bob; echo bob:secret | chpasswd", "others log in (bob)"),
    "ufw": ("tool ufw 'echo Status: active; echo 22/tcp LIMIT Anywhere'", "ssh without LIMIT (it has 1)"),
    "fail2ban": ("tool systemctl '[ \"$3\" = fail2ban ]'", "ignoreip"),
    "firewalld": ("tool systemctl '[ \"$3\" = firewalld ]'", "firewalld filters"),
    "nftables": (
        "tool systemctl '[ \"$3\" = nftables ]'; tool nft 'echo \"hook input priority 0; policy drop\"'",
        "nftables drops what it has no rule for",
    ),
}
IN_THE_WAY = {
    "a web server": (
        "python3 -m http.server 80 >/dev/null 2>&1 & sleep 1",
        "port 80 is taken by python3: Traefik needs it",
    ),
    "groups": ("groupadd staff2; echo 'AllowGroups staff2' >>/etc/ssh/sshd_config", "(AllowGroups)"),
    "another system": ("sed -i 's/^ID=.*/ID=ubuntu/' /etc/os-release", "Debian 12 or 13 is needed"),
}


@pytest.fixture
def bare(client: DockerClient, built: Callable[..., dict[str, str]]) -> Run:
    image = built("bare_12")["bare_12"]

    def run(script: str) -> tuple[int, str]:
        container = client.containers.run(
            image,
            entrypoint=["bash", "-c", f"{TOOLS}\nmkdir -p /run/sshd; ssh-keygen -A >/dev/null\n{script}"],
            network_mode="none",
            volumes={str(SCRIPTS): {"bind": "/scripts", "mode": "ro"}},
            labels={"jira-plus-plus": "look-test"},
            detach=True,
        )
        try:
            return container.wait(timeout=120)["StatusCode"], container.logs().decode()
        finally:
            container.remove(force=True)

    return run


def test_a_bare_server_is_taken(bare: Run) -> None:
    assert bare(LOOK) == (0, "")


def test_the_images_user_with_its_owners_key_is_nobody_else(bare: Run) -> None:
    """infrastructure A10: cloud-init gives the key that root has to the image's own user, too."""
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 owner"
    made = (
        "useradd -m -s /bin/bash debian; mkdir -p ~debian/.ssh ~root/.ssh; "
        f"echo 'no-pty {key}' >~root/.ssh/authorized_keys; echo '{key}' >~debian/.ssh/authorized_keys"
    )
    assert bare(f"{made}; {LOOK}") == (0, "")
    code, said = bare(f"{made}; echo 'ssh-ed25519 AAAAother' >>~debian/.ssh/authorized_keys; {LOOK}")
    assert code == 1
    assert "others log in (debian)" in said


@pytest.mark.parametrize("what", IN_USE)
def test_what_is_in_use_is_found_before_the_first_change_and_told_with_the_ways_out(
    bare: Run, what: str
) -> None:
    """infrastructure A10 (coolify#7675, coolify#11221, scantron#2): installers assume an empty machine."""
    made, told = IN_USE[what]
    looked = f"before=$({SNAPSHOT})\n{LOOK}; code=$?\n[[ $before == $({SNAPSHOT}) ]] && exit $code"
    code, said = bare(f"{made}\n{looked}")
    assert code == 1, said
    assert told in said
    assert "nothing was changed yet" in said
    assert "set host.shared: true" in said
    assert bare(f"{made}\n{LOOK} --shared") == (0, ""), "its owner knows"


@pytest.mark.parametrize("what", IN_THE_WAY)
def test_what_cannot_be_shared_is_told_all_the_same(bare: Run, what: str) -> None:
    """infrastructure A10."""
    made, told = IN_THE_WAY[what]
    code, said = bare(f"{made}\n{LOOK} --shared")
    assert code == 1, said
    assert told in said


def test_all_findings_are_told_at_once(bare: Run) -> None:
    made = "\n".join(made for made, _ in (*list(IN_USE.values())[:5], IN_THE_WAY["groups"]))
    code, said = bare(f"{made}\n{LOOK}")
    assert code == 1
    assert sum(line.startswith("- ") for line in said.splitlines()) == 5, said


def test_a_server_that_was_adopted_before_is_gone_on_with(bare: Run) -> None:
    ours = "mkdir -p /etc/docker; echo '{}' >/etc/docker/daemon.json; "
    ours += "touch /etc/ssh/sshd_config.d/10-jira-plus-plus.conf"
    assert bare(f"{ours}\n{LOOK}") == (0, "")


SSHD = "sshd -T -C user={user},host=h,addr=::1 | grep -E '^(passwordauth|allowusers|permitrootlogin)'"


@pytest.mark.parametrize("owners", ["", "AllowUsers alice monitoring"])
def test_on_a_shared_server_others_log_in_as_before(bare: Run, owners: str) -> None:
    """infrastructure A10 (scantron#2): a list of our users would refuse everybody else's."""
    code, said = bare(
        f"useradd -m deploy; useradd -m alice; echo '{owners}' >>/etc/ssh/sshd_config\n"
        f"{SSHD.format(user='alice')} >/before\n"
        ". /scripts/bootstrap.sh\nSHARED=yes write_ssh deploy root >/dev/null\n"
        "SHARED=yes write_ssh deploy root\n"  # it does not count its own list
        f"{SSHD.format(user='alice')} >/after\nsshd -t && cat /before; echo ==; cat /after; echo ==\n"
        f"{SSHD.format(user='deploy')}"
    )
    assert code == 0, said
    before, after, ours = (set(part.split("\n")) for part in said.split("==\n"))
    users = {"allowusers alice", "allowusers monitoring"} if owners else set()
    assert users <= before
    assert after - {"allowusers deploy"} == before
    assert ("allowusers deploy" in after) is bool(owners)
    assert "passwordauthentication no" in ours


def test_the_owners_swap_stays_and_so_do_the_keys_of_a_user_deploy_and_dockers_configuration(
    bare: Run,
) -> None:
    """infrastructure A10 (SupportArticles-docs#427, vps#146, coolify#7675)."""
    code, said = bare(
        "dd if=/dev/zero of=/swapfile bs=1M count=2 status=none; sum=$(md5sum /swapfile)\n"
        "useradd -m deploy; mkdir ~deploy/.ssh; echo 'ssh-ed25519 THEIRS a' >~deploy/.ssh/authorized_keys\n"
        "sh /scripts/adopt.sh 'ssh-ed25519 OLD'; sh /scripts/adopt.sh 'ssh-ed25519 NEW'\n"
        "mkdir -p /etc/docker; echo '{}' >/etc/docker/daemon.json\n"
        ". /scripts/bootstrap.sh\nEXISTING=yes SHARED=yes\nswapon() { :; }\n"
        "configure_swap 0; write_docker\n"
        "[[ $sum == $(md5sum /swapfile) ]] && cat /home/deploy/.ssh/authorized_keys /etc/docker/daemon.json"
    )
    assert code == 0, said
    assert "swap stays as the server's owner has it" in said
    assert said.splitlines()[-3:] == ["ssh-ed25519 THEIRS a", "ssh-ed25519 NEW jira-plus-plus", "{}"]


def test_swap_that_does_not_fit_is_refused_while_the_old_one_is_still_there(bare: Run) -> None:
    """infrastructure A10 (vps#146): the old one was deleted first."""
    code, said = bare(
        ". /scripts/bootstrap.sh\nswapon() { echo /swapfile; }\nswapoff() { echo off; }\n"
        "dd if=/dev/zero of=/swapfile bs=1M count=2 status=none\n"
        "(configure_swap 100000000) || echo $?; ls /swapfile"
    )
    assert code == 0
    assert "ERROR: no room for 100000000 MiB of swap" in said
    assert {"1", "/swapfile"} <= set(said.splitlines())
    assert "off" not in said.splitlines()
