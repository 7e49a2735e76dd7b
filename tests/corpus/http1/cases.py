"""The cases: octets, what must come of them, and why (../shared/h1/README.md says what the words mean)."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
Case = dict[str, Any]
MOST_BYTEWISE = 20_000      # octets: past the limit of a head, octet by octet says nothing new


def cases_of(*names: str) -> list[Case]:
    return [case for name in names for case in json.loads((FOLDER / f"{name}.json").read_text())]


REQUESTS = cases_of("requests", "more_requests", "further_requests")           # the shared ones, and those of our own
RESPONSES = cases_of("responses", "more_responses", "further_responses")


def octets_of(raw: str | list[Any]) -> bytes:
    """The octets of a case; its pauses are splits, and every split is tried anyway."""
    out = b""
    for part in [raw] if isinstance(raw, str) else raw:
        if isinstance(part, str):
            out += part.encode("latin-1")
        elif "repeat" in part:
            out += part["repeat"].encode("latin-1") * part["times"]
    return out


def splits(octets: bytes, seeds: int = 8, most_bytewise: int = MOST_BYTEWISE) -> list[list[bytes]]:
    """The octets whole, octet by octet, and in random pieces."""
    ways = [[octets]]
    if len(octets) <= most_bytewise:
        ways.append([octets[at:at + 1] for at in range(len(octets))])
    for seed in range(seeds):
        rng = random.Random(seed)
        pieces, at = [], 0
        while at < len(octets):
            step = rng.choice((1, 2, 3, 7, 50, 1000, 20_000))
            pieces.append(octets[at:at + step])
            at += step
        ways.append(pieces)
    return ways


MEANINGFUL = (
    b"\r\n", b"\r", b"\n", b"\x00", b":", b"\t", b" ", b",", b";", b"0", b"chunked", b"Content-Length: 5\r\n",
    b"Transfer-Encoding: chunked\r\n", b"\x85", b"\xa0", b"\xff", b"+", b"-", b"0x",
)


def mutated(octets: bytes, rng: random.Random) -> bytes:
    """The octets with one to three octets lost, added, changed or repeated."""
    out = bytearray(octets)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        at = rng.randrange(len(out) + 1)
        kind = rng.randrange(5)
        if kind == 0:
            del out[at:at + 1]
        elif kind == 1:
            out[at:at] = bytes([rng.randrange(256)])
        elif kind == 2:
            out[at:at] = rng.choice(MEANINGFUL)
        elif kind == 3:
            out[at:at + 1] = bytes([rng.randrange(256)])
        else:
            start = rng.randrange(len(out) + 1)
            out[at:at] = out[start:start + rng.randrange(1, 30)]
    return bytes(out)
