"""Times and sizes as HAProxy writes them.

Source: HAProxy configuration manual, section 2.5 "Time format"; size suffixes under "stick-table".
"""

from __future__ import annotations

import re

from proxy.base.errors import PyproxyError

MAX_TIME_MS = 2**31 - 1
MAX_SIZE = 2**32 - 1

_TIME = re.compile("([0-9]+)(us|ms|s|m|h|d)?")
_SIZE = re.compile("([0-9]+)([kKmMgG])?")
_DIGITS = re.compile("[0-9]+")
_MICROSECONDS = {"us": 1, "ms": 1_000, "s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}
_OCTETS = {None: 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_TIME_HINT = "write a whole number and a unit: us, ms, s, m, h or d, such as 30s"
_SIZE_HINT = "write a whole number and, if need be, k, m or g, such as 64k"
# Longer numbers overflow whatever their unit; int() is not asked to read them.
_MAX_DIGITS = 19


class UnitError(PyproxyError, ValueError):
    """A time or size that cannot be read; `hint` is how to write one.

    `problem` is what HAProxy says before naming the keyword ("unexpected character 'x'"), `limit` what it says after it.
    """

    def __init__(self, problem: str, hint: str, limit: str = "") -> None:
        super().__init__(f"{problem} {limit}".rstrip())
        self.problem, self.hint, self.limit = problem, hint, limit

    def about(self, keyword: str) -> str:
        """The message with the keyword named where HAProxy names it."""
        joint = "to" if self.limit else "in"
        return f"{self.problem} {joint} '{keyword}' {self.limit}".rstrip()


def parse_time_ms(text: str, default_unit: str = "ms") -> int:
    """A time in milliseconds, rounded up; `default_unit` is that of a bare number.

    Raises: UnitError.
    """
    return -(-_microseconds(text, default_unit) // 1_000)


def parse_time_s(text: str, default_unit: str = "s") -> int:
    """A time in seconds, rounded up; `default_unit` is that of a bare number.

    Raises: UnitError.
    """
    return -(-_microseconds(text, default_unit) // 1_000_000)


def parse_size(text: str, maximum: int = MAX_SIZE) -> int:
    """A size in octets; k, m and g are powers of 1024.

    Raises: UnitError.
    """
    match = _SIZE.fullmatch(text)
    if match is None:
        raise _unexpected(text, "kKmMgG", _SIZE_HINT)
    size = _number(match[1]) * _OCTETS[match[2].lower() if match[2] else None]
    if size > maximum:
        raise UnitError(f"size overflow in argument '{text}'", "write a smaller size", f"(maximum value is {maximum})")
    return size


def _microseconds(text: str, default_unit: str) -> int:
    match = _TIME.fullmatch(text)
    if match is None:
        raise _unexpected(text, "", _TIME_HINT)
    value = _number(match[1]) * _MICROSECONDS[match[2] or default_unit]
    if value > MAX_TIME_MS * 1_000:
        limit = f"(maximum value is {MAX_TIME_MS} ms or ~24.8 days)"
        raise UnitError(f"timer overflow in argument '{text}'", "write a shorter time", limit)
    return value


def _number(digits: str) -> int:
    significant = digits.lstrip("0")
    return int(significant or "0") if len(significant) <= _MAX_DIGITS else 10**_MAX_DIGITS


def _unexpected(text: str, units: str, hint: str) -> UnitError:
    """The error that names the first character which cannot stand where it does."""
    if not text:
        return UnitError("missing value", hint)
    match = _DIGITS.match(text)
    at = match.end() if match else 0
    if match and not units:
        # As far as a unit can be made out, the fault is what follows it: '1d2h', '1min'.
        known = re.match("us|ms|[smhd]", text[at:])
        at += known.end() if known else 0
    elif match and text[at] in units:
        at += 1
    return UnitError(f"unexpected character '{text[at]}'", hint)
