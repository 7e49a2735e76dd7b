"""A table of commands: found by their first words, answered for those whose level allows them, listed by `help`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import NamedTuple

from proxy.admin.messages import ERROR, INFO, OUTPUTS, Message, Refused

LEVELS = ("user", "operator", "admin")
DENIED = "Permission denied\n"
USAGE_WIDTH = 40
ALWAYS = (
    ("help [<command>]", "list matching or all commands"),
    ("prompt", "toggle interactive mode with prompt"),
    ("quit", "disconnect"),
)
Answer = str | Awaitable[str]


class Caller(NamedTuple):
    """Who gives a command: the level, how the level is lowered, and how else the conversation is changed."""

    level: str
    lower: Callable[[str], None]
    set_timeout: Callable[[float], None] = lambda seconds: None
    set_severity: Callable[[str], None] = lambda output: None


class Command(NamedTuple):
    """One row. `words` are what it begins with; `act` gets the words after them.

    `act` raises Refused for what is not to be done. `level` is asked for before `act` sees anything.
    """

    words: tuple[str, ...]
    usage: str
    help: str
    act: Callable[[Sequence[str], Caller], Answer]
    level: str = "user"


def allows(level: str, wanted: str) -> bool:
    """Whether somebody of that level may do what wants one."""
    return LEVELS.index(level) >= LEVELS.index(wanted)


class Commands:
    """The rows by their words; `show cli level`, `user`, `operator` and the conversation's own are among them always."""

    def __init__(self, rows: Iterable[Command]) -> None:
        common = (
            Command(("operator",), "operator", "lower the level of the current CLI session to operator", _lower("operator"),
                    "operator"),
            Command(("set", "severity-output"), "set severity-output [none|number|string]",
                    "set presence of severity level in feedback information", _set_severity),
            Command(("show", "cli", "level"), "show cli level", "display the level of the current CLI session",
                    lambda words, caller: Message(caller.level + "\n")),
            Command(("user",), "user", "lower the level of the current CLI session to user", _lower("user")),
        )
        self.rows = sorted((*rows, *common), key=lambda row: row.usage)

    def answer(self, words: Sequence[str], caller: Caller) -> Answer:
        """What a command is answered; that there is none of these words, too."""
        if not words or words[0] == "help":
            return Message(self.help(words[1:], caller.level))
        found = [row for row in self.rows if tuple(words[: len(row.words)]) == row.words]
        if not found:
            return Message(self._unknown(words, caller.level), INFO)
        row = max(found, key=lambda row: len(row.words))
        if not allows(caller.level, row.level):
            return Message(DENIED, ERROR)
        try:
            return row.act(words[len(row.words) :], caller)
        except Refused as refused:
            return Message(refused.text, ERROR)

    def help(self, words: Sequence[str], level: str) -> str:
        """What there is, of these first words."""
        rows = [row for row in self.rows if allows(level, row.level) and row.words[: len(words)] == tuple(words)]
        return "The following commands are valid at this level:\n" + _lines(rows)

    def _unknown(self, words: Sequence[str], level: str) -> str:
        rows = [row for row in self.rows if allows(level, row.level)]
        for count in range(len(words), 0, -1):
            near = [row for row in rows if row.words[:count] == tuple(words[:count])]
            if near:
                break
        else:
            near = [row for row in rows if row.words[0].startswith(words[0][:1])] or rows
        return "Unknown command, but maybe one of the following ones is a better match:\n" + _lines(near)


def _lines(rows: Iterable[Command]) -> str:
    pairs = [*((row.usage, row.help) for row in rows), *ALWAYS]
    return "".join(f"  {usage:<{USAGE_WIDTH}}: {text}\n" for usage, text in pairs)


def _lower(level: str) -> Callable[[Sequence[str], Caller], str]:
    def lower(words: Sequence[str], caller: Caller) -> str:
        caller.lower(level)
        return ""

    return lower


def _set_severity(words: Sequence[str], caller: Caller) -> str:
    if not words or words[0] not in OUTPUTS:
        raise Refused("one of 'none', 'number', 'string' is a required argument\n")
    caller.set_severity(words[0])
    return ""
