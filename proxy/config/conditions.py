"""Conditions of `.if`, `.elif` and `-cc`: parsed and evaluated in one pass, what need not be known is not evaluated.

Grammar, spaces allowed between all but a predicate's arguments:

    condition = conjunction *( "||" conjunction )
    conjunction = term *( "&&" term )
    term = "!" term / "(" condition ")" / integer / predicate [ "(" [ argument *( "," argument ) ] ")" ]

Source: HAProxy configuration manual, section 2.4; newer predicates from later versions of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from proxy.base.errors import PyproxyError
from proxy.base.version import ENABLED, FEATURES, HAPROXY_VERSION
from proxy.config.grammar import parse_lines
from proxy.config.quoting import QuotingError, expand
from proxy.config.suggest import did_you_mean

_INTEGER = re.compile(r"[+-]?(?:0[xX][0-9A-Fa-f]+|0[0-7]*|[1-9][0-9]*)")
_NAME = re.compile(r"[a-z_][a-z0-9_]*")
_BLANKS = re.compile(r"[ \t\n\v\f\r]*")
_VERSION = re.compile(
    r"v?([0-9]{1,5})(?:\.([0-9]{1,5}))?(?:\.([0-9]{1,5}))?(?:\.([0-9]{1,5}))?(?:-(dev|rc)([0-9]{1,5}))?(?:-([0-9]{1,5})(?:[+-].*)?)?"
)
_LIBRARY_VERSION = re.compile(r"([0-9]{1,3})\.([0-9]{1,3})\.([0-9]{1,3})([a-z])?(?:-(?:alpha|beta|dev|pre)[0-9]*)?")
_MAX_NESTING = 64

Evaluate = Callable[[list[str], Mapping[str, str]], bool]


class ConditionError(PyproxyError):
    """A condition that has no answer; `position` counts from 0 in the expression."""

    def __init__(self, message: str, position: int = 0, hint: str = "") -> None:
        super().__init__(message)
        self.message, self.position, self.hint = message, position, hint


class _Predicate(NamedTuple):
    arguments: int
    evaluate: Evaluate


def evaluate_expression(expression: str, environment: Mapping[str, str]) -> bool:
    """The truth of a condition whose quotes and variables are already resolved. An empty one is false.

    Raises: ConditionError.
    """
    return _Parser(expression, environment).whole()


def evaluate(text: str, environment: Mapping[str, str]) -> bool:
    """The truth of a condition as a user writes it: cut into words like a line, which are joined with single spaces.

    Raises: ConditionError.
    """
    words: list[str] = []
    for line in parse_lines(text + "\n"):
        for token in line[:-1]:
            if token.type != "WORD":
                raise ConditionError("unmatched quote", token.column - 1, "close it, or write a backslash before it")
            try:
                words += expand(str(token), environment.get)
            except QuotingError as error:
                raise ConditionError(error.message, token.column - 1 + error.offset, error.hint) from None
    return evaluate_expression(" ".join(words), environment)


class _Parser:
    def __init__(self, text: str, environment: Mapping[str, str]) -> None:
        self._text, self._environment = text, environment
        self._at, self._depth = 0, 0

    def whole(self) -> bool:
        self._skip_blanks()
        if self._at == len(self._text):
            return False
        value = self._condition(live=True)
        if self._at < len(self._text):
            raise ConditionError(
                f"unexpected character '{self._text[self._at]}' at the end of conditional expression '{self._text}'", self._at
            )
        return value

    def _condition(self, *, live: bool) -> bool:
        value = self._conjunction(live=live)
        while self._operator("||"):
            value = self._conjunction(live=live and not value) or value
        return value

    def _conjunction(self, *, live: bool) -> bool:
        value = self._term(live=live)
        while self._operator("&&"):
            value = self._term(live=live and value) and value
        return value

    def _operator(self, operator: str) -> bool:
        if not self._text.startswith(operator, self._at):
            return False
        start = self._at
        self._at += len(operator)
        self._skip_blanks()
        if self._at == len(self._text):
            raise self._unparsable(start)
        return True

    def _term(self, *, live: bool) -> bool:
        """One term and the blanks behind it. A term that is not live is checked but may give any value."""
        start, negated = self._at, False
        while self._text.startswith("!", self._at):
            negated = not negated
            self._at += 1
            self._skip_blanks()
        if self._at == len(self._text):
            raise self._unparsable(start)
        if self._text.startswith("(", self._at):
            value = self._parenthesis(live=live)
        elif match := _INTEGER.match(self._text, self._at):
            self._at = match.end()
            value = any(digit in "123456789abcdefABCDEF" for digit in match.group().lower().replace("0x", ""))
        else:
            value = self._predicate(live=live)
        self._skip_blanks()
        return value is not negated

    def _parenthesis(self, *, live: bool) -> bool:
        start = self._at
        self._depth += 1
        if self._depth > _MAX_NESTING:
            raise ConditionError(f"more than {_MAX_NESTING} nested parentheses", start)
        self._at += 1
        self._skip_blanks()
        if self._at == len(self._text):
            raise self._unparsable(start)
        value = self._condition(live=live)
        if not self._text.startswith(")", self._at):
            raise ConditionError(f"expected ')' after conditional expression '{self._text[start:]}'", start)
        self._at += 1
        self._depth -= 1
        return value

    def _predicate(self, *, live: bool) -> bool:
        start = self._at
        match = _NAME.match(self._text, start)
        predicate = _PREDICATES.get(match.group()) if match else None
        if match is None or predicate is None:
            raise self._unparsable(start, did_you_mean(match.group(), tuple(_PREDICATES)) if match else "")
        self._at = match.end()
        arguments = self._arguments(match.group(), predicate.arguments)
        if not live:
            return False
        try:
            return predicate.evaluate(arguments, self._environment)
        except ConditionError as error:
            raise ConditionError(error.message, start, error.hint) from None

    def _arguments(self, name: str, wanted: int) -> list[str]:
        """What stands in parentheses behind a predicate; quotes protect commas and parentheses a second time."""
        used_in = f"of predicate '{name}' used in conditional expression"
        arguments = [""]
        if self._text.startswith("(", self._at):
            start = self._at
            self._at += 1
            self._read_arguments(arguments, wanted, used_in)
            if not self._text.startswith(")", self._at):
                raise self._unparsable(start - len(name))
            self._at += 1
        if len(arguments) < wanted and wanted > 1:
            raise ConditionError(
                f"missing arguments (got {len(arguments)}/{wanted}), type 'string' expected in argument "
                f"{len(arguments)} {used_in}",
                self._at - 1,
            )
        return arguments

    def _read_arguments(self, arguments: list[str], wanted: int, used_in: str) -> None:
        text, quote = self._text, ""
        while self._at < len(text):
            char = text[self._at]
            if char == "\\" and quote != "'" and text[self._at + 1 : self._at + 2] in tuple("\\\"' nrt"):
                self._at += 1
                char = text[self._at]
                arguments[-1] += {"n": "\n", "r": "\r", "t": "\t"}.get(char, char)
            elif char == quote:
                quote = ""
            elif quote:
                arguments[-1] += char
            elif char in "\"'":
                quote = char
            elif char == ")":
                return
            elif char == ",":
                if len(arguments) >= wanted:
                    raise ConditionError(f"expected ')' before '{text[self._at :]}' in argument {wanted} {used_in}", self._at)
                arguments.append("")
            else:
                arguments[-1] += char
            self._at += 1

    def _skip_blanks(self) -> None:
        match = _BLANKS.match(self._text, self._at)
        assert match is not None
        self._at = match.end()

    def _unparsable(self, at: int, hint: str = "") -> ConditionError:
        return ConditionError(f"unparsable conditional expression '{self._text[at:]}'", at, hint)


def _version(text: str) -> tuple[int, ...]:
    """A HAProxy version in comparable form; what is no version counts as zero, as it does for HAProxy."""
    match = _VERSION.fullmatch(text)
    if match is None:
        return (0,)
    numbers = [int(part or 0) for part in match.group(1, 2, 3, 4)]
    stage = {"dev": 0, "rc": 1, None: 2}[match[5]]
    return (*numbers, stage, int(match[6] or 0), int(match[7] or 0))


def _library_version(text: str) -> tuple[int, int, int, int]:
    match = _LIBRARY_VERSION.fullmatch(text)
    if match is None:
        raise ConditionError(f"'{text}' is not a version of OpenSSL", hint="write three numbers, such as 1.1.1 or 3.0.0")
    major, minor, fix = (int(part) for part in match.group(1, 2, 3))
    return major, minor, fix, ord(match[4]) - 96 if match[4] else 0


def _own_library_version() -> tuple[int, int, int, int]:
    from ssl import OPENSSL_VERSION_INFO

    major, minor, fix, patch, _ = OPENSSL_VERSION_INFO
    return (major, minor, patch, 0) if major >= 3 else (major, minor, fix, patch)


def _library_name(arguments: list[str], _: Mapping[str, str]) -> bool:
    from ssl import OPENSSL_VERSION

    return OPENSSL_VERSION.startswith(arguments[0])


def _no_awslc(_arguments: list[str], _: Mapping[str, str]) -> bool:
    raise ConditionError(
        "this build has no AWS-LC, so its API version cannot be compared",
        hint="test ssllib_name_startswith(AWS-LC) first, with &&",
    )


_PREDICATES: dict[str, _Predicate] = {
    "defined": _Predicate(1, lambda a, environment: a[0] in environment),
    "feature": _Predicate(1, lambda a, _: a[0] in FEATURES),
    "streq": _Predicate(2, lambda a, _: a[0] == a[1]),
    "strneq": _Predicate(2, lambda a, _: a[0] != a[1]),
    "strstr": _Predicate(2, lambda a, _: a[1] in a[0]),
    "version_atleast": _Predicate(1, lambda a, _: _version(HAPROXY_VERSION) >= _version(a[0])),
    "version_before": _Predicate(1, lambda a, _: _version(HAPROXY_VERSION) < _version(a[0])),
    "openssl_version_atleast": _Predicate(1, lambda a, _: _own_library_version() >= _library_version(a[0])),
    "openssl_version_before": _Predicate(1, lambda a, _: _own_library_version() < _library_version(a[0])),
    "ssllib_name_startswith": _Predicate(1, _library_name),
    "awslc_api_atleast": _Predicate(1, _no_awslc),
    "awslc_api_before": _Predicate(1, _no_awslc),
    "enabled": _Predicate(1, lambda a, _: a[0] in ENABLED),
    "fips_mode": _Predicate(0, lambda _a, _: False),
}
