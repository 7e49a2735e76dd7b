"""Heads as a caller reads them: unfinished, whole, too large, refused; the same however the octets come."""

from __future__ import annotations

import pytest

from proxy.base.errors import RemoteProtocolError
from proxy.core.http1.head import RequestHead
from proxy.core.http1.limits import DEFAULT_LIMITS, Limits
from proxy.core.http1.reader import read_request, read_response

GET = b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n"
SMALL = Limits(head=100, start_line=40, fields=3, leading_lines=2)


def request(octets: bytes, start: int = 0) -> RequestHead:
    head = read_request(octets, start, DEFAULT_LIMITS)
    assert head is not None
    return head


def fate(octets: bytes, limits: Limits) -> tuple[int, int]:
    """Status and number of octets at which a request that comes octet by octet is refused; (0, 0) if it is not."""
    for end in range(1, len(octets) + 1):
        try:
            read_request(octets[:end], 0, limits)
        except RemoteProtocolError as error:
            return error.status, end
    return 0, 0


def refused(octets: bytes, limits: Limits = DEFAULT_LIMITS) -> int:
    with pytest.raises(RemoteProtocolError) as caught:
        read_request(octets, 0, limits)
    return caught.value.status


def response_refused(octets: bytes, limits: Limits = DEFAULT_LIMITS) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        read_response(octets, 0, limits, b"GET")
    assert caught.value.status == 502


def test_a_head_and_where_its_body_begins() -> None:
    octets = b"..." + GET + b"body"
    head = request(octets, 3)
    assert (head.method, head.target, head.version_minor, head.fields) == (b"GET", b"/x", 1, [(b"host", b"a")])
    assert octets[3 + head.size:] == b"body"


def test_unfinished_heads_ask_for_more() -> None:
    for end in range(len(GET)):
        assert read_request(GET[:end], 0, DEFAULT_LIMITS) is None


def test_empty_lines_before_a_request_are_part_of_its_size() -> None:
    octets = b"\r\n\r\n" + GET
    assert request(octets).size == len(octets)
    for end in range(len(octets)):
        assert read_request(octets[:end], 0, DEFAULT_LIMITS) is None


def test_empty_lines_are_bounded() -> None:
    assert read_request(b"\r\n\r\n" + GET, 0, SMALL) is not None
    assert refused(b"\r\n\r\n\r\n" + GET, SMALL) == 400
    assert fate(b"\r\n\r\n\r\n" + GET, SMALL) == (400, 5)


@pytest.mark.parametrize(
    "octets", [b"\rG", b"\r\n\rG", b"\n", b"\n" + GET, b" GET / HTTP/1.1\r\n", b"\x16\x03\x01", b"\x00", b"GET\n"],
)
def test_what_cannot_become_a_head_is_refused_at_once(octets: bytes) -> None:
    assert refused(octets) == 400


@pytest.mark.parametrize(("line", "status"), [
    (b"GET / HTTP/2.0", 505), (b"GET / HTTP/0.9", 505), (b"PRI * HTTP/2.0", 505), (b"GET / HTTP/1", 400), (b"GET /", 400),
    (b"GET / HTTP/1.10", 400), (b"GET / http/1.1", 400), (b"GET  / HTTP/1.1", 400), (b"GET / HTTP/1.1 ", 400),
    (b"GET\t/ HTTP/1.1", 400), (b"GET /a#b HTTP/1.1", 400), (b"GET /\xe9 HTTP/1.1", 400), (b"GET /\x7f HTTP/1.1", 400),
    (b"G@T / HTTP/1.1", 400), (b"EHLO a.example", 400), (b"GET / HTTP/1.1\r", 400), (b"GET /\r HTTP/2.0", 400),
])
def test_request_lines_are_judged_when_they_are_whole(line: bytes, status: int) -> None:
    octets = line + b"\r\n"
    assert refused(octets) == status
    assert refused(octets + b"Host: a\r\n\r\n") == status
    assert fate(octets, DEFAULT_LIMITS)[0] == status


def test_later_minor_versions_are_read_as_1_1() -> None:
    assert request(b"GET / HTTP/1.7\r\nHost: a\r\n\r\n").version_minor == 1
    assert request(b"GET / HTTP/1.0\r\nHost: a \r\n\r\n").version_minor == 0


@pytest.mark.parametrize("stray", [b"\n", b"\r", b"\x00"])
def test_half_line_ends_and_nul_are_refused_before_the_head_ends(stray: bytes) -> None:
    octets = b"GET / HTTP/1.1\r\nHost: a\r\nX: b" + stray + b"c\r\nY: d\r\n\r\n"
    assert refused(octets) == 400
    status, at = fate(octets, DEFAULT_LIMITS)
    assert status == 400
    assert at <= octets.index(b"c\r\n") + 1


def test_a_head_as_large_as_allowed_passes() -> None:
    limits = Limits(head=60, start_line=60, fields=3)
    filler = 60 - len(b"GET / HTTP/1.1\r\nHost: a\r\nX: \r\n\r\n")
    octets = b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"b" * filler + b"\r\n\r\n"
    assert len(octets) == 60
    assert read_request(octets, 0, limits) is not None
    assert fate(octets, limits) == (0, 0)
    larger = octets.replace(b"X: ", b"X: b")
    assert refused(larger, limits) == 431
    assert fate(larger, limits) == (431, 60)


def test_a_request_line_as_long_as_allowed_passes() -> None:
    line = b"GET /" + b"a" * (40 - len(b"GET / HTTP/1.1\r\n")) + b" HTTP/1.1\r\n"
    assert len(line) == 40
    assert read_request(line + b"Host: a\r\n\r\n", 0, SMALL) is not None
    longer = b"GET /a" + line[5:] + b"Host: a\r\n\r\n"
    assert refused(longer, SMALL) == 414
    assert fate(longer, SMALL) == (414, 40)


def test_no_line_end_at_all() -> None:
    assert refused(b"A" * 70_000) == 414
    assert refused(b"GET / HTTP/1.1\r\nX: " + b"A" * 70_000) == 431


def test_too_many_fields() -> None:
    three = b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\nY: 2\r\n"
    assert read_request(three + b"\r\n", 0, SMALL) is not None
    assert refused(three + b"Z: 3\r\n\r\n", SMALL) == 431
    assert refused(three + b"Z: 3 \r\n\r\n", SMALL) == 431        # not plain: h11's way


def test_a_response_head() -> None:
    head = read_response(b"HTTP/1.1 404 Not \xe9 here\r\nX-A: b\r\nContent-Length: 3\r\n\r\nabc", 0, DEFAULT_LIMITS, b"GET")
    assert head is not None
    assert (head.status, head.reason, head.fields, head.content_length) == (404, b"Not \xe9 here", [(b"x-a", b"b")], 3)
    assert head.size == len(b"HTTP/1.1 404 Not \xe9 here\r\nX-A: b\r\nContent-Length: 3\r\n\r\n")


@pytest.mark.parametrize("octets", [b"HTTP/1.1 200\r\n\r\n", b"HTTP/1.1 200 \r\n\r\n", b"HTTP/1.1 200\r\nX: a \r\n\r\n"])
def test_a_missing_reason_is_empty(octets: bytes) -> None:
    head = read_response(octets, 0, DEFAULT_LIMITS, b"GET")
    assert head is not None
    assert (head.status, head.reason) == (200, b"")


@pytest.mark.parametrize("status", [100, 101, 199, 200, 599, 600, 999])
def test_statuses(status: int) -> None:
    octets = b"HTTP/1.1 %d X\r\nConnection: upgrade\r\nUpgrade: x\r\n" % status
    for plainness in (b"", b"X: a \r\n"):
        head = read_response(octets + plainness + b"\r\n", 0, DEFAULT_LIMITS, b"GET")
        assert head is not None
        assert head.status == status


@pytest.mark.parametrize("octets", [
    b"x", b"HTTP/2.0 200 OK\r\n", b"HTTP/1.1 20 OK\r\n", b"HTTP/1.1 2000 OK\r\n", b"HTTP/1.1 099 OK\r\n", b"HTTP/1.1 abc OK\r\n",
    b"HTTP/1.1  200 OK\r\n", b"HTTP/1.1\t200 OK\r\n", b"HTTP/1.1 200 OK\n", b"HTTP/1.1 200 O\x00K", b"HTTP/1.1 200 O\rK\r\n",
    b"\r\nHTTP/1.1 200 OK\r\n", b"<html>", b"HTTP/1.1 200 OK\r\nX: a\nb", b"HTTP/1.1 +20 OK\r\n", b"ICY 200 OK\r\n",
    b"HTTP/1.1 200 OK\r\n X: a\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n", b"HTTP/1.1 200 OK\r\nX : a\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nX\r\n\r\n",
])
def test_what_is_no_response(octets: bytes) -> None:
    response_refused(octets)


def test_response_limits() -> None:
    start = b"HTTP/1.1 200 OK\r\n"
    assert read_response(start + b"X: " + b"a" * 70, 0, SMALL, b"GET") is None
    response_refused(start + b"X: " + b"a" * 100, SMALL)
    response_refused(start + b"A:1\r\nB:2\r\nC:3\r\nD:4\r\n\r\n", SMALL)
    response_refused(start + b"A:1\r\nB:2\r\nC:3\r\nD:4 \r\n\r\n", SMALL)


def test_unfinished_responses_ask_for_more() -> None:
    octets = b"HTTP/1.1 200 OK\r\nX: y\r\n\r\n"
    for end in range(len(octets)):
        assert read_response(octets[:end], 0, DEFAULT_LIMITS, b"GET") is None
