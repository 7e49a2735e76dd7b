"""Looking for one cookie in a Cookie field of the plain kind that browsers send; `cookie_text` knows the other kinds.

Plain is: parts that end at ";", no quotes, commas, "$" attributes, empty parts, or white space but before a part. The compiled
twin is cookie_scan.pyx.
"""

from __future__ import annotations

import re

SPACE, SEMICOLON = 32, 59
RUN = rb"""[^",;\t ]++"""
PART = rb"(?: ++(?!=))?(?!\$)" + RUN + rb"(?:(?<!=) ++(?!=)" + RUN + rb")*"
is_plain = re.compile(PART + rb"(?:;" + PART + rb")*").fullmatch


def scan(value: bytes, name: bytes) -> tuple[bytes | None, bytes | None] | None:
    """The value of the cookie of that name (None: not there), and what is left of the field without it (None: nothing is).

    None in all where the field is not plain, or has that cookie more than once.
    """
    if is_plain(value) is None:
        return None
    wanted = name + b"="
    found_at = part_at = -1
    at = value.find(wanted)
    while at >= 0:
        begin = at
        while begin and value[begin - 1] == SPACE:
            begin -= 1
        if not begin or value[begin - 1] == SEMICOLON:
            if found_at >= 0:
                return None
            found_at, part_at = at, begin
        at = value.find(wanted, at + 1)
    if found_at < 0:
        return None, value
    found_at += len(wanted)
    end = value.find(b";", found_at)
    if end < 0:
        return value[found_at:], value[:part_at - 1] if part_at else None
    rest = value[end + 1:].lstrip(b" ")
    return value[found_at:end], value[:part_at] + b" " + rest if part_at else rest
