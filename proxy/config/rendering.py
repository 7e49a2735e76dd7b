"""Diagnostics as text: HAProxy's own line, then the line of the source with a caret under the word, then the fix."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from proxy.base.errors import Diagnostic, Severity, Where
from proxy.config.credentials import hide
from proxy.config.source import Source

_LABEL_COLUMNS = 11
_CONTINUED = "\n   | "                 # how HAProxy goes on in a message of several lines
_WIDEST = 150
_TAB = "    "


def render(diagnostics: Iterable[Diagnostic], sources: Sequence[Source], pid: int, *, show_diag: bool = False) -> str:
    """All messages, ready for stderr, in the order of the sources; those about no place come last.

    With any alert HAProxy's closing lines follow: one for each file with an alert in it, one for the whole. `show_diag` is `-dD`.
    """
    order = {source.name: index for index, source in enumerate(sources)}
    by_name = {source.name: source for source in sources}
    shown = [item for item in diagnostics if show_diag or item.severity is not Severity.DIAG]
    shown.sort(key=lambda item: _rank(item, order))
    lines: list[str] = []
    for item in shown:
        lines += _message(item, by_name.get(item.where.file), pid)
    alerts = [item for item in shown if item.severity is Severity.ALERT]
    faulty = dict.fromkeys(item.where.file for item in alerts if item.where.line and _while_reading(item))
    lines += [_line(Severity.ALERT, pid, f"Error(s) found in configuration file : {file}") for file in faulty]
    if alerts:
        lines.append(_line(Severity.ALERT, pid, "Fatal errors found in configuration."))
    return "".join(line + "\n" for line in lines)


def _while_reading(item: Diagnostic) -> bool:
    return item.parsing or item.message.startswith(("parsing [", "["))


def _rank(item: Diagnostic, order: dict[str, int]) -> tuple[int, int, int]:
    """Faults of the text in the order of the text; faults of the whole behind them, as they were found."""
    if not item.where.line or not _while_reading(item):
        return 1, 0, 0
    return 0, order.get(item.where.file, len(order)), item.where.line


def _message(item: Diagnostic, source: Source | None, pid: int) -> list[str]:
    place = f"parsing [{item.where}] : " if item.parsing and item.where.line else ""
    lines = [_line(item.severity, pid, place + item.message)]
    if item.where.line and str(item.where) not in lines[0]:
        lines.append(f"  at {printable(str(item.where))}")
    if source is not None and item.where.line and item.where.column:
        lines += _excerpt(hide(source.line(item.where.line)), item.where, item.length)
    if item.hint:
        lines.append("  " + printable(item.hint))
    return lines


def _line(severity: Severity, pid: int, text: str) -> str:
    shown = _CONTINUED.join(printable(part) for part in text.split(_CONTINUED))
    return f"{f'[{severity.value}]':<{_LABEL_COLUMNS}}({pid}) : config : {shown}"


def _excerpt(line: str, where: Where, length: int) -> list[str]:
    """The source line, cut to what is near the word, and the caret line under it."""
    start = where.column - 1
    end = min(max(start + length, start + 1), max(len(line), start + 1))
    first = len(line) - len(line.lstrip(" \t\v\f"))
    cut = _Cut(line, min(first, start)) if len(line) - first <= _WIDEST else _Cut(line, max(first, start - _WIDEST // 2))
    before, marked = line[cut.start : start], line[start:end][:_WIDEST]
    caret = " " * (_width(printable(before)) + len(cut.lead)) + "^" + "~" * (max(_width(printable(marked)), 1) - 1)
    return ["  " + cut.lead + printable(line[cut.start : cut.start + _WIDEST].rstrip()) + cut.tail, "  " + caret]


@dataclass(frozen=True, slots=True)
class _Cut:
    """The part of a line that is shown."""

    line: str
    start: int

    @property
    def lead(self) -> str:
        return "..." if self.line[: self.start].strip() else ""

    @property
    def tail(self) -> str:
        return "..." if len(self.line) > self.start + _WIDEST else ""


def printable(text: str) -> str:
    """The text as a terminal can show it: tabs as blanks, octets that are no UTF-8 and control characters as U+FFFD or ?."""
    if text.isprintable():
        return text
    return "".join(_shown(char) for char in text)


def _shown(char: str) -> str:
    if char == "\t":
        return _TAB
    if char.isprintable():
        return char
    return "?" if ord(char) < 0x80 else "\ufffd"


def _width(text: str) -> int:
    """How many columns a terminal takes to show it."""
    if text.isascii():
        return len(text)
    return sum(_columns(char) for char in text)


def _columns(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
