"""What a row of the keyword table is, and the line that a row's reader is given."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from proxy.base.errors import Where
from proxy.config.diagnostics import Diagnostics, Place
from proxy.config.statements import Word
from proxy.config.suggest import did_you_mean
from proxy.ha.conf.blocks import Entry, written


class Acts(Enum):
    """What pyproxy-ha does with a keyword it knows."""

    YES = "acted on"
    IGNORED = "ignored with a warning"
    OLD = "old spelling, taken with a warning"


class Refusal(Exception):
    """A line that cannot be taken: becomes one warning, and the line has no effect."""

    def __init__(self, message: str, at: Place = None, hint: str = "") -> None:
        self.message, self.at, self.hint = message, at, hint
        super().__init__(message)


@dataclass
class Draft:
    """A block while it is read: the fields of its dataclass that were written, and where."""

    where: Where
    name: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    set_at: dict[str, Place] = field(default_factory=dict)

    def add(self, name: str, value: Any) -> None:
        """Append to a field that holds many."""
        self.values.setdefault(name, []).append(value)


SURPLUS = "surplus words"
"""The feature that words without effect are filed under: keepalived passes them over in silence."""

Read = Callable[["Line", Draft], None]


@dataclass(frozen=True)
class Keyword:
    """One row: a keyword, how its line is read, and lines that prove it.

    `usage` is the shape of its arguments as the manual writes it; fewer than `least` are refused, words beyond `most` have no
    effect and are warned about (None = the reader counts). `block` is whether it has braces. `instead` is what to write in place
    of an old or an ignored keyword. `loads` are lines that load, `fails` lines that must be warned about.
    """

    word: str
    usage: str
    read: Read
    default: str = ""
    least: int = 0
    most: int | None = None
    block: bool = False
    acts: Acts = Acts.YES
    instead: str = ""
    loads: tuple[str, ...] = ()
    fails: tuple[str, ...] = ()


class Table:
    """The keywords that may stand in one kind of block.

    `around` is a text with `{}` where one line of this block may stand, for the rows' examples.
    """

    def __init__(self, name: str, rows: Iterable[Keyword], around: str) -> None:
        self.name, self.around = name, around
        self.rows = tuple(rows)
        self.by_word = {row.word: row for row in self.rows}
        if len(self.by_word) != len(self.rows):
            raise ValueError(f"a keyword of {name} has two rows")


@dataclass(slots=True)
class Line:
    """A statement or block under its keyword, and everything its reader may need."""

    entry: Entry
    arguments: tuple[Word, ...]
    diagnostics: Diagnostics

    @property
    def keyword(self) -> str:
        return self.entry.keyword

    @property
    def where(self) -> Where:
        return self.entry.where

    @property
    def entries(self) -> tuple[Entry, ...]:
        return self.entry.entries or ()

    def text(self, index: int, default: str = "") -> str:
        """The argument with this index, or `default` where the line is shorter."""
        return self.arguments[index].text if index < len(self.arguments) else default

    def at(self, index: int) -> Place:
        """The argument with this index, or the keyword."""
        return self.arguments[index] if index < len(self.arguments) else self.entry.words[0]

    def texts(self, start: int = 0) -> list[str]:
        return [word.text for word in self.arguments[start:]]

    def warn(self, message: str, at: Place = None, hint: str = "", feature: str = "") -> None:
        """Warn; with a `feature` it is something that keepalived says nothing about, and does not count as an error."""
        self.diagnostics.warning(at or self.entry.words[0], message, hint, self.keyword, feature)

    def surplus(self, first: int) -> None:
        """Warn of the words from there on, which have no effect; keepalived is silent about those of statements only."""
        if first < len(self.arguments):
            extra = " ".join(written(word) for word in self.arguments[first:])
            clean = " ".join(written(word) for word in self.entry.words[: len(self.entry.words) - len(self.arguments) + first])
            self.warn(f"surplus word{'s' * (first + 1 < len(self.arguments))} '{extra}' ignored", self.arguments[first],
                      f"write: {clean}", SURPLUS if self.entry.entries is None else "")


def read_entries(entries: Iterable[Entry], table: Table, draft: Draft, diagnostics: Diagnostics) -> None:
    """Read the statements of a block, each under its row; what cannot be taken is warned about and has no effect."""
    for entry in entries:
        row = table.by_word.get(entry.keyword)
        if row is None:
            _unknown(entry, table, diagnostics)
            continue
        read_entry(entry, row, draft, diagnostics)


def read_entry(entry: Entry, row: Keyword, draft: Draft, diagnostics: Diagnostics) -> None:
    """Read one statement or block under its row."""
    line = Line(entry, entry.words[1:], diagnostics)
    if row.block != (entry.entries is not None):
        if row.block:
            line.warn(f"'{row.word}' needs a block", None, f"write: {row.word} {{ … }}")
        else:
            line.warn(f"'{row.word}' has no block: what stands between its braces is ignored", None,
                      f"write: {row.word} {row.usage}".rstrip())
        if row.block:
            return
    if len(line.arguments) < row.least:
        line.warn(f"'{row.word}' needs {row.usage}", None, f"write: {row.word} {row.usage}")
        return
    if row.most is not None and len(line.arguments) > row.most:
        line.surplus(row.most)
        line.arguments = line.arguments[: row.most]
    if row.acts is Acts.OLD:
        line.warn(f"'{row.word}' is an old spelling", None, f"write: {row.instead}", "old spelling")
    elif row.acts is Acts.IGNORED:
        line.warn(f"'{row.word}' is not acted on by pyproxy-ha; ignored", None, row.instead, row.word)
    try:
        row.read(line, draft)
    except Refusal as refusal:
        line.warn(refusal.message, refusal.at, refusal.hint)
    else:
        draft.set_at[row.word] = entry.words[0]


def _unknown(entry: Entry, table: Table, diagnostics: Diagnostics) -> None:
    place = f" in '{table.name}'" if table.name else ""
    hint = did_you_mean(entry.keyword,
                        list(table.by_word)) or (f"it has {', '.join(table.by_word)}"
                                                 if len(table.by_word) <= 16 else "see keepalived.conf(5)")
    diagnostics.warning(entry.words[0], f"Unknown keyword '{entry.keyword}'{place}", hint, entry.keyword)


def nothing(line: Line, draft: Draft) -> None:
    """The reader of a keyword that has no effect here."""
