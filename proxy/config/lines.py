"""From text to the words of each line, as they are written.

A configuration is read line by line, and most lines are plain: no quote, no backslash, no carriage return that is lost. Those
are cut into words here. Every other line is parsed by the grammar, which says for all of them what they are: where this module
and `grammar/haproxy.lark` differ, this one is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from proxy.config.grammar import parse_lines
from proxy.config.quoting import is_plain

PLAIN = "BARE"
"""The kind of a token that means just what it says."""

_NOT_PLAIN_YET = re.compile(r"[#\"'\\\r]")      # what ends a plain line, or shows that it is none
_BARE = re.compile(r"[^ \t\v\f]+")              # the grammar's BARE, in a line that has nothing of the above

Token = tuple[str, int, str]
"""A word as it is written, the column where it begins, from 1, and its kind: PLAIN or a terminal of the grammar."""


def read_lines(text: str) -> Iterator[tuple[int, list[Token]]]:
    """Every line of `text` that holds words, with its number, in order."""
    for number, line in enumerate(text.split("\n"), 1):
        plain = line.rstrip("\r")
        end = _NOT_PLAIN_YET.search(plain)
        if end is None or end[0] == "#":
            plain = plain if end is None else plain[:end.start()]
            tokens = [(word[0], word.start() + 1, PLAIN) for word in _BARE.finditer(plain)]
        else:
            tokens = [
                (str(token), token.column, PLAIN if is_plain(token) and token.type != "LOST" else token.type)
                for parsed in parse_lines(line + "\n") for token in parsed[:-1]
            ]
        if tokens:
            yield number, tokens
