"""What a word means: escapes resolved, quotes removed, variables replaced.

The pieces of a word are the terminals of `grammar/haproxy.lark`. Source: HAProxy configuration manual, sections 2.2 and 2.3.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

from proxy.config.grammar import terminal

Lookup = Callable[[str], str | None]
"""Gives a variable's value, or None where it is not set."""

PSEUDO_VARIABLES = frozenset((".FILE", ".LINE", ".SECTION"))

_SPECIAL = re.compile(r"[\\\"']")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", " ": " ", "#": "#", "\\": "\\", '"': '"', "'": "'"}
_NAME = re.compile("[A-Za-z_][A-Za-z0-9_]*")
_VARIABLE = re.compile(r"\$(?P<brace>\{)?(?P<name>\.?[A-Za-z0-9_]*)(?P<split>\[\*\])?(?:-(?P<default>[^}]*))?(?P<end>\})?")
_BLANKS = re.compile("[ \t\n\v\f\r]+")


class QuotingError(ValueError):
    """A word that cannot be read; `offset` is how far into the source word the fault lies, `hint` how to write it."""

    def __init__(self, message: str, offset: int, hint: str) -> None:
        super().__init__(message)
        self.message, self.offset, self.hint = message, offset, hint


def is_plain(source: str) -> bool:
    """Whether a source word means just what it says."""
    return _SPECIAL.search(source) is None


def expand(source: str, lookup: Lookup) -> list[str]:
    """The words that one source word stands for: one, or several where `"${NAME[*]}"` has blanks in its value.

    Raises: QuotingError.
    """
    words = [""]
    for match in _word_pieces().finditer(source):
        piece = match.group()
        if match.lastgroup == "BARE":
            words[-1] += piece
        elif match.lastgroup == "ESCAPE":
            words[-1] += _escape(piece, match.start(), weak=False)
        elif match.lastgroup == "STRONG":
            words[-1] += piece[1:-1]
        else:
            _expand_weak(source, match.start() + 1, match.end() - 1, lookup, words)
    # Octets written as \xHH may have completed a UTF-8 sequence.
    return [word.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape") for word in words]


@cache
def _word_pieces() -> re.Pattern[str]:
    return re.compile("|".join(f"(?P<{name}>{terminal(name)})" for name in ("BARE", "ESCAPE", "STRONG", "WEAK")))


@cache
def _weak_pieces() -> re.Pattern[str]:
    return re.compile("|".join(f"(?P<{name}>{terminal(name)})" for name in ("TEXT", "ESCAPE", "VARIABLE")))


def _expand_weak(source: str, start: int, end: int, lookup: Lookup, words: list[str]) -> None:
    for match in _weak_pieces().finditer(source, start, end):
        piece = match.group()
        if match.lastgroup == "TEXT":
            words[-1] += piece
        elif match.lastgroup == "ESCAPE":
            words[-1] += _escape(piece, match.start(), weak=True)
        else:
            first, *others = _variable(source, match.start(), match.end(), lookup)
            words[-1] += first
            words += others


def _escape(piece: str, offset: int, *, weak: bool) -> str:
    letter = piece[1:]
    if letter.startswith("x"):
        return _octet(letter[1:], offset)
    if letter == "$" and weak:
        return "$"
    return _ESCAPES.get(letter, piece)


def _octet(digits: str, offset: int) -> str:
    if not digits:
        raise QuotingError(
            "truncated or invalid hexadecimal sequence", offset, r"write two hexadecimal digits after \x, or \\x for a plain \x"
        )
    value = int(digits, 16)
    if value == 0:
        raise QuotingError("a NUL character cannot be part of a word", offset, r"remove \x00")
    return chr(value) if value < 0x80 else chr(0xDC00 + value)


def _variable(source: str, start: int, end: int, lookup: Lookup) -> list[str]:
    match = _VARIABLE.fullmatch(source, start, end)
    assert match is not None, "the grammar's VARIABLE is wider than this"
    name = match["name"]
    if name not in PSEUDO_VARIABLES and not _NAME.fullmatch(name):
        raise QuotingError(
            "forbidden first char in environment variable name",
            match.start("name"),
            r"write \$ for a dollar sign, or use single quotes",
        )
    if match["brace"] and not match["end"]:
        if source.startswith("[", end) and not match["split"]:
            raise QuotingError(
                "truncated or invalid word expansion sequence", end, f'write: "${{{name}[*]}}" to get a word for each value'
            )
        raise QuotingError(
            "unmatched brace in environment variable name", match.start("brace"), f'write: "${{{name}}}" or "${{{name}-default}}"'
        )
    value = lookup(name)
    if value is None:
        value = match["default"] or ""
    return _BLANKS.split(value) if match["split"] else [value]
