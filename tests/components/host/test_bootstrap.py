"""The files that bootstrap.sh writes, as exact text, written by the script itself into a folder."""

import os
import stat
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "components" / "host" / "bootstrap.sh"

FILES = {
    "write_docker": {
        "/etc/docker/daemon.json": """\
{
  "default-address-pools": [{"base": "172.30.0.0/16", "size": 24}],
  "icc": false,
  "live-restore": false,
  "log-driver": "local",
  "log-opts": {"max-file": "3", "max-size": "10m"},
  "no-new-privileges": true,
  "shutdown-timeout": 60,
  "userland-proxy": true
}
""",
        "/etc/systemd/system/docker.service.d/metadata.conf": """\
[Service]
ExecStartPre=-/usr/sbin/iptables --wait --new-chain DOCKER-USER
ExecStartPre=-/usr/sbin/iptables --wait --delete DOCKER-USER --destination 169.254.169.254/32 --jump DROP
ExecStartPre=/usr/sbin/iptables --wait --insert DOCKER-USER 1 --destination 169.254.169.254/32 --jump DROP
""",
    },
    "REVIVE=/revive.sh; revive_one() { :; }; revive_stopped() { :; }; revive() { :; }; write_revive": {
        "/revive.sh": """\
#!/usr/bin/env bash
# Starts the containers that were killed; written by bootstrap.sh.
set -euo pipefail
revive_one ()\x20
{\x20
    :
}
revive_stopped ()\x20
{\x20
    :
}
revive ()\x20
{\x20
    :
}
revive_stopped &
revive
""",
        "/etc/systemd/system/jira-plus-plus-revive.service": """\
[Unit]
Description=Starts the containers of Jira++ that were killed
After=docker.service
PartOf=docker.service
StartLimitIntervalSec=0

[Service]
ExecStart=/revive.sh
Restart=always
RestartSec=1

[Install]
WantedBy=docker.service
""",
    },
    "write_journal": {
        "/etc/systemd/journald.conf.d/jira-plus-plus.conf": """\
[Journal]
Storage=persistent
SystemMaxUse=2G
MaxRetentionSec=1month
RateLimitIntervalSec=0
RateLimitBurst=0
""",
    },
    "write_sysctl": {
        "/etc/sysctl.d/90-jira-plus-plus.conf": """\
kernel.dmesg_restrict = 1
kernel.panic = 10
net.ipv4.conf.all.accept_redirects = 0
net.ipv4.conf.all.send_redirects = 0
vm.swappiness = 10
""",
    },
    "write_upgrades 02:00": {
        "/etc/systemd/system/apt-daily-upgrade.timer.d/jira-plus-plus.conf": """\
[Timer]
OnCalendar=
OnCalendar=*-*-* 03:30:00 UTC
RandomizedDelaySec=15m
Persistent=false
""",
        "/etc/systemd/system/containerd.service.d/jira-plus-plus.conf": """\
[Unit]
Wants=docker.service
""",
        "/etc/apt/apt.conf.d/52jira-plus-plus": """\
APT::Periodic::Update-Package-Lists "1";
APT::Periodic::Unattended-Upgrade "1";
APT::Periodic::AutocleanInterval "7";
Unattended-Upgrade::Automatic-Reboot "true";
Unattended-Upgrade::Automatic-Reboot-WithUsers "true";
Unattended-Upgrade::Automatic-Reboot-Time "04:30";
Unattended-Upgrade::Remove-Unused-Dependencies "true";
""",
    },
    "write_ssh deploy": {
        "/etc/ssh/sshd_config.d/10-jira-plus-plus.conf": """\
PermitRootLogin no
PasswordAuthentication no
KbdInteractiveAuthentication no
AuthorizedKeysFile .ssh/authorized_keys /etc/ssh/authorized_keys.d/%u
AllowUsers deploy
AllowAgentForwarding no
AllowStreamLocalForwarding yes
AllowTcpForwarding local
X11Forwarding no
MaxStartups 100:30:200
MaxSessions 100
""",
    },
    "write_authorized_keys 'ssh-ed25519 A ada' 'ssh-ed25519 B bob'": {
        "/etc/ssh/authorized_keys.d/deploy": "ssh-ed25519 A ada\nssh-ed25519 B bob\n",
    },
    "write_authorized_keys": {"/etc/ssh/authorized_keys.d/deploy": ""},
}


def source(root: Path, command: str, *tools: str) -> subprocess.CompletedProcess[str]:
    """Runs a function of the script, with `root` in place of / and `tools` defined as shell functions."""
    text = f". {SCRIPT}\n" + "\n".join(tools) + f"\n{command}\n"
    return subprocess.run(
        ["bash", "-c", text], env={**os.environ, "ROOT": str(root)}, capture_output=True, text=True
    )


@pytest.mark.parametrize("command", FILES)
def test_a_file_has_exactly_this_text_and_only_the_expected_files_are_written(
    command: str, tmp_path: Path
) -> None:
    done = source(tmp_path, command)
    assert done.returncode == 0, done.stderr
    written = {f"/{p.relative_to(tmp_path)}": p for p in tmp_path.rglob("*") if p.is_file()}
    assert {path: file.read_text() for path, file in written.items()} == FILES[command]
    assert all(
        stat.S_IMODE(file.stat().st_mode) == (0o755 if path.endswith(".sh") else 0o644)
        for path, file in written.items()
    )


@pytest.mark.parametrize("command", FILES)
def test_a_second_run_touches_nothing(command: str, tmp_path: Path) -> None:
    source(tmp_path, command)
    before = {p: p.stat() for p in tmp_path.rglob("*") if p.is_file()}
    done = source(tmp_path, command)
    assert done.stdout == "", "it says what it writes, and it must not write"
    after = {p: p.stat() for p in tmp_path.rglob("*") if p.is_file()}
    assert {p: (s.st_ino, s.st_mtime_ns) for p, s in after.items()} == {
        p: (s.st_ino, s.st_mtime_ns) for p, s in before.items()
    }, "a newer file would restart its service"


@pytest.mark.parametrize(
    ("backup", "upgrades", "reboot"),
    [("02:00", "03:30", "04:30"), ("00:05", "01:35", "02:35"), ("23:08", "00:38", "01:38")],
)
def test_the_system_upgrades_itself_after_the_backup_whenever_that_is(
    backup: str, upgrades: str, reboot: str, tmp_path: Path
) -> None:
    """infrastructure C6, runtime 24 (docker/for-linux#1155): containers stopped in the morning."""
    source(tmp_path, f"write_upgrades {backup}")
    timer = (tmp_path / "etc/systemd/system/apt-daily-upgrade.timer.d/jira-plus-plus.conf").read_text()
    assert f"OnCalendar=\nOnCalendar=*-*-* {upgrades}:00 UTC\n" in timer, "and Debian's own is gone"
    assert "Persistent=false" in timer, "a server that was off does not make up for it at noon"
    apt = (tmp_path / "etc/apt/apt.conf.d/52jira-plus-plus").read_text()
    assert f'Automatic-Reboot-Time "{reboot}";' in apt


DOCKER = """
sleep() { :; }
docker() {
  case $* in
    inspect*RestartPolicy*) [[ -n $STATE ]] && echo "$STATE" ;;
    inspect*) echo "/web was killed: started again" ;;
    events*event=stop*) echo "$ASKED" ;;
    events*) printf '%s\n' 'a1 1700000000 oom web' 'a1 1700000000 die web' ;;
    start*) echo "$*" >&2 ;;
  esac
}"""


@pytest.mark.parametrize(
    ("state", "asked", "started"),
    [
        ("exited unless-stopped", "", True),
        ("exited unless-stopped", "container stop a1", False),  # `docker stop`, autoheal, the provider
        ("running unless-stopped", "", False),  # a crash: Docker itself has started it
        ("exited no", "", False),  # a job
        ("", "", False),  # removed
    ],
)
def test_what_died_is_started_again_unless_it_was_stopped(
    tmp_path: Path, state: str, asked: str, started: bool
) -> None:
    done = source(tmp_path, f"STATE='{state}' ASKED='{asked}'; revive; wait", DOCKER)
    assert done.returncode == 0
    assert done.stderr == ("start a1\n" if started else "")
    assert done.stdout == ("/web was killed: started again\n" if started else "")
    noted = (tmp_path / "run/jira-plus-plus/ends").read_text()
    assert noted == "oom web\ndie web\n", "host-metrics.sh counts them"


RESTARTED = """
systemctl() {
  if [[ $* == *ExecMain* ]]; then echo 2026-11-28 17:31:31 UTC; else echo 2026-11-28 17:32:02 UTC; fi
}
docker() {
  case $* in
    ps*) echo a1 ;;
    inspect*RestartPolicy*) echo "$STATE" ;;
    inspect*) echo "/web was stopped by a daemon that began: started again" ;;
    start*) echo "$*" >&2 ;;
  esac
}"""


@pytest.mark.parametrize(
    ("state", "started"),
    [
        ("2026-11-28T17:31:58.746898723Z unless-stopped", True),
        ("2026-11-28T17:31:20.5Z unless-stopped", False),  # before: whoever stopped it, it stays so
        ("2026-11-28T17:32:09.5Z unless-stopped", False),  # after: it could be asked by then
        ("2026-11-28T17:31:58.7Z no", False),  # a job
    ],
)
def test_what_a_daemon_stopped_as_it_began_is_started_again(
    tmp_path: Path, state: str, started: bool
) -> None:
    """After a kill of dockerd: nobody could have asked it to."""
    done = source(tmp_path, f"STATE='{state}'; revive_stopped", RESTARTED)
    assert done.returncode == 0
    assert done.stderr == ("start a1\n" if started else "")


def test_root_may_log_in_only_where_the_owner_of_a_server_does_and_then_by_key(tmp_path: Path) -> None:
    source(tmp_path, "write_ssh deploy root")
    lines = (tmp_path / "etc/ssh/sshd_config.d/10-jira-plus-plus.conf").read_text().splitlines()
    assert lines[0] == "PermitRootLogin prohibit-password"
    assert "AllowUsers deploy root" in lines
    source(tmp_path, "write_ssh deploy groot")
    lines = (tmp_path / "etc/ssh/sshd_config.d/10-jira-plus-plus.conf").read_text().splitlines()
    assert lines[0] == "PermitRootLogin no", "a user whose name contains root is not root"


def test_a_key_that_left_the_settings_leaves_the_server(tmp_path: Path) -> None:
    source(tmp_path, "write_authorized_keys 'ssh-ed25519 A ada' 'ssh-ed25519 B bob'")
    source(tmp_path, "write_authorized_keys 'ssh-ed25519 B bob'")
    assert (tmp_path / "etc/ssh/authorized_keys.d/deploy").read_text() == "ssh-ed25519 B bob\n"


@pytest.mark.parametrize(
    ("os_release", "found"),
    [
        ('ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n', "12\n"),
        ('ID=debian\nVERSION_ID="13"\nPRETTY_NAME="Debian GNU/Linux 13 (trixie)"\n', "13\n"),
        ('ID=debian\nVERSION_ID="11"\nPRETTY_NAME="Debian GNU/Linux 11 (bullseye)"\n', None),
        ('ID=debian\nPRETTY_NAME="Debian GNU/Linux forky/sid"\n', None),
        ('ID=ubuntu\nVERSION_ID="24.04"\nPRETTY_NAME="Ubuntu 24.04.3 LTS"\n', None),
    ],
)
def test_debian_12_and_13_are_taken_and_another_system_is_named(
    tmp_path: Path, os_release: str, found: str | None
) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/os-release").write_text(os_release)
    done = source(tmp_path, "release")
    if found:
        assert (done.returncode, done.stdout) == (0, found), done.stderr
    else:
        name = os_release.split('PRETTY_NAME="')[1].rstrip('"\n')
        assert done.returncode == 1
        assert done.stderr == (
            f"ERROR: needs Debian 12 or 13, and this is {name}: install Debian 13, and deploy again\n"
        )


APT = """
apt() { echo "apt $*"; }
installed() { [[ $1 != docker* ]]; }
command() { case $2 in dockerd|docker) [[ $HAS == *" $2 "* ]] ;; *) builtin command "$@" ;; esac; }
"""


@pytest.mark.parametrize(
    ("release", "has", "missing"),
    [
        ("12", "", "docker.io"),
        ("13", "", "docker.io docker-cli"),
        ("13", " dockerd ", "docker-cli"),
        ("13", " dockerd docker ", ""),  # Docker's own packages
        ("12", " dockerd docker ", ""),
    ],
)
def test_docker_and_its_client_are_installed_by_the_packages_of_the_release(
    tmp_path: Path, release: str, has: str, missing: str
) -> None:
    done = source(tmp_path, f"HAS='{has}'; install_packages {release}", APT)
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stdout.splitlines() if line.startswith("apt install")] == (
        [f"apt install --no-install-recommends {missing}"] if missing else []
    )


REFUSE = "asked() { echo 'swapon: /swapfile: swapon failed: Operation not permitted' >&2; return 1; }"


def test_what_a_containers_kernel_refuses_is_a_warning(tmp_path: Path) -> None:
    done = source(tmp_path, "kernel swap asked || echo refused", REFUSE, "in_container() { true; }")
    assert done.returncode == 0
    assert done.stdout == "refused\n"
    assert done.stderr.startswith("WARNING: swap: refused by the kernel of this container: swapon: ")


def test_the_same_refusal_on_a_real_machine_is_a_failure(tmp_path: Path) -> None:
    done = source(tmp_path, "kernel swap asked || echo refused", REFUSE, "in_container() { false; }")
    assert done.returncode == 1
    assert done.stdout == "", "nothing after it may run"
    assert done.stderr.startswith("ERROR: swap: swapon: ")


def test_another_error_is_a_failure_in_a_container_too(tmp_path: Path) -> None:
    asked = "asked() { echo 'no space left on device' >&2; return 1; }"
    done = source(tmp_path, "kernel swap asked || echo refused", asked, "in_container() { true; }")
    assert done.returncode == 1
    assert done.stderr == "ERROR: swap: no space left on device\n"


SYSTEMCTL = """
systemctl() {
  case $1 in
    is-active) return "$INACTIVE" ;;
    show) echo "$STARTED" ;;
    *) echo "systemctl $*" ;;
  esac
}"""


@pytest.mark.parametrize(
    ("inactive", "started", "expected"),
    [
        (0, "2001-01-01 00:00:00 UTC", "restarting docker: FILE is newer\nsystemctl restart docker\n"),
        (0, "2100-01-01 00:00:00 UTC", ""),
        (1, "", "systemctl start docker\n"),
    ],
)
def test_a_service_is_restarted_when_it_started_before_its_configuration(
    tmp_path: Path, inactive: int, started: str, expected: str
) -> None:
    file = tmp_path / "daemon.json"
    file.touch()
    variables = f"INACTIVE={inactive} STARTED='{started}'"
    done = source(tmp_path, f"{variables}; restart_if_older docker {file}", SYSTEMCTL)
    assert done.returncode == 0, done.stderr
    assert done.stdout == expected.replace("FILE", str(file))


@pytest.mark.parametrize(
    ("code", "warning"),
    [
        (0, ""),
        (1, "WARNING: cloud-init ended with code 1: status: x ; see /var/log/cloud-init-output.log\n"),
        (2, "WARNING: cloud-init ended with code 2: status: x ; see /var/log/cloud-init-output.log\n"),
    ],
)
def test_cloud_inits_end_is_awaited_and_its_errors_are_left_to_this_run(
    tmp_path: Path, code: int, warning: str
) -> None:
    tool = f"cloud-init() {{ case $* in 'status --wait') return {code} ;; *) echo 'status: x' ;; esac; }}"
    done = source(tmp_path, "wait_for_cloud_init", tool)
    assert done.returncode == 0, "a failed step of the first boot is made good, or named, by this run"
    assert done.stderr == warning


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "--swap-mb must be a number of MiB, is ''"),
        (("--swap-mb", "2G"), "--swap-mb must be a number of MiB, is '2G'"),
        (("--swap", "2048"), "unknown argument: --swap"),
        (("--swap-mb", "0", "--backup-at", "2 am"), "--backup-at must be a time of day HH:MM, is '2 am'"),
    ],
)
def test_a_wrong_argument_stops_before_anything_is_done(arguments: tuple[str, ...], message: str) -> None:
    done = subprocess.run(
        ["bash", "-s", "--", *arguments], input=SCRIPT.read_text(), capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr == f"ERROR: {message}\n"


def test_nothing_that_the_script_starts_can_eat_the_script(tmp_path: Path) -> None:
    """Over ssh it comes on stdin, and a child that reads stdin would swallow what is left of it."""
    text = SCRIPT.read_text().replace(
        "main() {\n", 'main() {\n  cat\n  echo "after the reader"\n  exit 7\n', 1
    )
    done = subprocess.run(["bash", "-s"], input=text, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (7, "after the reader\n")
