"""Looking for one cookie in a Cookie field of the plain kind that browsers send; `cookie_text` knows the other kinds.

Plain is: parts that end at ";", no quotes, commas, "$" attributes, empty parts, or white space but before a part. The compiled
twin is cookie_scan.pyx.
"""

from __future__ import annotations

import re

SEMICOLON = 59
TEXT = rb'(?:[^";,\t =]++|=(?! )| ++(?![=;]|\Z))+'
PART = rb"(?: ++(?!=))?(?![$ ])" + TEXT
is_plain = re.compile(PART + rb"(?:;" + PART + rb")*").fullmatch


def scan(value: bytes, name: bytes) -> tuple[bytes | None, bytes | None] | None:
    """The value of the cookie of that name (None: not there), and what is left of the field without it (None: nothing is).

    None in all where the field is not plain, or has that cookie more than once.
    """
    if is_plain(value) is None:
        return None
    wanted = name + b"="
    at = part_with(value, wanted, 0)
    if at < 0:
        return None, value
    if part_with(value, wanted, at + 1) >= 0:
        return None
    found, semicolon, after = value[at + len(wanted):].partition(b";")
    before = value[:at].rstrip(b" ;")
    if not semicolon:
        return found, before or None
    after = after.lstrip(b" ")
    return found, before + b"; " + after if before else after


def part_with(value: bytes, wanted: bytes, start: int) -> int:
    """Where the first part that begins so begins, from `start` on; -1 when none does."""
    at = value.find(wanted, start)
    while at > 0:
        before = value[:at].rstrip(b" ")
        if not before or before[-1] == SEMICOLON:
            break
        at = value.find(wanted, at + 1)
    return at
