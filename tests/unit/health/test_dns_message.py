"""Queries and answers of name servers, octet by octet."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.health.dns_message import AAAA, CNAME, A, NotAnAnswer, encoded, query, read_answer

NAME = b"\x03app\x04test\x00"
POINT = b"\xc0\x0c"


def record(owner: bytes, kind: int, data: bytes) -> bytes:
    return owner + struct.pack("!HHIH", kind, 1, 60, len(data)) + data


def response(*records: bytes, kind: int = A, flags: int = 0x8180, name: bytes = NAME, questions: int = 1) -> bytes:
    header = struct.pack("!HHHHHH", 7, flags, questions, len(records), 0, 0)
    return header + name + struct.pack("!HH", kind, 1) + b"".join(records)


def test_a_query() -> None:
    assert query(7, encoded("App.test."), A, 512) == (
        b"\x00\x07\x01\x00\x00\x01\x00\x00\x00\x00\x00\x01" + NAME + b"\x00\x01\x00\x01"
        b"\x00\x00\x29\x02\x00\x00\x00\x00\x00\x00\x00")


@pytest.mark.parametrize("host", ["", "a..b", "x" * 64, ".".join(["x" * 60] * 5), "a.é"])
def test_what_is_no_name(host: str) -> None:
    with pytest.raises(ValueError, match=r"name|ascii"):
        encoded(host)


def test_addresses_in_their_order_and_once() -> None:
    answer = read_answer(response(*(record(POINT, A, bytes(octets)) for octets in ((10, 0, 0, 2), (10, 0, 0, 1), (10, 0, 0, 2)))))
    assert (answer.number, answer.name, answer.kind, answer.code) == (7, NAME, A, 0)
    assert answer.addresses == ("10.0.0.2", "10.0.0.1")
    assert read_answer(response(record(POINT, AAAA, bytes(15) + b"\1"), kind=AAAA)).addresses == ("::1",)


def test_another_name_is_followed_and_others_are_not() -> None:
    other = b"\x01b\x04test\x00"
    found = read_answer(response(
        record(other, A, bytes((10, 0, 0, 9))),             # of a name that nobody asked for, as far as is known by then
        record(POINT, CNAME, other), record(b"\x01B\x04TEST\x00", A, bytes((10, 0, 0, 1))), record(POINT, AAAA, bytes(16))))
    assert found.addresses == ("10.0.0.1",)


def test_codes_and_truncation() -> None:
    assert read_answer(response(flags=0x8183)).code == 3
    assert read_answer(response(flags=0x8380)).truncated
    assert read_answer(response(name=b"\x03APP\x04tEst\x00")).name == NAME


@pytest.mark.parametrize("octets", [
    b"", bytes(11), response(flags=0x0100), response(questions=2), response()[:-1],
    response(record(POINT, A, bytes(4)))[:-1], response(name=b"\xc0\x0c"), response(name=b"\xc0\xff"),
    response(name=b"\x80a\x00"),
    response(record(b"\xc0\x1a", A, bytes(4))),             # a pointer to itself
    response(record(b"\xc0\x40", A, bytes(4))),             # forwards
    response(name=(b"\x3f" + b"x" * 63) * 5 + b"\0"), response(name=b"\x3fx"),
], ids=range(13))
def test_what_is_no_answer(octets: bytes) -> None:
    with pytest.raises(NotAnAnswer):
        read_answer(octets)


GOOD = response(record(POINT, CNAME, b"\x01b\xc0\x10"), record(b"\x01b\xc0\x10", A, bytes(4)))


@given(st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), max_size=8), st.integers(0, len(GOOD)))
def test_whatever_comes_is_an_answer_or_is_none(changes: list[tuple[int, int]], length: int) -> None:
    octets = bytearray(GOOD)
    for at, value in changes:
        octets[at] = value
    for candidate in (bytes(octets), bytes(octets[:length])):
        try:
            read_answer(candidate)
        except NotAnAnswer:
            pass
