"""Whether what the program starts in an image is what the image's contract has."""

from __future__ import annotations

import re
from collections.abc import Iterator

from components.containers.process import SECRETS, SHIM
from components.settings.images import parse
from rehearsal.declared.processes import Process
from rehearsal.declared.programs import Trace, Use, own_arguments
from rehearsal.images import contract
from rehearsal.images.contract import APPLICATION, Contract
from rehearsal.images.stack_images import APPLICATION as APPLICATION_IMAGES

_ALWAYS_THERE = ("/dev", "/proc", "/sys")
_NO_PATH = re.compile(r"[^A-Za-z0-9._/@+-]")
"""What shows that a word is a pattern or an expression."""


def contract_of(process: Process) -> Contract:
    """The contract of its image."""
    return contract.load(APPLICATION if process.key in APPLICATION_IMAGES else process.key)


def findings(process: Process, held: Contract) -> list[str]:
    """What of `process` the contract does not have; each says where, what, and in which image."""
    trace = Trace(held, process.files)
    trace.follow(process.command or (*held.entrypoint, *held.command), "command line")
    trace.follow(process.health, "health check")
    found = [
        *_version(process, held),
        *_user(process, held),
        *_environment(process, held, trace),
        *trace.errors,
        *(text for use in trace.uses for text in _program(use, process, held)),
        *_paths(process, held, trace),
    ]
    return [f"{process.name}: {text}, in {process.image.partition('@')[0]}" for text in dict.fromkeys(found)]


def _version(process: Process, held: Contract) -> Iterator[str]:
    if not held.image:
        return
    image = parse(process.image)
    if (image.repository, image.tag) != (held.image, held.version):
        yield (
            f"the contract was read from {held.image}:{held.version}; read the sources of {image.tag} and"
            f" write down what changed in rehearsal/images/contracts/{process.key}.yaml"
        )


def _user(process: Process, held: Contract) -> Iterator[str]:
    user = process.user or held.user_numbers
    if held.runs_as != "any" and user not in held.runs_as:
        yield f"it runs as {user}; the image works as {' or '.join(held.runs_as)}"


def _environment(process: Process, held: Contract, trace: Trace) -> Iterator[str]:
    secrets = {
        path.removeprefix(f"{SECRETS}/"): content
        for path, content in process.files.items()
        if path.startswith(f"{SECRETS}/") and SHIM in process.files
    }
    for name, value in (dict(process.environment) | secrets).items():
        pattern = held.settings.get(name)
        if pattern is not None and not re.fullmatch(pattern, value):
            shown = "its value" if name in secrets else repr(value)
            yield f"the variable {name}: {shown} is not like {pattern}"
        elif pattern is None and held.closed and name not in trace.variables:
            yield f"the variable {name}: neither the image nor a script knows it"


def _program(use: Use, process: Process, held: Contract) -> Iterator[str]:
    if use.program is None:
        yield f"{use.where}: which program is run cannot be told"
    elif use.program in process.files:
        yield f"{use.where}: {use.program} is mounted without the right to execute it"
    elif (lent := _lender(use.program, process, held)) is not None:
        yield from _lent(use, *lent)
    elif (path := held.find(use.program)) is None:
        yield f"{use.where}: there is no {use.program}"
    elif held.is_applet(path):
        for word in own_arguments(use, shell=held.shell(use.program) is not None):
            if word.text and re.match(r"--[a-z]", word.text):
                yield f"{use.where}: {use.program} is BusyBox', which does not promise {word.text}"


def _lender(program: str, process: Process, held: Contract) -> tuple[Contract, str] | None:
    """The image that a volume brings the program from, and the program's path there."""
    if "/" not in program and held.find(program) is not None:
        return None
    searched = process.environment.get("PATH", "").split(":")
    for path in (program,) if "/" in program else [f"{folder}/{program}" for folder in searched]:
        for place, lent in process.borrowed.items():
            if path.startswith(f"{place}/") and lent.key not in APPLICATION_IMAGES:
                return contract.load(lent.key), lent.folder + path.removeprefix(place)
    return None


def _lent(use: Use, lender: Contract, path: str) -> Iterator[str]:
    if lender.find(path) is None:
        yield f"{use.where}: there is no {path} in {lender.image}, from where it is mounted"
    elif path == lender.applets_of and use.arguments:
        applet = use.arguments[0].text or ""
        if lender.find(applet) is None:
            yield f"{use.where}: BusyBox of {lender.image} has no {applet}"


def _paths(process: Process, held: Contract, trace: Trace) -> Iterator[str]:
    named = [(value, f"the variable {name}") for name, value in process.environment.items()]
    named += [
        (word.text.rpartition("=")[2], where)
        for word, where in trace.words
        # The shim takes a folder of secrets that is not there for one that is empty.
        if word.text is not None and not where.startswith(SHIM)
    ]
    mounted = (*process.places, *process.files, *_ALWAYS_THERE)
    for text, where in named:
        if not text.startswith("/") or text == "/" or _NO_PATH.search(text):
            continue
        path = text.rstrip("/")
        if path.startswith(("/dev/tcp/", "/dev/udp/")):
            if not any(dialect == "bash" for dialect in held.shells.values()):
                yield f"{where}: {path} is bash's, and there is none"
            continue
        known = any(path == place or path.startswith(f"{place}/") for place in mounted)
        above = any(place.startswith(f"{path}/") for place in mounted)
        if not known and not above and not held.holds(path):
            yield f"{where}: there is no {path}"
