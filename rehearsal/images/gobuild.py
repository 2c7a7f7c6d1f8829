"""Compiles Go programs from pinned modules, once per content."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

from operations import golang
from rehearsal.images import ImageError, cache
from rehearsal.images.catalogue import GoFiles, GoProgram, Image, image


def program_key(owner: Image, program: GoProgram) -> str:
    """What the compiled program depends on: its sources (by go.sum) and how it is linked."""
    folder = _manifest(owner, program)
    sources = [folder / "go.mod", folder / "go.sum", *sorted(folder.rglob("*.go"))]
    overlay = program.overlay or ()
    told = "\n".join((program.package, *program.variables, *overlay, *map(_read, sources)))
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def files_key(owner: Image, files: GoFiles) -> str:
    """What the copied files depend on: the module's version and checksum, which go.sum has."""
    told = "\n".join((files.path, files.target, _read(_manifest(owner, files) / "go.sum")))
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def compiled(owner: Image, program: GoProgram, say: golang.Say) -> Path:
    """The program, from the cache or compiled now (minutes, for the large ones).

    Raises:
        ImageError: no fitting Go is to be had, or the build failed.
    """
    binary = cache() / "go" / program_key(owner, program) / program.binary
    if not binary.exists():
        linker = " ".join(f"-X {variable}" for variable in program.variables)
        folder = _manifest(owner, program)
        try:
            golang.build(
                program.binary,
                folder,
                program.package,
                binary,
                linker,
                say,
                niceness=golang.NICENESS,
                changed=_changed(folder, program),
            )
        except (golang.GoMissing, golang.BuildFailed) as error:
            raise ImageError(f"{program.package} in {folder} was not built: {error}") from None
    return binary


def _changed(folder: Path, program: GoProgram) -> golang.Changed | None:
    """The file of a module that is compiled with another in its place."""
    if program.overlay is None:
        return None
    module, path, file = program.overlay
    return golang.Changed(module, _module(folder, module), path, folder / file)


def module_files(owner: Image, files: GoFiles) -> Path:
    """Where the files lie in Go's module cache, downloaded if they are not there yet."""
    folder = _manifest(owner, files)
    return _module(folder, files.module) / files.path


def _module(folder: Path, module: str) -> Path:
    """Where it lies in Go's module cache, downloaded if it is not there yet."""
    _go(folder, "mod", "download", module)
    return Path(_go(folder, "list", "-m", "-f", "{{.Dir}}", module).strip())


def _manifest(owner: Image, part: GoProgram | GoFiles) -> Path:
    return image(part.manifest).context if part.manifest else owner.context


def _go(folder: Path, *arguments: str) -> str:
    try:
        go = golang.command()
    except golang.GoMissing as error:
        raise ImageError(str(error)) from None
    done = subprocess.run(
        ["nice", "-n", str(golang.NICENESS), go, *arguments],
        cwd=folder,
        env=golang.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        last = "\n".join(done.stderr.strip().splitlines()[-15:])
        raise ImageError(f"go {arguments[0]} in {folder} failed:\n{last}")
    return done.stdout


def _read(path: Path) -> str:
    return path.read_text()
