"""A head that comes in pieces is read only when that may lead somewhere: nothing is missed, and it is read few times."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.base.errors import RemoteProtocolError
from proxy.core.http1.limits import Limits
from proxy.core.http1.reader import read_request, read_response
from proxy.core.http1.unfinished import ALWAYS_READ, Unfinished

LIMITS = Limits(head=120, start_line=60, fields=5)
PIECES = [b"\r\n", b"\r", b"\n", b"\x00", b"GET ", b"/", b" HTTP/1.1\r\n", b"HTTP/1.1 200 OK\r\n", b"Host: a\r\n", b"x", b": ",
          b"x" * 30]


def read(octets: bytes, is_request: bool) -> bool:
    """Does reading lead anywhere?"""
    try:
        head = read_request(octets, 0, LIMITS) if is_request else read_response(octets, 0, LIMITS, b"GET")
    except RemoteProtocolError:
        return True
    return head is not None


@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=14).map(b"".join), st.booleans(), st.randoms(use_true_random=False))
def test_what_is_not_given_back_need_not_be_read(octets: bytes, is_request: bool, chance: random.Random) -> None:
    unfinished: Unfinished | None = None
    at = 0
    while at < len(octets):
        size = chance.choice((1, 1, 2, 3, 9))
        piece = octets[at:at + size]
        at += size
        come = octets[:at]
        whole: bytes | None = come
        if unfinished is not None:
            whole = unfinished.add(piece)
            assert len(unfinished) == len(come)
            assert whole in (come, None)
        if read(come, is_request):
            assert whole == come
            return
        if whole is not None:
            unfinished = Unfinished(come, LIMITS.start_line if is_request else LIMITS.head, LIMITS.head)


@pytest.mark.parametrize("line", [b"a:\r\n", b"x-name: some value of it\r\n", b"x: " + b"y" * 4000 + b"\r\n"])
def test_a_head_is_read_few_times_however_many_pieces_it_has(line: bytes) -> None:
    octets = b"GET / HTTP/1.1\r\nhost: a\r\n" + line * (60_000 // len(line))
    reads, unfinished = 0, Unfinished(octets[:1], 100_000, 100_000)
    for at in range(1, len(octets)):
        whole = unfinished.add(octets[at:at + 1])
        if whole is not None:
            reads += 1
            unfinished = Unfinished(whole, 100_000, 100_000)
    assert reads <= ALWAYS_READ + 1
    assert unfinished.add(b"\r\n") == octets + b"\r\n"
