"""npm packages, and what npm builds, made on this machine and kept by content beside the Go programs.

A run that was killed leaves what it had downloaded in npm's own cache, and no folder that looks whole.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

from rehearsal.images import ImageError, cache
from rehearsal.images.catalogue import Image


def packages(chosen: Image, development: bool = True) -> Path:
    """`node_modules` as the image's package-lock.json pins it, with or without what only its build needs.

    Raises:
        ImageError: npm is not there or failed; the text holds the end of what it said.
    """
    lock = chosen.context / "package-lock.json"
    kind = "" if development else "-production"
    folder = cache() / "npm" / f"{hashlib.sha256(lock.read_bytes()).hexdigest()[:16]}{kind}"
    if not folder.exists():
        unfinished = folder.with_suffix(".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy2(chosen.context / name, unfinished / name)
        _npm(chosen, unfinished, "ci", "--ignore-scripts", *([] if development else ["--omit=dev"]))
        unfinished.rename(folder)
    return folder / "node_modules"


def product(chosen: Image, key: str) -> Path:
    """`dist` as `npm run build` makes it of the image's sources, whose content hash is `key`.

    Raises:
        ImageError: npm is not there, or the build failed.
    """
    folder = cache() / "npm" / f"{chosen.name}-{key}"
    if not (folder / "built").exists():
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(
            chosen.context, folder, ignore=shutil.ignore_patterns("node_modules", "dist"), dirs_exist_ok=True
        )
        # Bundlers resolve packages from a file's real path, so a link to the packages would do only for some.
        shutil.copytree(packages(chosen), folder / "node_modules", symlinks=True)
        _npm(chosen, folder, "run", "build")
        shutil.rmtree(folder / "node_modules")
        (folder / "built").touch()
    return folder / "dist"


def _npm(chosen: Image, folder: Path, *arguments: str) -> None:
    try:
        ran = subprocess.run(
            ["npm", *arguments, "--no-audit", "--no-fund"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        raise ImageError(
            f"npm is not on PATH, and the {chosen.name} image is made with it; install Node.js 20"
        ) from None
    if ran.returncode:
        raise ImageError(
            f"npm {' '.join(arguments)} for {chosen.name} failed:\n{(ran.stdout + ran.stderr)[-2000:]}"
        )
