"""What the fast reader takes and what it leaves: it never judges what it does not know to be plain."""

from __future__ import annotations

import pytest

from proxy.base.errors import RemoteProtocolError
from proxy.core.http1.fast import read_plain_request, read_plain_response
from proxy.core.http1.limits import DEFAULT_LIMITS, Limits

LINE = b"GET / HTTP/1.1\r\n"
HOST = b"Host: a\r\n"


def plain(octets: bytes) -> bool:
    return read_plain_request(octets, 0, len(octets), DEFAULT_LIMITS) is not None


def plain_response(octets: bytes) -> bool:
    return read_plain_response(octets, 0, len(octets), DEFAULT_LIMITS, b"GET") is not None


@pytest.mark.parametrize("section", [
    HOST, HOST + b"X:a\r\n", HOST + b"X:\r\n", HOST + b"X:\ta\tb c\r\n", HOST + b"X: caf\xe9\r\n", HOST + b"X: :\r\n",
    HOST + b"!#$%: a\r\n",
])
def test_plain_heads(section: bytes) -> None:
    assert plain(LINE + section)
    assert plain_response(b"HTTP/1.1 200 OK\r\n" + section)


@pytest.mark.parametrize("section", [
    HOST + b"X: a \r\n", HOST + b"X: \r\n", HOST + b"X: a\t\r\n", HOST + b"X : a\r\n", HOST + b"X\r\n", HOST + b": a\r\n",
    b" " + HOST, HOST + b" X: a\r\n", HOST + b"X: a\n", HOST + b"X: a\nY: b\r\n", HOST + b"X: a\rb\r\n", HOST + b"X: a\x00\r\n",
    HOST + b"X: a\x01\r\n", HOST + b"X Y: a\r\n", HOST + b"X\xe9: a\r\n", HOST + b"X: \x7f\r\n", HOST + b"\r\n" + HOST,
    HOST + b"X: a\r\r\n", HOST + b"\n",
])
def test_what_is_left_to_h11(section: bytes) -> None:
    assert not plain(LINE + section)
    assert not plain_response(b"HTTP/1.1 200 OK\r\n" + section)


@pytest.mark.parametrize("line", [
    b"GET / HTTP/1.2\r\n", b"GET / HTTP/1.1\n", b"GET  / HTTP/1.1\r\n", b"GET /#a HTTP/1.1\r\n", b"GET / HTTP/1.1 \r\n",
    b"\r\nGET / HTTP/1.1\r\n", b"G[T / HTTP/1.1\r\n", b"GET /\xe9 HTTP/1.1\r\n", b"GET / HTTP/11.1\r\n",
    b"GET / xHTTP/1.1\r\n", b"GET /\r\n",
])
def test_lines_left_to_h11(line: bytes) -> None:
    assert not plain(line + HOST)


@pytest.mark.parametrize("line", [
    b"HTTP/1.2 200 OK\r\n", b"HTTP/1.1 200\r\n", b"HTTP/1.1 099 OK\r\n", b"HTTP/1.1 200 OK\n", b"HTTP/1.1 200 O\x01K\r\n",
    b"HTTP/1.1 2000 OK\r\n",
])
def test_status_lines_left_to_h11(line: bytes) -> None:
    assert not plain_response(line + b"X: a\r\n")


def test_a_head_without_fields() -> None:
    assert plain(b"GET / HTTP/1.0\r\n")
    assert plain_response(b"HTTP/1.1 200 OK\r\n")


def test_only_the_octets_of_the_head_are_read() -> None:
    octets = b"X: z\r\n" + LINE + HOST + b"\r\nY: y\r\n"
    head = read_plain_request(octets, 6, 6 + len(LINE + HOST), DEFAULT_LIMITS)
    assert head is not None
    assert head.fields == [(b"host", b"a")]


def test_too_many_fields_are_refused_here() -> None:
    limits = Limits(fields=1)
    for read, status in ((lambda: read_plain_request(LINE + HOST * 2, 0, 34, limits), 431),
                         (lambda: read_plain_response(b"HTTP/1.1 200 OK\r\n" + HOST * 2, 0, 35, limits, b"GET"), 502)):
        with pytest.raises(RemoteProtocolError) as caught:
            read()
        assert caught.value.status == status
