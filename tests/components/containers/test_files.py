"""Files for containers: named by content, written whole, private, and kept while someone needs them."""

import hashlib
import io
import os
import shlex
import stat
import subprocess
import tarfile
import time
from pathlib import Path

import pytest

from components.containers.files import archive, digest, folders, removal, script
from components.containers.packed import pack
from rehearsal.declared.platform import commands, declared

FILES = {"/run/secrets/DATABASE_URL": "postgresql://x", "/etc/jira/roles.sh": "#!/bin/sh\necho 'ü'\n"}
USER = f"{os.getuid()}:{os.getgid()}"


def write(
    folder: Path, files: dict[str, str] = FILES, owner: str = USER
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["sh", "-s", "--", str(folder), owner],
        input=script(files),
        text=True,
        check=False,
        capture_output=True,
    )


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize(
    "other",
    [
        ({**FILES, "/etc/jira/roles.sh": "#!/bin/sh\n"}, "1:1"),
        ({**FILES, "/etc/jira/more": ""}, "1:1"),
        (
            {
                "/run/secrets/DATABASE_URL": "postgresql://x",
                "/etc/jira/roles2.sh": FILES["/etc/jira/roles.sh"],
            },
            "1:1",
        ),
        (FILES, "2:2"),
    ],
    ids=["content", "another file", "path", "owner"],
)
def test_the_name_changes_with(other: tuple[dict[str, str], str]) -> None:
    assert digest(*other) != digest(FILES, "1:1")


def test_the_name_does_not_depend_on_the_order() -> None:
    assert digest(dict(reversed(FILES.items())), "1:1") == digest(FILES, "1:1")


def test_the_archive_is_the_same_for_the_same_files_and_holds_them() -> None:
    assert archive(FILES) == archive(dict(reversed(FILES.items())))
    with tarfile.open(fileobj=io.BytesIO(archive(FILES))) as tar:
        found = {f"/{m.name}": tar.extractfile(m).read().decode() for m in tar}  # type: ignore[union-attr]
    assert found == FILES


def test_what_is_packed_is_the_same_wherever_the_program_runs() -> None:
    """Else a colleague's preview would have a change to each container's files."""
    packed = pack(archive({"/run/secrets/DATABASE_URL": "postgresql://x"}))
    assert hashlib.sha256(packed.encode()).hexdigest()[:12] == "8feb3133dd10"


def test_each_folder_is_one_mount() -> None:
    assert folders({"/a/x": "", "/a/y": "", "/b/c/z": ""}) == ["/a", "/b/c"]


def test_a_folder_in_a_folder_is_refused() -> None:
    with pytest.raises(ValueError, match="/etc/a/b lies in /etc/a"):
        folders({"/etc/a/x": "", "/etc/a/b/y": ""})
    assert folders({"/etc/a/x": "", "/etc/ab/y": ""}) == ["/etc/a", "/etc/ab"], (
        "a like name is no folder in it"
    )


def test_the_files_are_written_with_their_content(tmp_path: Path) -> None:
    folder = tmp_path / "files" / "api-0123456789ab"
    assert write(folder).returncode == 0
    for path, content in FILES.items():
        assert (folder / path.lstrip("/")).read_text() == content
    assert [p.name for p in folder.parent.iterdir()] == [folder.name], "nothing is left of the writing"


@pytest.mark.skipif(os.getuid() != 0, reason="needs root: gives files to another user")
def test_as_root_they_belong_to_the_containers_user_alone(tmp_path: Path) -> None:
    folder = tmp_path / "files" / "api-0123456789ab"
    assert write(folder, owner="1000:1001").returncode == 0
    for path in (folder, *folder.rglob("*")):
        assert (path.stat().st_uid, path.stat().st_gid) == (1000, 1001), path
        assert mode(path) == (0o500 if path.is_dir() else 0o400), path


def test_without_root_they_are_readable_in_a_folder_that_only_its_user_enters(tmp_path: Path) -> None:
    folder = tmp_path / "files" / "api-0123456789ab"
    identity = tmp_path / "id"
    identity.write_text("#!/bin/sh\necho 1000\n")
    identity.chmod(0o755)
    subprocess.run(
        ["sh", "-s", "--", str(folder), "999:999"],
        input=script(FILES),
        text=True,
        check=True,
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
    )
    assert mode(folder.parent) == 0o700, "others on this machine must not read the secrets"
    assert mode(folder / "run/secrets/DATABASE_URL") == 0o444, "the container's user is another one"


def test_what_is_there_stays_untouched(tmp_path: Path) -> None:
    folder = tmp_path / "files" / "api-0123456789ab"
    write(folder)
    inode = (folder / "etc/jira/roles.sh").stat().st_ino
    assert write(folder).returncode == 0
    assert (folder / "etc/jira/roles.sh").stat().st_ino == inode, "a running container has it mounted"


def test_a_write_that_fails_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "files" / "api-0123456789ab"
    broken = script(FILES).replace("QlpoOT", "QlpoOU")
    assert broken != script(FILES)
    result = subprocess.run(
        ["sh", "-s", "--", str(folder), USER], input=broken, text=True, check=False, capture_output=True
    )
    assert result.returncode != 0
    assert list(folder.parent.iterdir()) == [], "a folder that is there counts as right"


def fake_docker(tmp_path: Path, sources: list[str]) -> dict[str, str]:
    """A Docker with one container for each source that is mounted, and Docker's answer to our format."""
    docker = tmp_path / "docker"
    listing = "\n".join(f"{source}/" for source in sources)
    docker.write_text(
        f"""#!/bin/sh
sources={shlex.quote(listing)}
case $1 in
  ps) [ -z "$sources" ] || echo 0123456789ab ;;
  inspect) echo "$sources" ;;
esac
"""
    )
    docker.chmod(0o755)
    return {"PATH": f"{tmp_path}:/usr/bin:/bin", "IN_USE_SECONDS": "0"}


@pytest.mark.parametrize(
    ("mounted", "stays"),
    [
        ([], False),
        (["{folder}/run/secrets"], True),
        (["{folder}"], True),
        (["{folder}9/run/secrets"], False),
        (["/elsewhere"], False),
    ],
    ids=["no container", "mounted", "mounted whole", "another of like name mounted", "others mounted"],
)
def test_the_folder_goes_unless_a_container_mounts_it(
    tmp_path: Path, mounted: list[str], stays: bool
) -> None:
    folder = tmp_path / "files" / "api-0123456789ab"
    write(folder)
    environment = fake_docker(tmp_path, [source.format(folder=folder) for source in mounted])
    subprocess.run(["sh", "-c", removal(str(folder), "")], env=environment, check=True)
    assert folder.exists() == stays
    assert folder.parent.exists() == stays, "the last one leaves no empty folder"


def test_the_folder_of_a_container_that_still_drains_goes_with_it(tmp_path: Path) -> None:
    """With a refresh the engine deletes a container and its files side by side."""
    folder = tmp_path / "files" / "api-0123456789ab"
    write(folder)
    environment = fake_docker(tmp_path, [str(folder)]) | {"IN_USE_SECONDS": "30"}
    removing = subprocess.Popen(["sh", "-c", removal(str(folder), "")], env=environment)
    time.sleep(1.5)
    assert folder.exists()
    fake_docker(tmp_path, [])
    assert removing.wait(timeout=30) == 0
    assert not folder.exists()


def test_a_docker_that_does_not_answer_keeps_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "files" / "api-0123456789ab"
    write(folder)
    docker = tmp_path / "docker"
    docker.write_text("#!/bin/sh\nexit 1\n")
    docker.chmod(0o755)
    result = subprocess.run(
        ["sh", "-c", removal(str(folder), "")], env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, check=False
    )
    assert result.returncode != 0
    assert folder.exists()


def test_the_commands_carry_content_on_stdin_only() -> None:
    for name, command in commands(declared("uat")).items():
        if name.endswith("-files"):
            assert "stdin" in command.secrets, f"{name}: its content would show in the preview"
            assert set(command.secrets) <= {"stdin", "connection"}, "the rest is to be read in a diff"
            assert command.inputs["create"].startswith("sudo sh -s -- /srv/jira/files/")
            assert command.inputs["triggers"], "a changed content is a new folder"


def test_a_container_mounts_the_folder_of_its_files_read_only() -> None:
    from rehearsal.declared.platform import containers

    api = containers(declared("uat"))["api"].inputs["mounts"]
    folder = commands(declared("uat"))["api-files"].inputs["create"].split()[4]
    assert {(m["source"], m["target"], m["readOnly"]) for m in api} == {
        (f"{folder}/run/jira", "/run/jira", True),
        (f"{folder}/run/secrets", "/run/secrets", True),
    }
