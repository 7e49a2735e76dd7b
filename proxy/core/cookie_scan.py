"""Looking for one cookie in a Cookie field of the plain kind that browsers send; `cookie_text` knows the other kinds.

Plain is: parts that end at ";", no quotes, commas, "$" attributes, empty parts, or white space but before a part. The compiled
twin is cookie_scan.pyx.
"""

from __future__ import annotations

import re

NOT_PLAIN_FIRST = re.compile(rb" *(?:[$;]|$)")
NOT_PLAIN_LATER = re.compile(rb"; *(?:[$;]|$)")
NOT_PLAIN_OCTETS = (b'"', b",", b"\t", b" =", b" ;", b"= ")


def scan(value: bytes, name: bytes) -> tuple[bytes | None, bytes | None] | None:
    """The value of the cookie of that name (None: not there), and what is left of the field without it (None: nothing is).

    None in all where the field is not plain, or has that cookie more than once.
    """
    if is_odd(value):
        return None
    wanted = name + b"="
    if wanted not in value:
        return None, value
    found = None
    kept: list[bytes] = []
    cut_at = 0
    for part in value.split(b";"):
        text = part.lstrip(b" ")
        if not text.startswith(wanted):
            kept.append(part)
        elif found is not None:
            return None
        else:
            found, cut_at = text[len(wanted):], len(kept)
    if found is None:
        return None, value
    if not kept:
        return found, None
    if cut_at < len(kept):
        kept[cut_at] = (b" " if cut_at else b"") + kept[cut_at].lstrip(b" ")
    return found, b";".join(kept)


def is_odd(value: bytes) -> bool:
    """Whether a field is not of the plain kind; a search for each octet is many times faster than one for all of them."""
    for octets in NOT_PLAIN_OCTETS:
        if octets in value:
            return True
    return value.endswith(b" ") or NOT_PLAIN_FIRST.match(value) is not None or NOT_PLAIN_LATER.search(value) is not None
