"""Where data lies: on the data disk, which must be mounted, or in a volume that its user may write to."""

from components.containers.storage import take_over
from rehearsal.declared.platform import commands, containers, declare, declared


def mounts(stack: str, service: str) -> list[dict[str, object]]:
    return [m for m in containers(declared(stack))[service].inputs["mounts"] if not m.get("readOnly")]


def test_on_a_server_the_database_lies_in_a_folder_of_the_data_disk() -> None:
    folder = {
        "type": "bind",
        "source": "/mnt/data/postgres",
        "target": "/var/lib/postgresql/data",
        "readOnly": False,
    }
    assert mounts("uat", "postgres") == [folder], (
        "a bind mount: Docker refuses it where the disk, and with it the folder, is missing"
    )
    socket = {"source": "/srv/jira/postgres-socket", "target": "/var/run/postgresql", "readOnly": False}
    assert mounts("prod", "postgres") == [folder, {"type": "bind", **socket}], "whose log is archived"
    theirs = {m["source"]: m["readOnly"] for m in containers(declared("prod"))["backup"].inputs["mounts"]}
    assert theirs["/mnt/data/postgres"], "the backup reads the cluster's files"


def test_its_folder_belongs_to_it_alone_and_is_never_removed() -> None:
    command = commands(declared("uat"))["postgres-data-owner"].inputs
    assert command["create"] == (
        "sudo install --directory --mode=0700 --owner=999 --group=999 /mnt/data/postgres"
    )
    assert "delete" not in command


def test_certificates_lie_on_the_data_disk_and_backups_on_another() -> None:
    acme = containers(declare("uat", {"tls.mode": "dns-01", "tls.acme_email": "ops@example.com"}))
    written = [m["source"] for m in acme["traefik"].inputs["mounts"] if not m.get("readOnly")]
    assert written == ["/mnt/data/traefik"], (
        "a server that is replaced keeps its certificates, of which there are few a week"
    )
    assert [m["source"] for m in mounts("uat", "backup")] == ["/srv/jira/backups"]


def test_on_this_machine_data_lie_in_volumes() -> None:
    assert [(m["type"], m["source"]) for m in mounts("local", "postgres")] == [
        ("volume", "postgres-data-0a1b2c3")
    ]
    assert [(m["type"], m["source"]) for m in mounts("local", "backup")] == [
        ("volume", "backup-dumps-0a1b2c3")
    ]


def test_a_volume_is_given_to_its_user_with_the_one_capability_that_it_takes() -> None:
    assert take_over("data", "sha256:0", "999:999") == (
        "docker run --rm --pull=never --network=none --user=0:0 --read-only --cap-drop=ALL --cap-add=CHOWN"
        " --security-opt=no-new-privileges:true --mount=type=volume,source=data,target=/data,volume-nocopy"
        " --entrypoint=chown sha256:0 999:999 /data"
    )
    assert commands(declared("local"))["postgres-data-owner"].inputs["create"] == take_over(
        "postgres-data-0a1b2c3", "sha256:image-postgres", "999:999"
    )
