"""From text to sections: lines into words, variables replaced, conditional blocks decided."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from proxy.base.errors import Where
from proxy.config.conditionals import Conditionals
from proxy.config.diagnostics import Diagnostics
from proxy.config.environment import ENVIRONMENT_KEYWORDS, Environment, VariableError
from proxy.config.grammar import DIRECTIVES, SECTION_KINDS
from proxy.config.lines import PLAIN, Token, read_lines
from proxy.config.quoting import QuotingError, expand
from proxy.config.source import Source
from proxy.config.statements import Section, Statement, Word
from proxy.config.suggest import did_you_mean

MAX_WORDS = 64
"""How many words a line may have. Source: HAProxy's own limit, "too many words"."""


def read_sections(sources: Sequence[Source], environment: Mapping[str, str], diagnostics: Diagnostics) -> list[Section]:
    """Read all sources in order; every fault becomes an alert and reading goes on behind it.

    A section ends with its file. `environment` is left alone unless it is an `Environment`, which then takes what `setenv`,
    `presetenv`, `unsetenv` and `resetenv` in `global` change: those four are obeyed (and their faults reported) here, because
    the lines behind them see the change; their statements stay in the section all the same.
    """
    variables = environment if isinstance(environment, Environment) else Environment(environment)
    sections: list[Section] = []
    for source in sources:
        _FileReader(source, variables, diagnostics, sections).read()
    return sections


class _FileReader:
    """One source's way into sections."""

    def __init__(
        self, source: Source, environment: Environment, diagnostics: Diagnostics, sections: list[Section]
    ) -> None:
        self._source = source
        self._environment = environment
        self._diagnostics = diagnostics
        self._sections = sections
        self._conditionals = Conditionals(environment, diagnostics)
        self._header: tuple[Word, ...] = ()
        self._statements: list[Statement] = []
        self._line = 0

    def read(self) -> None:
        text = self._source.text
        if "\0" in text:
            self._refuse_nul(text)
            return
        for self._line, tokens in read_lines(text):
            words = self._words(tokens)
            if words:
                self._take(words)
            elif tokens[0][0].startswith("."):
                directive, column, _ = tokens[0]
                self._conditionals.skip(Word(directive, Where(self._source.name, self._line, column), len(directive)))
        self._end_section()
        self._conditionals.end()

    def _take(self, words: tuple[Word, ...]) -> None:
        keyword = words[0].text
        if keyword.startswith("."):
            self._directive(words)
        elif not self._conditionals.active:
            return
        elif not keyword:
            self._diagnostics.notice(words[0], "the line is ignored: its first word is empty.", "is a variable not set?")
        elif keyword in SECTION_KINDS:
            self._end_section()
            self._header = words
        elif self._header:
            self._statement(Statement(words, words[0].where))
        else:
            self._out_of_section(words[0])

    def _statement(self, statement: Statement) -> None:
        self._statements.append(statement)
        if statement.words[0].text in ENVIRONMENT_KEYWORDS and self._header[0].text == "global":
            try:
                self._environment.obey(statement)
            except VariableError as error:
                self._diagnostics.alert_line(statement, str(error), keyword=statement.keyword)

    def _directive(self, words: tuple[Word, ...]) -> None:
        if words[0].text in DIRECTIVES:
            self._conditionals.obey(words)
        elif self._conditionals.active:
            self._diagnostics.alert_line(
                words[0], f"unknown directive '{words[0]}'.", did_you_mean(words[0].text, DIRECTIVES)
            )

    def _out_of_section(self, word: Word) -> None:
        hint = did_you_mean(word.text, SECTION_KINDS) or (
            "start with a section: a line such as 'global', 'defaults', 'frontend NAME', 'backend NAME' or 'listen NAME'"
        )
        self._diagnostics.alert_line(word, f"unknown keyword '{word}' out of section.", hint, keyword=word.text)

    def _end_section(self) -> None:
        if self._header:
            first = self._header[0]
            self._sections.append(Section(first.text, self._header, tuple(self._statements), first.where))
        self._header, self._statements = (), []

    # Words

    def _words(self, tokens: list[Token]) -> tuple[Word, ...]:
        """The words of a line, none if it has a fault."""
        file, line = self._source.name, self._line
        words: list[Word] = []
        for text, column, kind in tokens:
            where = Where(file, line, column)
            if kind == PLAIN:
                words.append(Word(sys.intern(text), where, len(text)))
            elif not self._expand(text, kind, where, words):
                return ()
        if len(words) > MAX_WORDS:
            self._too_many(words)
            return ()
        return tuple(words)

    def _expand(self, source: str, kind: str, where: Where, words: list[Word]) -> bool:
        if kind == "UNTERMINATED":
            quote = source[0]
            self._fault(where, 0, "unmatched quote", f"close it with {quote}, or write \\{quote} for the quote itself")
            return False
        if kind == "LOST":
            self._fault(where, 0, "stray carriage return", "end every line with a line feed (LF, or CR LF)")
            return False
        try:
            texts = expand(source, self._variable)
        except QuotingError as error:
            self._fault(where, error.offset, error.message, error.hint)
            return False
        quoted = '"' in source or "'" in source
        words.extend(Word(text, where, len(source), quoted) for text in texts)
        return True

    def _variable(self, name: str) -> str | None:
        if name == ".FILE":
            return self._source.name
        if name == ".LINE":
            return str(self._line)
        if name == ".SECTION":
            return self._header[min(1, len(self._header) - 1)].text if self._header else ""
        return self._environment.get(name)

    # Faults

    def _fault(self, where: Where, offset: int, message: str, hint: str) -> None:
        at = Where(where.file, where.line, where.column + offset)
        self._diagnostics.alert_line(at, f"{message} at position {self._position(at)}:", hint)

    def _position(self, at: Where) -> int:
        """Where in its line, in octets from 1, as HAProxy counts."""
        before = self._source.line(at.line)[: at.column - 1]
        return len(before.encode("utf-8", "surrogateescape")) + 1

    def _too_many(self, words: list[Word]) -> None:
        """HAProxy counts the position in the line as it reads after quotes and variables, with single spaces."""
        last = words[MAX_WORDS - 1].text
        before = " ".join(word.text for word in words[: MAX_WORDS - 1])
        position = len(before.encode("utf-8", "surrogateescape")) + 2
        self._diagnostics.alert_line(
            words[MAX_WORDS],
            f"too many words, truncating after word {MAX_WORDS}, position {position}: <{last}>.",
            "split the line, or quote what belongs together",
        )

    def _refuse_nul(self, text: str) -> None:
        before = text[: text.index("\0")]
        line = before.count("\n") + 1
        column = len(before) - (before.rfind("\n") + 1) + 1
        at = Where(self._source.name, line, column)
        self._diagnostics.alert_line(
            at,
            f"Stray NUL character at position {self._position(at)}.",
            "this is not a text file, or it was damaged or saved as UTF-16: save it as UTF-8",
        )
