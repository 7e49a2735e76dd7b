"""The hash functions of `hash-type`, over octets, 32 bits wide.

Each is a published function; the avalanche's last multiplication was found by comparing with a running HAProxy, bit by bit.
HAProxy's own `wt6` is defined nowhere but in HAProxy, and is not offered.
Source: HAProxy configuration manual, "hash-type"; sdbm and djb2: Ozan Yigit, "Hash Functions"; avalanche: Bob Jenkins, "Integer
Hashing" (the six-shift full avalanche).
"""

from __future__ import annotations

from collections.abc import Callable
from zlib import crc32

MASK = 0xFFFFFFFF
SPREAD = 0xC0000001

Hash = Callable[[bytes], int]


def sdbm(octets: bytes) -> int:
    """The hash of the sdbm database library: h = octet + 65599 h."""
    result = 0
    for octet in octets:
        result = (octet + result * 65599) & MASK
    return result


def djb2(octets: bytes) -> int:
    """Dan Bernstein's hash: h = octet + 33 h, from 5381."""
    result = 5381
    for octet in octets:
        result = (octet + result * 33) & MASK
    return result


def avalanche(value: int) -> int:
    """Mix 32 bits so that each bit of the value changes about half the bits of the result."""
    value = (value + 0x7ED55D16 + (value << 12)) & MASK
    value = (value ^ 0xC761C23C) ^ (value >> 19)
    value = (value + 0x165667B1 + (value << 5)) & MASK
    value = ((value + 0xD3A2646C) ^ (value << 9)) & MASK
    value = (value + 0xFD7046C5 + (value << 3)) & MASK
    value = (value ^ 0xB55A4F09) ^ (value >> 16)
    return value * SPREAD & MASK


HASH_FUNCTIONS: dict[str, Hash] = {"sdbm": sdbm, "djb2": djb2, "crc32": crc32}


def address_number(packed: bytes) -> int:
    """An address as 32 bits: an IPv4 address as it is, an IPv6 address folded by exclusive or."""
    result = 0
    for start in range(0, len(packed), 4):
        result ^= int.from_bytes(packed[start : start + 4], "big")
    return result
