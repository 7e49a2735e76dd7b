"""Readers of single arguments, shared by the families of keywords."""

from __future__ import annotations

import re

from proxy.base.units import UnitError, parse_time_ms
from proxy.config.keywords.row import Line, Refusal

_INTEGER = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)
_TIME_BEGINNING = re.compile(r"[0-9]+(?:us|ms|[smhd])", re.ASCII)
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
        hint = "" if word.text else "the word is empty: is an environment variable missing?"
        raise Refusal(refusal or f"'{line.keyword}' expects an integer argument (got '{word.text}').", word, hint)
    if (low is not None and value < low) or (high is not None and value > high):
        bounds = f"at least {low}" if high is None else f"between {low} and {high}"
        raise Refusal(refusal or f"'{line.keyword}' expects an integer argument {bounds} (got {value}).", word)
    return value


def time_ms(line: Line, index: int, where: str = "", unit: str = "ms") -> int:
    """The argument as a time in milliseconds; a bare number is in `unit`.

    `where` ends HAProxy's message, e.g. "in argument to <grace>."; without it the keyword is named. What follows a good time, as
    in "1min", gives a warning only, as in HAProxy.
    Raises: Refusal.
    """
    word = line.arguments[index]
    text = word.text
    good = _TIME_BEGINNING.match(text)
    if good and good.end() < len(text):
        line.warn(
            f"unexpected character '{text[good.end()]}' after the timer value '{text}', only "
            "(us=microseconds,ms=milliseconds,s=seconds,m=minutes,h=hours,d=days) are supported. This will be reported as an "
            "error in next versions.", word, f"write: {good.group()}", parsing=False,
        )
        text = good.group()
    try:
        return parse_time_ms(text, unit)
    except UnitError as error:
        message = f"{error.problem} {where} {error.limit}".rstrip() if where else error.about(line.keyword)
        raise Refusal(message, word, error.hint) from None


def bad_name_character(text: str) -> str:
    """The first character that HAProxy does not permit in the name of a proxy or server; "" when all are."""
    match = _NAME.match(text)
    end = match.end() if match else 0
    return text[end] if end < len(text) else ""


def is_field_name(text: str) -> bool:
    """True for a token, the syntax of a field name (RFC 9110 §5.6.2)."""
    return bool(_TOKEN.fullmatch(text))
