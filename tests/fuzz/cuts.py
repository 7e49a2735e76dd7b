"""Where an input is cut: anywhere, but the same input always alike."""

from __future__ import annotations

import random
import zlib
from itertools import pairwise

ALL_BELOW = 120
SOME = 12


def chance_of(octets: bytes) -> random.Random:
    """The dice of an input."""
    return random.Random(zlib.crc32(octets))


def ends_of(octets: bytes) -> list[int]:
    """Where beginnings of the input end: everywhere in a short one, in a dozen places of a long one; in order."""
    length = len(octets)
    if length <= ALL_BELOW:
        return list(range(length))
    return sorted(chance_of(octets).sample(range(length), SOME))


def pieces_of(octets: bytes) -> list[bytes]:
    """The input in a few pieces, none of them empty."""
    cuts = [0, *(end for end in ends_of(octets) if end), len(octets)]
    return [octets[begin:end] for begin, end in pairwise(cuts) if begin < end]
