"""The language of `log-format`: text with `%variables`, read into items that `core.logformat` turns into lines.

state machine of one item:   text -> "%" -> [ "{flags}" ] -> name | "[expression]" | "%"
A run of spaces is one separator. None is written at the start of a line, nor after captured headers that are not there.
"""

import difflib
import re
from enum import Enum
from functools import lru_cache
from typing import NamedTuple

# Every variable, and whether it may only be used in HTTP mode. Source: HAProxy configuration manual, section 8.2.6.
_HTTP_NAMES = "CC CS HM HP HPO HQ HU HV Ta Ti Tq TR Tr r tr trg trl"
_OTHER_NAMES = """B H ID ST T Tc Td Th Tl Ts Tt Tu Tw U ac b bc bi bp bq ci cp f fc fi fp ft hr hrl hs hsl lc ms pid rc rt s
                  sc si sp sq sslc sslv t ts tsc"""
HTTP_ONLY = frozenset(_HTTP_NAMES.split())
VARIABLES = HTTP_ONLY | frozenset(_OTHER_NAMES.split())

TCPLOG = "%ci:%cp [%t] %ft %b/%s %Tw/%Tc/%Tt %B %ts %ac/%fc/%bc/%sc/%rc %sq/%bq"
HTTPLOG = (
    "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc %sq/%bq %hr %hs %{+Q}r"
)
# What HAProxy writes for a connection without TLS: no error, nothing negotiated, nothing resumed, no SNI.
HTTPSLOG = HTTPLOG + " 0/-/-/-/0 -/%sslv/%sslc"
CLF = (
    '%{+Q}o %{-Q}ci - - [%trg] %r %ST %B "" "" %cp %ms %ft %b %s %TR %Tw %Tc %Tr %Ta %tsc %ac %fc %bc %sc %rc %sq %bq '
    "%CC %CS %hrl %hsl"
)

_PLAIN = re.compile(r"[^% ]+")
_SPACES = re.compile(r" +")
_NAME = re.compile(r"[A-Za-z0-9]+")
_FLAGS = re.compile(r"([+-])([A-Za-z])")
_KNOWN_FLAGS = "QXE"


class ItemKind(Enum):
    """What an item of a format is."""

    TEXT = "text"
    SPACE = "space"
    VARIABLE = "variable"


class FormatItem(NamedTuple):
    """One item of a format: literal text, a separator, or a variable by name with the flags in force for it.

    `quote`, `hexadecimal` and `escape` are the flags Q, X and E.
    """

    kind: ItemKind
    text: str = " "
    quote: bool = False
    hexadecimal: bool = False
    escape: bool = False


class ParsedFormat(NamedTuple):
    """A format that can be compiled, and what in it is probably not what its writer meant."""

    items: tuple[FormatItem, ...]
    warnings: tuple[str, ...] = ()


class LogFormatError(ValueError):
    """A format that cannot be used.

    `position` counts characters of the format's text from 0; `hint` says what to write instead; `feature` names what
    HAProxy has and this program does not have yet, empty when the text is simply wrong.
    """

    def __init__(self, message: str, position: int, hint: str = "", feature: str = "") -> None:
        self.message, self.position, self.hint, self.feature = message, position, hint, feature
        super().__init__(message)


def nearest_variables(name: str) -> list[str]:
    """The variables whose names look most like `name`, likeliest first, at most three."""
    same_letters = sorted(known for known in VARIABLES if known.lower() == name.lower())
    prefixes = sorted((known for known in VARIABLES if len(known) > 1 and name.startswith(known)), key=len, reverse=True)
    alike = difflib.get_close_matches(name, sorted(VARIABLES), n=3, cutoff=0.6)
    return list(dict.fromkeys([*same_letters, *prefixes, *alike]))[:3]


@lru_cache(maxsize=256)
def parse_log_format(text: str, *, http: bool) -> ParsedFormat:
    """Read the text of a `log-format`, `error-log-format`, `log-format-sd` or `unique-id-format`.

    Remembered, because a large configuration has one format in thousands of sections.

    Raises: LogFormatError, worded as HAProxy words it after "failed to parse log-format : ".
    Source: HAProxy configuration manual, section 8.2.6.
    """
    return _Reader(text, http).read()


class _Reader:
    """One reading of one text."""

    def __init__(self, text: str, http: bool) -> None:
        self.text, self.http, self.at = text, http, 0
        self.items: list[FormatItem] = []
        self.warnings: list[str] = []
        self.standing = ""                  # the flags that %o set for all that follow

    def read(self) -> ParsedFormat:
        while self.at < len(self.text):
            if spaces := _SPACES.match(self.text, self.at):
                self.at = spaces.end()
                self._space()
            elif plain := _PLAIN.match(self.text, self.at):
                self.at = plain.end()
                self._literal(plain.group())
            else:
                self._percent()
        return ParsedFormat(tuple(self.items), tuple(self.warnings))

    def _space(self) -> None:
        if self.items and self.items[-1].kind is not ItemKind.SPACE:
            self.items.append(FormatItem(ItemKind.SPACE))

    def _literal(self, text: str) -> None:
        if self.items and self.items[-1].kind is ItemKind.TEXT:
            text = self.items.pop().text + text
        self.items.append(FormatItem(ItemKind.TEXT, text))

    def _percent(self) -> None:
        """Read what a "%" begins."""
        start = self.at
        self.at += 1
        following = self.text[self.at : self.at + 1]
        if not following:
            raise LogFormatError("truncated line after '%'.", start, "write '%%' for a '%'")
        if following == "%":
            self.at += 1
            self._literal("%")
        elif following == "{":
            self._flagged(start)
        elif following == "[":
            self._expression(start)
        elif following == "(":
            raise LogFormatError("named variables such as '%(name)ci' are not supported.", start, "leave out the '(name)'",
                                 feature="named log-format variables")
        elif following == " " or following in "0123456789":
            raise LogFormatError(
                f"unexpected variable name near '{following}' at position {self.at} line : '{self.text}'. Maybe you want to "
                "write a single '%', use the syntax '%%'.", self.at)
        elif name := _NAME.match(self.text, self.at):
            self.at = name.end()
            self._variable(name.group(), self.standing, start)
        else:
            self.warnings.append(f"the '%' at position {start} begins no variable and is not logged: write '%%' for a '%'")

    def _flagged(self, start: int) -> None:
        """Read "%{flags}" and what they are for."""
        end = self.text.find("}", self.at)
        if end < 0:
            raise LogFormatError(f"truncated line after '{self.text[self.at + 1:]}'.", start, "close the flags with '}'")
        written = self.text[self.at + 1 : end]
        self.at = end + 1
        name = _NAME.match(self.text, self.at)
        if name is None:
            if self.text.startswith("[", self.at):
                self._expression(start)
            raise LogFormatError(f"parse argument modifier without variable name near '{self.text[start:self.at]}'.", start,
                                 "flags stand before a variable: '%{+Q}r'")
        self.at = name.end()
        self._variable(name.group(), self._apply(written, start), start)

    def _apply(self, written: str, start: int) -> str:
        """The flags in force after "+Q,-X"; what is not a flag with its sign is warned about and has no effect."""
        flags = self.standing
        for part in filter(None, written.split(",")):
            match = _FLAGS.fullmatch(part)
            if match is None or match.group(2) not in _KNOWN_FLAGS:
                self.warnings.append(
                    f"'{part}' at position {start} is no flag and has no effect: those are Q, X, E after + or -"
                )
            elif match.group(1) == "-":
                flags = flags.replace(match.group(2), "")
            else:
                flags += match.group(2)
        return flags

    def _variable(self, name: str, flags: str, start: int) -> None:
        if name == "o":
            self.standing = flags
            return
        if name not in VARIABLES:
            hint = ", ".join(f"%{known}" for known in nearest_variables(name))
            raise LogFormatError(
                f"no such format variable '{name}'. If you wanted to emit the '%' character verbatim, you need to use '%%'.",
                start, f"did you mean {hint}?" if hint else "")
        if name in HTTP_ONLY and not self.http:
            raise LogFormatError(f"format variable '{name}' is reserved for HTTP mode.", start,
                                 "take it out, or set 'mode http' in this section")
        self.items.append(FormatItem(ItemKind.VARIABLE, name, "Q" in flags, "X" in flags, "E" in flags))

    def _expression(self, start: int) -> None:
        end = self.text.find("]", self.at)
        if end < 0:
            raise LogFormatError(f"missing ']' after '{self.text[self.at + 1:]}'.", start)
        expression = self.text[self.at : end + 1]
        raise LogFormatError(f"sample expressions such as '%{expression}' are not supported in formats.", start,
                             "use a variable (%ci, %HU, …) where there is one", feature="sample expressions in log formats")
