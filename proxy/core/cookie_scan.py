"""Looking for one cookie in a Cookie field of the plain kind that browsers send; `cookie_text` knows the other kinds.

Plain is: parts that end at ";", no quotes, commas, "$" attributes, empty parts, or white space but before a part. The compiled
twin is cookie_scan.pyx.
"""

from __future__ import annotations

import re

NOT_PLAIN = re.compile(rb'[",\t]|(?:^|;) *(?:[$;]|$)| [=;]|= | $')

not_plain = NOT_PLAIN.search


def scan(value: bytes, name: bytes) -> tuple[bytes | None, bytes | None] | None:
    """The value of the cookie of that name (None: not there), and what is left of the field without it (None: nothing is).

    None in all where the field is not plain, or has that cookie more than once.
    """
    if not_plain(value) is not None:
        return None
    wanted = name + b"="
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
