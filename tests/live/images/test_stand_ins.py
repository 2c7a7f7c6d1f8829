"""A stand-in holds no more than its contract, and is set up as the original is."""

from __future__ import annotations

import docker
import pytest

from rehearsal.images import builder, catalogue, contract, inspection
from rehearsal.images.contents import Contents, contents
from rehearsal.images.contract import APPLICATION, Contract

pytestmark = pytest.mark.live

STAND_INS = [name for name in contract.names() if name != APPLICATION]
ALPINE = [name for name in STAND_INS if contract.load(name).applets_of]
LOADERS = ("/lib/ld-musl-x86_64.so.1", "/lib64/ld-linux-x86-64.so.2")
"""Nobody calls them by name: musl's own, and that of what was taken from Debian's packages."""
GNU = ("bash", "perl", "python3", "apt-get", "dpkg", "gawk", "mawk", "getopt.gnu", "tar.gnu")


@pytest.fixture(params=STAND_INS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def held(name: str) -> Contract:
    return contract.load(name)


@pytest.fixture
def there(client: docker.DockerClient, images: dict[str, str], name: str) -> Contents:
    return contents(client, images[name])


def test_there_is_a_stand_in_for_each_contract() -> None:
    assert set(STAND_INS) <= {image.name for image in catalogue.IMAGES}


def test_nothing_can_be_executed_in_it_that_the_contract_does_not_have(
    there: Contents, held: Contract
) -> None:
    allowed = {*held.allowed_files(), *held.paths, *LOADERS}
    executables = {held.real(path) for path in there.executables()}
    if not held.applets_of:  # a Debian has more beside it, which nobody can call by its name
        folders = {held.real(folder) for folder in held.environment.get("PATH", "/").split(":")}
        executables = {path for path in executables if path.rpartition("/")[0] in folders}
    assert sorted(executables - allowed) == []


def test_what_the_program_may_call_is_there_or_the_contract_says_that_it_is_left_out(
    client: docker.DockerClient, images: dict[str, str], name: str, held: Contract
) -> None:
    found = inspection.breaches(client, images[name], held)
    assert [text for text in found if not text.startswith(LESS)] == []


LESS = ("programs that are not there", "version:", "variable HAPROXY_VERSION")
"""A stand-in may hold less than the original; what it holds of another version has its recorded reason."""


@pytest.mark.parametrize("name", ALPINE)
def test_an_alpine_has_busybox_for_a_shell_and_nothing_of_gnu(there: Contents, held: Contract) -> None:
    assert there.real("/bin/sh") == "/bin/busybox"
    names = {path.rpartition("/")[2] for path in there.executables()}
    assert names & set(GNU) == {"bash"} & {path.rpartition("/")[2] for path in held.shells}


@pytest.mark.parametrize("name", ALPINE)
def test_an_alpine_has_every_applet_of_its_contract(there: Contents, held: Contract) -> None:
    applets = {path for path in held.callable_files() if held.is_applet(path)}
    missing = {path.rpartition("/")[2] for path in applets if not there.executable(path)}
    # Programs of Alpine's own in the same folders: its package manager, musl's tools, and for TLS; and what
    # 3.13 has and 3.23 has no more.
    others = {"apk", "getconf", "getent", "iconv", "ldconfig", "ldd", "scanelf", "ssl_client"}
    assert missing <= others | {"blkdiscard", "ed", "mkmntdirs"}


@pytest.mark.parametrize("name", ["watchtower"])
def test_from_nothing_there_is_one_program(there: Contents) -> None:
    assert there.executables() == {"/watchtower"}


OF_ANOTHER_VERSION = {image.name for image in catalogue.IMAGES if image.differs or image.within}
"""The catalogue has the reasons."""


@pytest.mark.parametrize("name", sorted(set(STAND_INS) - OF_ANOTHER_VERSION))
def test_a_stand_in_of_the_stack_files_version_tells_it(
    client: docker.DockerClient, images: dict[str, str], name: str, held: Contract
) -> None:
    told = [text for text in inspection.breaches(client, images[name], held) if text.startswith("version:")]
    assert told == []


def test_the_images_of_the_stack_files_are_tagged_with_their_version(images: dict[str, str]) -> None:
    for name in STAND_INS:
        assert images[name].startswith(f"{builder.REPOSITORY}/{name}:{catalogue.image(name).version}-")
