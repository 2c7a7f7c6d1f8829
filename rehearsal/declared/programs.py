"""Which programs a command line starts: its own, those it hands over to, those its scripts call."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Protocol

from rehearsal.declared.shell import Script, ScriptError, Word, parse

# https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html#tag_19_15, and what dash adds.
_OF_POSIX = """. : [ alias bg break cd command continue echo eval exec exit export false fg getopts hash
jobs kill local printf pwd read readonly return set shift test times trap true type ulimit umask unalias unset
wait"""
# BusyBox 1.37, shell/ash.c, `builtintab` with Alpine's configuration.
_OF_ASH = "[[ chdir help history let source"
# bash 5.2: `compgen -b`.
_OF_BASH = """bind builtin caller compgen complete compopt declare dirs disown enable fc help history let
logout mapfile popd pushd readarray shopt source suspend typeset"""
_POSIX = frozenset(_OF_POSIX.split())
BUILTINS = {
    "posix": _POSIX,
    "dash": _POSIX,
    "ash": _POSIX.union(_OF_ASH.split()),
    "bash": _POSIX.union(_OF_BASH.split()),
}
"""What a shell does itself, by the shell."""

# What runs the command in its arguments: the options that take a value, and the words before that command.
_HANDS_OVER: dict[str, tuple[frozenset[str], int]] = {
    "builtin": (frozenset(), 0),
    "command": (frozenset(), 0),
    "env": (frozenset({"-u", "-C", "-S"}), 0),
    "exec": (frozenset({"-a"}), 0),
    "flock": (frozenset({"-w", "-E", "--wait", "--timeout"}), 1),
    "gosu": (frozenset(), 1),
    "ionice": (frozenset({"-c", "-n"}), 0),
    "nice": (frozenset({"-n"}), 0),
    "nohup": (frozenset(), 0),
    "setsid": (frozenset(), 0),
    "stdbuf": (frozenset({"-i", "-o", "-e"}), 0),
    "sudo": (frozenset({"-u", "-g"}), 0),
    "time": (frozenset({"-f", "-o"}), 0),
    "timeout": (frozenset({"-k", "-s"}), 1),
    "xargs": (frozenset({"-n", "-I", "-P", "-L", "-s", "-E", "-d"}), 0),
}


class Shells(Protocol):
    """Knows an image's shells."""

    def shell(self, program: str) -> str | None:
        """`posix`, `ash`, `dash` or `bash`; None if the program is none."""


@dataclass(frozen=True)
class Use:
    """A program that is started; `program` is None where that is known only at run time."""

    program: str | None
    arguments: tuple[Word, ...]
    where: str
    """`command line`, `health check`, or a script's path and line."""


def own_arguments(use: Use, *, shell: bool) -> tuple[Word, ...]:
    """The arguments that are the program's, without those of a script or a command that it runs."""
    if not shell and use.program not in _HANDS_OVER:
        return use.arguments
    end = next((i for i, word in enumerate(use.arguments) if not (word.text or "").startswith("-")), None)
    return use.arguments[:end]


@dataclass
class Trace:
    """What a command line leads to, in one image and with the files that are mounted there."""

    shells: Shells
    files: Mapping[str, str]
    uses: list[Use] = field(default_factory=list)
    words: list[tuple[Word, str]] = field(default_factory=list)
    """Every word, with where it stands."""
    variables: set[str] = field(default_factory=set)
    """Those that the scripts use."""
    errors: list[str] = field(default_factory=list)
    """What a shell of this image could not read."""
    _seen: set[tuple[str, tuple[Word, ...]]] = field(default_factory=set)

    def follow(self, command: Iterable[str], where: str) -> None:
        """Adds what the command line starts, by itself and through others."""
        words = tuple(Word(word) for word in command)
        self.words += [(word, where) for word in words]
        self._run(words, where, None)

    def _run(
        self,
        words: tuple[Word, ...],
        where: str,
        shell: str | None,
        functions: frozenset[str] = frozenset(),
    ) -> None:
        """One command, as `shell` runs it; None: as the kernel does, which knows no builtin."""
        if not words:
            return
        name = words[0].text
        if name in functions:
            return
        builtin = shell is not None and name in BUILTINS[shell]
        if not builtin:
            self.uses.append(Use(name, words[1:], where))
        if name is None:
            return
        base = name.rpartition("/")[2]
        language = self.shells.shell(name)
        if language:
            self._shell(language, words[1:], where)
        elif base in ("trap", "eval") and len(words) > 1 and words[1].text not in (None, "", "-"):
            self._script(words[1].text or "", where, shell or "posix", (), functions)
        elif base == "find":
            for inner in _executed_by_find(words[1:]):
                self._run(inner, where, None)
        elif base in _HANDS_OVER:
            inside = shell if base in ("builtin", "command", "time") else None
            self._run(_after_options(words[1:], *_HANDS_OVER[base]), where, inside)

    def _shell(self, shell: str, arguments: tuple[Word, ...], where: str) -> None:
        for index, word in enumerate(arguments):
            text = word.text
            if text is not None and text.startswith("-"):
                if text.endswith("c") and not text.startswith("--") and len(arguments) > index + 1:
                    self._script(arguments[index + 1].text or "", where, shell, arguments[index + 3 :])
                    return
                continue
            found = self._mounted(word)
            if found is None:
                # A script of the image's own, or one that is not there: the word is looked at as a path.
                if text is None:
                    self.errors.append(f"{where}: which script is run cannot be told")
                return
            key = (found, arguments[index + 1 :])
            if key not in self._seen:
                self._seen.add(key)
                self._script(self.files[found], found, shell, arguments[index + 1 :])
            return

    def _mounted(self, word: Word) -> str | None:
        if word.text is not None:
            return word.text if word.text in self.files else None
        # `"$HERE/backup.sh"`: a neighbour, known by its name.
        if not word.end.startswith("/"):
            return None
        return next((path for path in self.files if path.endswith(word.end)), None)

    def _script(
        self,
        text: str,
        where: str,
        shell: str,
        arguments: tuple[Word, ...],
        functions: frozenset[str] = frozenset(),
    ) -> None:
        try:
            script = parse(text, "bash" if shell == "bash" else "posix")
        except ScriptError as error:
            self.errors.append(f"{where}:{error} (its shell is {shell})")
            return

        def line(word: Word) -> str:
            return f"{where}:{word.line}" if where in self.files else where

        self.variables |= {name for name in script.variables if name.isidentifier()}
        self.words += [(word, line(word)) for word in script.words]
        # What is sourced and who sources it know each other's functions.
        sourced = [
            path
            for words in script.commands
            if len(words) > 1 and words[0].text in (".", "source") and (path := self._mounted(words[1]))
        ]
        functions |= script.functions
        for path in sourced:
            with suppress(ScriptError):  # which is told when it is followed
                functions |= parse(self.files[path], "bash" if shell == "bash" else "posix").functions
        for path in sourced:
            self._script(self.files[path], path, shell, (), functions)
        for words in _commands(script, arguments):
            if shell != "bash" and words[0].text == "[[":
                self.errors.append(f"{line(words[0])}: `[[` is not POSIX (its shell is {shell})")
            self._run(words, line(words[0]), shell, functions)


def expanded(words: tuple[Word, ...], arguments: tuple[Word, ...]) -> tuple[Word, ...]:
    """A command of a script, with the script's arguments in place of "$@"."""
    result: list[Word] = []
    for word in words:
        result += [replace(own, line=word.line) for own in arguments] if word.is_arguments else [word]
    return tuple(result)


def _commands(script: Script, arguments: tuple[Word, ...]) -> Iterator[tuple[Word, ...]]:
    """The commands as they are run; a script that is given `--` is asked to run what follows."""
    texts = [word.text for word in arguments]
    own = arguments[texts.index("--") + 1 :] if "--" in texts else arguments
    runs_its_arguments = any(word.is_arguments for words in script.commands for word in words[:1]) or any(
        words[0].text == "exec" and len(words) > 1 and words[1].is_arguments for words in script.commands
    )
    for words in script.commands:
        if command := expanded(words, own):
            yield command
        if runs_its_arguments and [word.text for word in words[:2]] == ["set", "--"]:
            yield expanded(words[2:], own)  # the same, with something before it


def _after_options(words: tuple[Word, ...], valued: frozenset[str], before: int) -> tuple[Word, ...]:
    index = 0
    while index < len(words):
        text = words[index].text
        if text == "--":
            index += 1
            break
        if text is None or not (text.startswith("-") or _is_assignment(text)):
            break
        index += 2 if text in valued else 1
    return words[index + before :]


def _is_assignment(text: str) -> bool:
    name, equals, _ = text.partition("=")
    return bool(equals) and name.replace("_", "a").isalnum() and not name[0].isdigit()


def _executed_by_find(words: tuple[Word, ...]) -> Iterator[tuple[Word, ...]]:
    texts = [word.text for word in words]
    for index, text in enumerate(texts):
        if text in ("-exec", "-execdir", "-ok"):
            rest = texts[index + 1 :]
            end = next((i for i, word in enumerate(rest) if word in (";", "+")), len(rest))
            yield words[index + 1 : index + 1 + end]
