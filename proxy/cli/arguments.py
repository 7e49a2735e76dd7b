"""The command line's words, read from left to right as HAProxy reads them.

One word, one flag: `-qc` is not `-q -c` (HAProxy takes it for `-q` and starts; here it is an error). The words after `-sf`
and `-st` are process ids up to the next word that begins with `-`; what follows `--` are configuration files.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from proxy.base.errors import PyproxyError

MAX_NUMBER = 2**31 - 1
SOCKPAIR = "sockpair@"          # how a master shows its worker where it is, in `ps` too, as HAProxy's does


class UsageError(PyproxyError):
    """Words that are no command line of ours; the message is for the user."""


@dataclass(slots=True)
class Arguments:
    """What the command line asks for.

    Source: HAProxy management guide, section 3 "Starting HAProxy".
    """

    files: list[str] = field(default_factory=list)
    directory: str = ""                             # -C
    check: bool = False                             # -c
    condition: str | None = None                    # -cc
    daemon: bool = False                            # -D
    foreground: bool = False                        # -db, and -d
    debug: bool = False                             # -d
    quiet: bool = False                             # -q
    verbose: bool = False                           # -V
    pidfile: str = ""                               # -p
    maxconn: int | None = None                      # -n
    proxy_maxconn: int | None = None                # -N
    local_peer: str = ""                            # -L
    finish_pids: list[int] = field(default_factory=list)     # -sf
    terminate_pids: list[int] = field(default_factory=list)  # -st
    help: bool = False                              # -h
    version: int = 0                                # 1 for -v, 2 for -vv
    ignore_resolution: bool = False                 # -dr
    forbid_splicing: bool = False                   # -dS
    zero_warning: bool = False                      # -dW
    diagnose: bool = False                          # -dD
    dump_configuration: str | None = None           # -dC[key]: the key, "" without one
    list_libraries: bool = False                    # -dL
    dump_keywords: str | None = None                # -dK<classes>
    master_worker: bool = False                     # -W, -Ws: systemd is told in either case, and without a master too
    master_line: int = -1                           # -x sockpair@<descriptor>: this is a worker, the master is at the other end
    old_socket: str = ""                            # -x: where to get the listening sockets of the old process
    master_socket: str = ""                         # -S
    words: Sequence[str] = field(default=(), compare=False)     # all of them, as they were given
    started_in: str = field(default="", compare=False)      # the directory, before -C
    not_acted_on: list[str] = field(default_factory=list)    # flags that would do something in HAProxy and do nothing here


Setter = Callable[[Arguments, str], None]


def _attribute(name: str, value: object = True) -> Setter:
    def set_it(arguments: Arguments, word: str) -> None:
        setattr(arguments, name, value)

    return set_it


def _nothing(arguments: Arguments, word: str) -> None:
    """The flag tunes what this implementation does not have: nothing is lost by leaving it."""


def _not_acted_on(arguments: Arguments, word: str) -> None:
    arguments.not_acted_on.append(word)


def _debug(arguments: Arguments, word: str) -> None:
    arguments.debug = arguments.foreground = True


def _foreground(arguments: Arguments, word: str) -> None:
    arguments.foreground = True


def _daemon(arguments: Arguments, word: str) -> None:
    arguments.daemon = True
    arguments.foreground = False


def _quiet(arguments: Arguments, word: str) -> None:
    arguments.quiet, arguments.verbose = True, False


def _verbose(arguments: Arguments, word: str) -> None:
    arguments.quiet, arguments.verbose = False, True


def number(text: str, flag: str, at_least: int = 0) -> int:
    """A decimal number as it stands on the command line.

    Raises: UsageError for anything but plain ASCII digits in range.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and at_least <= int(text) <= MAX_NUMBER):
        raise UsageError(f"{flag} takes numbers of at least {at_least}, not '{text}'")
    return int(text)


def _number_into(name: str, flag: str) -> Setter:
    def set_it(arguments: Arguments, word: str) -> None:
        setattr(arguments, name, number(word, flag))

    return set_it


def _text_into(name: str) -> Setter:
    def set_it(arguments: Arguments, word: str) -> None:
        setattr(arguments, name, word)

    return set_it


def _old_socket(arguments: Arguments, word: str) -> None:
    if word.startswith(SOCKPAIR):
        arguments.master_line = number(word.removeprefix(SOCKPAIR), "-x sockpair@", at_least=3)
    else:
        arguments.old_socket = word


PLAIN: dict[str, Setter] = {
    "-h": _attribute("help"), "--help": _attribute("help"),
    "-v": _attribute("version", 1), "--version": _attribute("version", 1), "-vv": _attribute("version", 2),
    "-c": _attribute("check"), "-q": _quiet, "-V": _verbose,
    "-D": _daemon, "-d": _debug, "-db": _foreground,
    "-dr": _attribute("ignore_resolution"), "-dS": _attribute("forbid_splicing"), "-dL": _attribute("list_libraries"),
    "-dW": _attribute("zero_warning"), "-dD": _attribute("diagnose"),
    "-W": _attribute("master_worker"), "-Ws": _attribute("master_worker"),
    "-4": _not_acted_on, "-dR": _not_acted_on, "-dV": _not_acted_on, "-dA": _not_acted_on,
    "-dG": _nothing, "-dF": _nothing, "-dZ": _nothing, "-dI": _nothing, "-dT": _nothing,
    "-de": _nothing, "-dp": _nothing, "-dk": _nothing, "-dv": _nothing, "-dc": _nothing,
}
WITH_VALUE: dict[str, tuple[str, Setter]] = {
    "-f": ("a configuration file or directory", lambda arguments, word: arguments.files.append(word)),
    "-C": ("a directory", _text_into("directory")),
    "-cc": ("a condition", _text_into("condition")),
    "-p": ("a file for the process id", _text_into("pidfile")),
    "-n": ("a number of connections", _number_into("maxconn", "-n")),
    "-N": ("a number of connections", _number_into("proxy_maxconn", "-N")),
    "-m": ("a number of megabytes", lambda arguments, word: arguments.not_acted_on.append(f"-m {number(word, '-m')}")),
    "-L": ("a peer name", _text_into("local_peer")),
    "-x": ("a stats socket", _old_socket),
    "-S": ("an address", _text_into("master_socket")),
}
PREFIXED: dict[str, Setter] = {
    "-dC": lambda arguments, word: setattr(arguments, "dump_configuration", word[3:]),
    "-dK": lambda arguments, word: setattr(arguments, "dump_keywords", word[3:] or "help"),
    "-dM": _nothing,
    "-dt": _nothing,
}
PID_LISTS: dict[str, str] = {"-sf": "finish_pids", "-st": "terminate_pids"}
FLAGS = (*PLAIN, *WITH_VALUE, *PREFIXED, *PID_LISTS, "--")


def parse_arguments(words: Sequence[str]) -> Arguments:
    """Read the words after the program's name.

    Raises: UsageError with what is wrong and, where there is one, the flag that was likely meant.
    """
    arguments = Arguments(words=tuple(words))
    at = 0
    while at < len(words):
        word = words[at]
        at += 1
        if word == "--":
            arguments.files.extend(words[at:])
            break
        if word in PLAIN:
            PLAIN[word](arguments, word)
        elif word in WITH_VALUE:
            what, set_it = WITH_VALUE[word]
            if at == len(words) or (words[at].startswith("-") and not words[at][1:2].isdigit()):
                raise UsageError(f"{word} needs {what} after it")
            set_it(arguments, words[at])
            at += 1
        elif word in PID_LISTS:
            pids: list[int] = getattr(arguments, PID_LISTS[word])
            while at < len(words) and not words[at].startswith("-"):
                pids.extend(number(text, word, at_least=1) for text in words[at].split())
                at += 1
        elif word[:3] in PREFIXED:
            PREFIXED[word[:3]](arguments, word)
        else:
            raise UsageError(_unknown(word))
    return arguments


def _unknown(word: str) -> str:
    if not word.startswith("-"):
        return f"'{word}' is no option; a configuration file follows -f: pyproxy -f {word}"
    near = difflib.get_close_matches(word, FLAGS, n=1, cutoff=0.6)
    if len(word) > 2 and all(f"-{letter}" in PLAIN for letter in word[1:]):
        return f"unknown option '{word}'; letters do not combine, write: {' '.join('-' + letter for letter in word[1:])}"
    return f"unknown option '{word}'" + (f"; did you mean '{near[0]}'?" if near else "")


def words_for_a_worker(words: Sequence[str], old_pids: Sequence[int], line: int) -> list[str]:
    """The same command line for the next worker of a master: whom it takes over from, and the line to the master."""
    kept: list[str] = []
    at = 0
    while at < len(words):
        word = words[at]
        at += 1
        if word == "--":
            kept += [word, *words[at:]]
            break
        if word in PID_LISTS:
            while at < len(words) and not words[at].startswith("-"):
                at += 1
        elif word == "-x":
            at += 1
        elif word in WITH_VALUE:
            kept += words[at - 1 : at + 1]
            at += 1
        else:
            kept.append(word)
    finish = ["-sf", *map(str, old_pids)] if old_pids else []
    return [*finish, "-x", f"{SOCKPAIR}{line}", *kept]
