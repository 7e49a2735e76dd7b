"""A command in one string, as words: blanks separate, single quotes hold together, a backslash escapes.

Source: keepalived.conf(5), "Quoted strings".
"""

from __future__ import annotations

import re

MAX_WORDS = 1024

_SIMPLE = {"a": "\a", "b": "\b", "E": "\x1b", "e": "\x1b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_OCTAL = re.compile(r"[0-7]{1,3}")
_HEX = re.compile(r"x([0-9A-Fa-f]+)")


class WordError(ValueError):
    """A string that is no command."""


def split_command(text: str) -> tuple[str, ...]:
    """The words of a command.

    Raises: WordError.
    """
    words: list[str] = []
    current: list[str] | None = None
    quote = ""
    at = 0
    while at < len(text):
        char = text[at]
        at += 1
        if char == "\\":
            piece, at = _escaped(text, at)
            current = current if current is not None else []
            current.append(piece)
        elif quote:
            if char == quote:
                quote = ""
            else:
                current = current if current is not None else []
                current.append(char)
        elif char in "'\"":
            quote = char
            current = current if current is not None else []
        elif char in " \t\v\f\r\n":
            if current is not None:
                words.append("".join(current))
                current = None
        else:
            current = current if current is not None else []
            current.append(char)
    if quote:
        raise WordError(f"missing terminating {quote} in '{text}'")
    if current is not None:
        words.append("".join(current))
    if len(words) > MAX_WORDS:
        raise WordError(f"more than {MAX_WORDS} words in a command")
    return tuple(words)


def _escaped(text: str, at: int) -> tuple[str, int]:
    """What stands behind a backslash, and the place after it."""
    if at >= len(text):
        return "\\", at
    char = text[at]
    if match := _OCTAL.match(text, at):
        return chr(int(match[0], 8) & 0xFF), match.end()
    if match := _HEX.match(text, at):
        return chr(int(match[1][-2:], 16)), match.end()
    if char == "c" and at + 1 < len(text):
        return chr(ord(text[at + 1]) & 0x1F), at + 2
    return _SIMPLE.get(char, char), at + 1
