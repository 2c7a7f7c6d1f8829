"""SSH keys: unique by name and by fingerprint, and really keys."""

from __future__ import annotations

import pytest

from rehearsal.cloud.hetzner.ssh_keys import fingerprint
from tests.rehearsal.cloud.harness import Embedded, public_key

# Made for this test with ssh-keygen, which gave the fingerprint below with `-l -E md5`.
KNOWN = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOLeTtLVG12lsvWf2EXEXDBrRZvtnRaSbrQslSnAUNvc"


def test_the_fingerprint_is_the_one_of_ssh_keygen() -> None:
    assert fingerprint(KNOWN) == "e1:04:5e:be:9d:d8:77:03:6c:74:cf:b4:10:2b:ee:8d"


def test_the_official_client_makes_finds_changes_deletes(cloud: Embedded) -> None:
    made = cloud.hetzner.ssh_keys.create(name="deploy", public_key=public_key("me@here"), labels={"a": "b"})
    assert cloud.hetzner.ssh_keys.get_by_name("deploy").id == made.id
    assert cloud.hetzner.ssh_keys.get_by_fingerprint(made.fingerprint).id == made.id
    assert made.update(name="other").name == "other"
    assert made.delete()
    assert cloud.state()["empty"]


def test_name_and_fingerprint_are_unique(cloud: Embedded) -> None:
    key = public_key()
    cloud.good("POST", "/v1/ssh_keys", {"name": "a", "public_key": key})
    again = cloud.ask("POST", "/v1/ssh_keys", {"name": "b", "public_key": f"{key} another comment"})
    assert (again.status, again.code) == (409, "uniqueness_error")
    assert again.message == "SSH key with the same fingerprint already exists"
    named = cloud.ask("POST", "/v1/ssh_keys", {"name": "a", "public_key": public_key()})
    assert (named.status, named.code) == (409, "uniqueness_error")


@pytest.mark.parametrize(
    "broken",
    [
        "",
        "ssh-ed25519",
        "ssh-ed25519 AAAA",
        "ssh-ed25519 not-base64!",
        KNOWN[:-4],
        KNOWN.replace("ssh-ed25519", "ssh-rsa", 1),
        "-----BEGIN OPENSSH PRIVATE KEY-----",
    ],
)
def test_what_is_no_key_is_refused(cloud: Embedded, broken: str) -> None:
    answer = cloud.ask("POST", "/v1/ssh_keys", {"name": "a", "public_key": broken})
    assert (answer.status, answer.code) == (422, "invalid_input")


def test_a_server_keeps_the_key_of_a_deleted_one(cloud: Embedded) -> None:
    key = cloud.good("POST", "/v1/ssh_keys", {"name": "a", "public_key": public_key()})["ssh_key"]["id"]
    cloud.server(ssh_keys=[key])
    assert cloud.ask("DELETE", f"/v1/ssh_keys/{key}").status == 204
    assert cloud.ask("GET", f"/v1/ssh_keys/{key}").code == "not_found"
