"""The text of Cookie and Set-Cookie fields: its parts, and what is left of it when one is taken out.

Parts end at ";" or ",", save inside double quotes. White space around the first "=" of a part is dropped. A part whose name
begins with "$" is an attribute of the cookie before it (RFC 2109) and goes when that one goes. What is left is what HAProxy
leaves, octet for octet.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_PART = re.compile(rb'((?:[^;,"]++|"(?:[^"\\]++|\\.?)*"?)*)([;,]|\Z)', re.DOTALL)
_SPACE_AROUND_EQUALS = (b" =", b"\t=", b"= ", b"=\t")          # looked for one by one, which is many times faster than a pattern
_BLANK = b" \t"

Parts = list[tuple[bytes, bytes]]           # text, and the delimiter after it; the last one's is empty


def split_parts(value: bytes) -> Parts:
    """The parts of a field value with the delimiters that follow them; joined they are the value."""
    parts: Parts = _PART.findall(value)
    if len(parts) > 1 and not parts[-2][1]:
        parts.pop()                         # nothing, found once more behind the last part
    return parts


def join_parts(parts: Parts) -> bytes:
    return b"".join([text + delimiter for text, delimiter in parts])


def tidy(value: bytes) -> bytes:
    """The value without white space around the first "=" of each part."""
    if not _has_space_around_equals(value):
        return value
    return join_parts([(_tidy_part(text), delimiter) for text, delimiter in split_parts(value)])


def tidy_first(value: bytes) -> bytes:
    """The same for the first part only: what follows in a Set-Cookie are attributes, not cookies."""
    if not _has_space_around_equals(value):
        return value
    (text, delimiter), *rest = split_parts(value)
    return _tidy_part(text) + delimiter + join_parts(rest)


def _has_space_around_equals(value: bytes) -> bool:
    return any(octets in value for octets in _SPACE_AROUND_EQUALS)


def _tidy_part(text: bytes) -> bytes:
    name, equals, value = text.partition(b"=")
    return name.rstrip(_BLANK) + equals + value.lstrip(_BLANK) if equals else text


def part_value(text: bytes, name: bytes) -> bytes | None:
    """The value of a (tidied) part when it is the cookie of that name, else None."""
    stripped = text.lstrip(_BLANK)
    if stripped.startswith(name) and stripped[len(name) : len(name) + 1] == b"=":
        return stripped[len(name) + 1 :].rstrip(_BLANK)
    return None


def replace_value(text: bytes, new_value: bytes) -> bytes:
    """The part with another value; white space before and after stays."""
    name, _, rest = text.partition(b"=")
    blank_after = rest[len(rest.rstrip(_BLANK)) :]
    return name + b"=" + new_value + blank_after


def without(parts: Parts, doomed: Callable[[bytes], bool]) -> bytes | None:
    """What is left of a Cookie field when the doomed parts and their attributes are cut out; None when nothing is."""
    left = bytearray()                      # what is added to an octet string copies all of it
    pending = b""                           # the delimiter before what comes next
    worth_keeping = False
    cut = False                             # the part before this one was cut out
    last = len(parts) - 1
    for index, (text, delimiter) in enumerate(parts):
        word = text.strip(_BLANK)
        if doomed(text) or (cut and word[:1] == b"$"):
            cut = True
            continue
        if cut and (left or pending):
            while left and left[-1] in _BLANK:
                left.pop()
            left += pending + b" " + text.lstrip(_BLANK)
        else:
            left += pending + (text.lstrip(_BLANK) if cut else text)
        pending, cut = delimiter, False
        worth_keeping = worth_keeping or (word[:1] != b"$" if word else 0 < index < last)
    if not worth_keeping:
        return None
    return bytes(left if cut else left + pending)
