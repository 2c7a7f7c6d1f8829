"""The base of all images: a minimal Debian, bootstrapped from Debian's own packages."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import docker

from rehearsal.images import LABEL, ImageError, cache
from rehearsal.images.catalogue import Image


def bootstrap(client: docker.DockerClient, chosen: Image, tag: str, key: str) -> None:
    """Makes the base image under that tag; one that was cut off goes on with the packages that it had.

    Raises:
        ImageError: debootstrap is missing, not run as root, or failed.
    """
    if shutil.which("debootstrap") is None:
        raise ImageError("debootstrap is not on PATH, and all images rest on it; apt-get install debootstrap")
    if os.geteuid() != 0:
        raise ImageError(
            "debootstrap makes device nodes and changes root, which only root may; run this as root"
        )
    for left in cache().glob("base-*"):
        shutil.rmtree(left)
    packages = cache() / "packages"
    packages.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache(), prefix="base-") as folder:
        archive = Path(folder, "base.tar")
        script = [str(chosen.context / "bootstrap.sh"), chosen.suite, folder, str(archive), str(packages)]
        done = subprocess.run(
            # What debootstrap mounts is seen by it alone, and gone with it, even if it is killed.
            ["nice", "-n", "10", "unshare", "--mount", *script],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            last = "\n".join((done.stdout + done.stderr).strip().splitlines()[-10:])
            raise ImageError(f"{chosen.context / 'bootstrap.sh'} failed with {done.returncode}:\n{last}")
        repository, _, version = tag.rpartition(":")
        client.api.import_image_from_file(
            str(archive),
            repository,
            version,
            changes=[f"LABEL {LABEL}=image {LABEL}.key={key}", 'CMD ["bash"]'],
        )
