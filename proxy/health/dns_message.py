"""Queries for addresses, and the answers of name servers: octets in, values out.

Whatever a name server sends is read within its bounds: pointers lead backwards only, names are as long as names may be, and what
does not fit is no answer.

Source: RFC 1035 §4 (messages), RFC 3596 §2 (AAAA), RFC 6891 §6 (the size of answers).
"""

from __future__ import annotations

import ipaddress
import struct
from typing import NamedTuple

A, CNAME, AAAA, OPT, IN = 1, 5, 28, 41, 1
NOERROR, NXDOMAIN, REFUSED = 0, 3, 5
RECURSE, RESPONSE, TRUNCATED = 0x0100, 0x8000, 0x0200
HEADER = struct.Struct("!HHHHHH")
RECORD = struct.Struct("!HHIH")
NAME_MOST = 255
LABEL_MOST = 63
POINTER = 0xC0
ADDRESS_OCTETS = {A: 4, AAAA: 16}


class NotAnAnswer(ValueError):
    """Octets that are no answer to any query of ours."""


class Answer(NamedTuple):
    """What a name server says: `addresses` as text, in its order; `name` is what was asked, in lower case."""

    number: int
    name: bytes
    kind: int
    code: int
    truncated: bool
    addresses: tuple[str, ...]


def encoded(host: str) -> bytes:
    """A host name as it stands in messages, in lower case.

    Raises: ValueError for what is no name.
    """
    labels = [label.encode("ascii").lower() for label in host.rstrip(".").split(".")]
    if not all(0 < len(label) <= LABEL_MOST for label in labels):
        raise ValueError("a part of the name is empty or too long")
    name = b"".join(bytes((len(label),)) + label for label in labels) + b"\0"
    if len(name) > NAME_MOST:
        raise ValueError("the name is too long")
    return name


def query(number: int, name: bytes, kind: int, payload_octets: int) -> bytes:
    """A question for the addresses of a name (`encoded`); answers may have so many octets."""
    opt = b"\0" + RECORD.pack(OPT, payload_octets, 0, 0)
    return HEADER.pack(number, RECURSE, 1, 0, 0, 1) + name + struct.pack("!HH", kind, IN) + opt


def read_answer(octets: bytes) -> Answer:
    """Read an answer.

    Raises: NotAnAnswer.
    """
    try:
        number, flags, questions, answers, _, _ = HEADER.unpack_from(octets)
        if not flags & RESPONSE or questions != 1:
            raise NotAnAnswer("not a response to one question")
        name, at = _name(octets, HEADER.size)
        kind, family = struct.unpack_from("!HH", octets, at)
        if family != IN:
            raise NotAnAnswer("not of the Internet")
        addresses = _addresses(octets, at + 4, answers, name, kind)
    except struct.error:
        raise NotAnAnswer("shorter than it says") from None
    return Answer(number, name, kind, flags & 0xF, bool(flags & TRUNCATED), addresses)


def _addresses(octets: bytes, at: int, answers: int, asked: bytes, kind: int) -> tuple[str, ...]:
    """Those of the name that was asked for, and of those that it is another name of."""
    names, found = {asked}, []
    for _ in range(answers):
        owner, at = _name(octets, at)
        found_kind, family, _, length = RECORD.unpack_from(octets, at)
        at += RECORD.size
        if at + length > len(octets):
            raise NotAnAnswer("shorter than it says")
        if owner in names and family == IN:
            if found_kind == CNAME:
                names.add(_name(octets, at)[0])
            elif found_kind == kind and length == ADDRESS_OCTETS.get(kind):
                found.append(str(ipaddress.ip_address(octets[at:at + length])))
        at += length
    return tuple(dict.fromkeys(found))


def _name(octets: bytes, at: int) -> tuple[bytes, int]:
    """The name that begins there, without its pointers and in lower case, and where what follows it begins."""
    parts: list[bytes] = []
    size, end, limit = 1, -1, at + 1
    while True:
        if at >= len(octets):
            raise NotAnAnswer("a name without an end")
        length = octets[at]
        if length & POINTER == POINTER:
            (pointer,) = struct.unpack_from("!H", octets, at)
            target = pointer & 0x3FFF
            if end < 0:
                end = at + 2
            if target >= limit - 1:
                raise NotAnAnswer("a name that leads nowhere")
            at, limit = target, target + 1
            continue
        if length & POINTER:
            raise NotAnAnswer("a label of an unknown kind")
        size += length + 1
        if size > NAME_MOST + 1 or at + 1 + length > len(octets):
            raise NotAnAnswer("a name that is too long")
        parts.append(octets[at:at + 1 + length].lower())
        at += 1 + length
        if not length:
            return b"".join(parts), at if end < 0 else end
