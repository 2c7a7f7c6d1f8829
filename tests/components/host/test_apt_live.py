"""apt's locks, held by another process in a container as a server's maker leaves it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from docker import DockerClient
from docker.models.containers import Container

pytestmark = pytest.mark.live

SCRIPTS = Path(__file__).parents[3] / "components" / "host"
# Nothing is fetched: there is no source, and a package of our own.
PREPARE = r"""
rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/*
mkdir -p /x/DEBIAN
printf '%s\n' 'Package: nothing' 'Version: 1' 'Architecture: all' 'Maintainer: a <a@b.c>' \
  'Description: x' >/x/DEBIAN/control
dpkg-deb -b /x /nothing.deb >/dev/null
"""
HOLD = """
python3 -c 'import fcntl, sys, time
file = open(sys.argv[1], "w")
fcntl.lockf(file, fcntl.LOCK_EX)
time.sleep(float(sys.argv[2]))' {lock} {seconds} &
sleep 0.5
"""
BOOTSTRAP = ". /scripts/bootstrap.sh\n"
# The function alone: the script itself would make a user.
ADOPT = r"""sed -n '/^apt()/,/^}/p' /scripts/adopt.sh >/apt.sh; . /apt.sh
"""
LOCKS = {
    "/var/lib/apt/lists/lock": "update",
    "/var/cache/apt/archives/lock": "install /nothing.deb",
    "/var/lib/dpkg/lock-frontend": "install /nothing.deb",
    "/var/lib/dpkg/lock": "install /nothing.deb",
}


@pytest.fixture
def bare(client: DockerClient, built: Callable[..., dict[str, str]]) -> Callable[[str], tuple[int, str]]:
    image = built("bare_12")["bare_12"]

    def run(script: str) -> tuple[int, str]:
        container: Container = client.containers.run(
            image,
            entrypoint=["bash", "-c", PREPARE + script],
            network_mode="none",
            volumes={str(SCRIPTS): {"bind": "/scripts", "mode": "ro"}},
            labels={"jira-plus-plus": "apt-test"},
            detach=True,
        )
        try:
            return container.wait(timeout=120)["StatusCode"], container.logs().decode()
        finally:
            container.remove(force=True)

    return run


@pytest.mark.parametrize("lock", LOCKS)
@pytest.mark.parametrize("script", [BOOTSTRAP, ADOPT], ids=["bootstrap", "adopt"])
def test_whoever_holds_a_lock_of_apts_is_waited_for(
    bare: Callable[[str], tuple[int, str]], lock: str, script: str
) -> None:
    """infrastructure A8 (ansible-role-docker#159, netlab#2473): a timeout for one lock covers no other."""
    code, told = bare(HOLD.format(lock=lock, seconds=3) + script + f"apt {LOCKS[lock]} && echo done")
    assert code == 0, told
    assert told.splitlines()[-1] == "done"
    assert f"WARNING: waiting: Could not get lock {lock}. It is held by process" in told


@pytest.mark.parametrize("script", [BOOTSTRAP, ADOPT], ids=["bootstrap", "adopt"])
def test_the_wait_has_an_end_which_names_the_holder(
    bare: Callable[[str], tuple[int, str]], script: str
) -> None:
    """infrastructure A8."""
    lock = "/var/lib/apt/lists/lock"
    code, told = bare(
        f"APT_LOCK_SECONDS=2\n{HOLD.format(lock=lock, seconds=60)}{script}apt update; echo never"
    )
    assert code == 1
    assert "never" not in told
    assert "ERROR: apt-get update" in told
    assert f"Could not get lock {lock}. It is held by process" in told


@pytest.mark.parametrize("script", [BOOTSTRAP, ADOPT], ids=["bootstrap", "adopt"])
def test_another_failure_of_apts_is_told_at_once(bare: Callable[[str], tuple[int, str]], script: str) -> None:
    code, told = bare(f"{script}apt install no-such-package; echo never")
    assert code == 1
    assert "Unable to locate package no-such-package" in told
    assert "waiting" not in told
