"""Lines as statements and blocks, each word knowing where it was written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from proxy.base.errors import Where
from proxy.config.diagnostics import Diagnostics
from proxy.config.grammar import build_parser
from proxy.config.statements import Word
from proxy.ha.conf.lines import Lines

if TYPE_CHECKING:
    from lark import Lark, Token

MAX_DEPTH = 16
"""Blocks nested deeper than this are not read; the deepest keyword stands in five."""

_PIECE = re.compile(r'\\([!#])|\\(")|"|\\.|[^"\\]+|\\', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Entry:
    """A statement, or a block with what stands between its braces."""

    words: tuple[Word, ...]
    entries: tuple[Entry, ...] | None
    where: Where

    @property
    def keyword(self) -> str:
        return self.words[0].text if self.words else ""

    def __str__(self) -> str:
        return " ".join(written(word) for word in self.words)


def written(word: Word) -> str:
    """A word as it is to be written."""
    return f'"{word.text}"' if word.quoted else word.text


@dataclass(frozen=True, slots=True)
class _Node:
    """What the grammar gives: tokens and nodes, not yet placed."""

    rule: str
    children: list[Any]


class _Nodes:
    """Names every rule's children; the nesting is the grammar's."""

    def __getattr__(self, rule: str) -> Any:
        if not rule.islower() or rule.startswith("_"):       # terminals stay tokens
            raise AttributeError(rule)
        return lambda children: _Node(rule, children)


@cache
def _parser() -> Lark:
    return build_parser("keepalived", ("configuration",), _Nodes())


def parse_blocks(lines: Lines, diagnostics: Diagnostics) -> tuple[Entry, ...]:
    """Every statement and block of the text; what is wrong with braces and quotes is said, and read as well as can be."""
    tree: _Node = _parser().parse(lines.text, start="configuration")  # type: ignore[assignment]
    return _Placing(lines, diagnostics).entries(tree.children)


class _Placing:
    """Gives nodes their places in the files they came from."""

    def __init__(self, lines: Lines, diagnostics: Diagnostics) -> None:
        self._lines, self._diagnostics = lines, diagnostics
        self._depth = 0

    def entries(self, children: list[Any]) -> tuple[Entry, ...]:
        found = [self._entry(child) for child in children if isinstance(child, _Node)]
        return tuple(entry for entry in found if entry is not None)

    def _entry(self, node: _Node) -> Entry | None:
        if node.rule in ("stray", "spoiled"):
            self._warn(node.children[-1], "Extra '}' found", "take it out, or find the '{' that is missing above")
            if node.rule == "stray":
                return None
        words = self._without_annotation(tuple(self._word(child) for child in node.children if self._is_word(child)))
        if node.rule in ("statement", "end", "spoiled"):
            return Entry(words, None, words[0].where) if words else None
        opening = next(child for child in node.children if not isinstance(child, _Node) and child.type == "OPEN")
        if not words:
            self._warn(opening, "Unexpected '{' - ignoring", "a block begins with its name")
            return None
        if node.rule == "unclosed":
            self._diagnostics.warning(words[0], "There is a missing '}' or an extra '{'",
                                      f"nothing closes the block '{words[0].text}'")
        if self._depth == MAX_DEPTH:
            self._diagnostics.warning(words[0], f"more than {MAX_DEPTH} blocks inside each other", "is a '}' missing above?")
            return None
        self._depth += 1
        entries = self.entries(node.children)
        self._depth -= 1
        return Entry(words, entries, words[0].where)

    def _without_annotation(self, words: tuple[Word, ...]) -> tuple[Word, ...]:
        """The words before a `//`, which keepalived takes for words like any other and the tutorials for a comment."""
        for index, word in enumerate(words):
            if word.text.startswith("//") and not word.quoted:
                clean = " ".join(written(each) for each in words[:index])
                self._diagnostics.warning(word,
                                          f"'{' '.join(written(each) for each in words[index:])}' taken for a comment, which "
                                          f"begins with # or !",
                                          f"write: {clean}" if clean else "write # in place of //", feature="// annotation")
                return words[:index]
        return words

    @staticmethod
    def _is_word(child: Any) -> bool:
        return not isinstance(child, _Node) and child.type in ("WORD", "UNTERMINATED")

    def _word(self, token: Token) -> Word:
        text = str(token)
        where, length = self._lines.where(token.line or 1, token.column or 1, text)
        if token.type == "UNTERMINATED":
            self._diagnostics.warning(Word(text, where, length), f"Unmatched quote: '{text}'", f'write: {text}"')
        plain = "".join(match[1] or match[2] or ("" if match[0] == '"' else match[0]) for match in _PIECE.finditer(text))
        return Word(plain, where, length, '"' in text)

    def _warn(self, token: Token, message: str, hint: str) -> None:
        before = str(token)[:-1]
        line = (token.line or 1) + before.count("\n")
        column = len(before) - before.rfind("\n") if "\n" in before else (token.column or 1) + len(before)
        where, length = self._lines.where(line, column, "{")
        self._diagnostics.warning(Word(str(token), where, length), message, hint)
