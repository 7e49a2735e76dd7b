"""Readers of single arguments, shared by the families of keywords."""

from __future__ import annotations

import re
from collections.abc import Callable

from proxy.base.units import parse_time_ms
from proxy.config.keywords.row import Line, Refusal
from proxy.config.statements import Word

_INTEGER = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9_.:-]*", re.ASCII)
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)


def integer_or_none(text: str) -> int | None:
    """A decimal integer with an optional sign, or None."""
    return int(text) if _INTEGER.fullmatch(text) else None


def integer(
    line: Line, index: int, low: int | None = None, high: int | None = None, refusal: str = ""
) -> int:
    """The argument as an integer within low and high.

    HAProxy reads what is not a number as 0 without a word; here it is refused.
    Raises: Refusal, with `refusal` as its text where given.
    """
    word = line.arguments[index]
    value = integer_or_none(word.text)
    if value is None:
        raise Refusal(refusal or f"'{line.keyword}' expects an integer argument (got '{word.text}').", word)
    if (low is not None and value < low) or (high is not None and value > high):
        bounds = f"at least {low}" if high is None else f"between {low} and {high}"
        raise Refusal(refusal or f"'{line.keyword}' expects an integer argument {bounds} (got {value}).", word)
    return value


def time_ms(word: Word, what: str, unit: str = "ms") -> int:
    """A time in milliseconds. `what` names the argument in HAProxy's message, e.g. "in 'timeout client'".

    Raises: Refusal.
    """
    try:
        return parse_time_ms(word.text, unit)
    except ValueError as error:
        raise Refusal(f"{error} {what}".rstrip(), word, "a number and a unit: us, ms, s, m, h or d, e.g. 30s") from None


def bad_name_character(text: str) -> str:
    """The first character that HAProxy does not permit in the name of a proxy or server; "" when all are."""
    match = _NAME.match(text)
    end = match.end() if match else 0
    return text[end] if end < len(text) else ""


def is_field_name(text: str) -> bool:
    """True for a token, the syntax of a field name (RFC 9110 §5.6.2)."""
    return bool(_TOKEN.fullmatch(text))


def one_of(*names: str) -> Callable[[str], bool]:
    """A test for membership that reads well in a table."""
    return frozenset(names).__contains__
