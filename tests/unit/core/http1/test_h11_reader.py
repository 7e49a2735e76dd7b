"""What the fast reader declines, as h11 reads it; and what h11 alone would let pass."""

from __future__ import annotations

import pytest

from proxy.base.errors import RemoteProtocolError
from proxy.core.http1.fast import read_plain_request, read_plain_response
from proxy.core.http1.h11_reader import read_any_request, read_any_response
from proxy.core.http1.head import RequestHead, ResponseHead
from proxy.core.http1.limits import DEFAULT_LIMITS, Limits

LINE = b"GET / HTTP/1.1\r\n"
HOST = b"Host: a\r\n"


def request(octets: bytes, limits: Limits = DEFAULT_LIMITS) -> RequestHead:
    """A request that is not plain, as h11 reads it."""
    assert read_plain_request(octets, 0, len(octets) - 2, limits) is None
    return read_any_request(octets, 0, len(octets), limits)


def response(octets: bytes, method: bytes = b"GET") -> ResponseHead:
    assert read_plain_response(octets, 0, len(octets) - 2, DEFAULT_LIMITS, method) is None
    return read_any_response(octets, 0, len(octets), DEFAULT_LIMITS, method)


def test_white_space_around_values_is_not_part_of_them() -> None:
    head = request(LINE + HOST + b"X:\t a b \t\r\nY: \r\n\r\n")
    assert head.fields == [(b"host", b"a"), (b"x", b"a b"), (b"y", b"")]


@pytest.mark.parametrize("octet", [octet for octet in (*range(32), 127) if octet not in b"\t\r\n"])
def test_control_octets_in_values_are_refused_though_h11_keeps_them(octet: int) -> None:
    for value in (b"a%cb", b"a%c", b"%cb", b"%c"):
        with pytest.raises(RemoteProtocolError):
            request(LINE + HOST + b"X: " + value % octet + b"\r\n\r\n")


def test_later_minor_versions() -> None:
    assert request(b"GET / HTTP/1.3\r\n" + HOST + b"\r\n").version_minor == 1
    assert response(b"HTTP/1.3 200 OK\r\n\r\n").version_minor == 1
    assert response(b"HTTP/1.0 200\r\n\r\n").version_minor == 0


def test_octets_come_as_bytes() -> None:
    head = request(LINE + HOST + b"X: a \r\n\r\n")
    for octets in (head.method, head.target, *head.fields[0], *head.fields[1]):
        assert type(octets) is bytes
    answer = response(b"HTTP/1.1 200 A \r\nX: a \r\n\r\n")
    for octets in (answer.reason, *answer.fields[0]):
        assert type(octets) is bytes


@pytest.mark.parametrize("section", [
    b"Host: a\r\nX: a\r\n b\r\n", b" Host: a\r\n", b"\tHost: a\r\n", b"Host: a\nX: b\r\n", b"Host: a\r\r\n",
    b"Host: a\r\nX: a\rb\r\n", b"Host: a\r\nX: a\x00\r\n",
    b"Host: a\r\nX : b\r\n", b"Host: a\r\n: b\r\n", b"Host: a\r\nX\r\n", b"Host: a\r\nX Y: b\r\n",
    b"Host: a\r\nX: a\x0bb\r\n", b"Host: a\r\nX: a\x0c\r\n", b"Host: a\r\n\xe9: b\r\n",
])
def test_malformed_sections(section: bytes) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        request(LINE + section + b"\r\n")
    assert caught.value.status == 400
    with pytest.raises(RemoteProtocolError) as caught:
        response(b"HTTP/1.1 200 OK\r\n" + section + b"\r\n")
    assert caught.value.status == 502


def test_h11s_own_hints_of_a_status_are_kept() -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        request(LINE + HOST + b"Transfer-Encoding: gzip \r\n\r\n")
    assert caught.value.status == 501
    with pytest.raises(RemoteProtocolError) as caught:
        request(LINE + b"X: a \r\n\r\n")
    assert caught.value.status == 400


def test_too_many_fields() -> None:
    limits = Limits(fields=2)
    assert request(LINE + HOST + b"X: a \r\n\r\n", limits).get(b"x") == b"a"
    with pytest.raises(RemoteProtocolError) as caught:
        request(LINE + HOST + b"X: a \r\nY: b\r\n\r\n", limits)
    assert caught.value.status == 431


@pytest.mark.parametrize("method", [b"GET", b"HEAD", b"CONNECT", b"X!"])
def test_responses_whatever_the_request_was(method: bytes) -> None:
    assert response(b"HTTP/1.1 200 OK\r\nX: a \r\n\r\n", method).get(b"x") == b"a"
    switch = b"Connection: upgrade\r\nUpgrade: websocket \r\n\r\n"
    assert response(b"HTTP/1.1 101 Switching\r\n" + switch, method).upgrade == b"websocket"
