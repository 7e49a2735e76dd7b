"""Response heads: a head or a 502, whatever the cuts; h11 and a strict parser agree with what is sent on.

The first octet chooses the method of the request.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import h11

from proxy.base.errors import LocalProtocolError, RemoteProtocolError
from proxy.core.http1.fast import read_plain_response
from proxy.core.http1.h11_reader import read_any_response
from proxy.core.http1.limits import DEFAULT_LIMITS, Limits
from proxy.core.http1.reader import read_response
from proxy.core.http1.writer import response_bytes, response_connection
from tests.corpus.http1 import strict
from tests.fuzz.cases import RESPONSES
from tests.fuzz.cuts import ends_of
from tests.property.heads import facts

LONGEST = 2048
METHODS = (b"GET", b"HEAD", b"CONNECT", b"POST")
TIGHT = Limits(head=200, start_line=60, fields=5)
UNFINISHED = (None, 0)
WORDS = (
    b"HTTP/1.1 200 OK\r\n", b"HTTP/1.0 200 OK\r\n", b"HTTP/1.1 101 ", b"HTTP/1.1 100 ", b"HTTP/1.1 204 ", b"HTTP/1.1 304 ",
    b"426 ", b"\r\n\r\n", b"Content-Length: 5", b"Transfer-Encoding: chunked", b"Connection: ", b"close", b"keep-alive",
    b"Upgrade: ", b"websocket", b"Trailer: ", b"Set-Cookie: a=b", b"\r\n ",
)


def seeds() -> Iterable[bytes]:
    return [bytes([number % 4]) + octets for number, octets in enumerate(RESPONSES)]


def fate(octets: bytes, limits: Limits, method: bytes, start: int = 0) -> tuple[Any, int]:
    """What a buffer is read as: facts or status, and size."""
    try:
        head = read_response(octets, start, limits, method)
    except RemoteProtocolError as error:
        assert error.status == 502, error.status
        return error.status, 0
    return facts(head), head.size if head else 0


def check(octets: bytes) -> None:
    method, octets = METHODS[octets[0] % 4] if octets else METHODS[0], octets[1:]
    for limits in (DEFAULT_LIMITS, TIGHT):
        whole = fate(octets, limits, method)
        for end in ends_of(octets):
            early = fate(octets[:end], limits, method)
            if early != UNFINISHED:
                assert early == whole, (end, early, whole)
                break
    assert fate(b"\r\n x\n" + octets, DEFAULT_LIMITS, method, 5) == fate(octets, DEFAULT_LIMITS, method)
    readers_agree(octets, method)
    written_again(octets, method)


def readers_agree(octets: bytes, method: bytes) -> None:
    """What the fast reader takes, h11 takes with the same meaning."""
    end = octets.find(b"\r\n\r\n") + 2
    try:
        fast = read_plain_response(octets, 0, end, DEFAULT_LIMITS, method) if end > 1 else None
    except RemoteProtocolError:
        return
    if fast is not None:
        assert facts(read_any_response(octets, 0, end + 2, DEFAULT_LIMITS, method)) == facts(fast)


def written_again(octets: bytes, method: bytes) -> None:
    """What is written is strict HTTP/1, says the same, and is read by h11 as it was meant."""
    try:
        head = read_response(octets, 0, DEFAULT_LIMITS, method)
    except RemoteProtocolError:
        return
    if head is None:
        return
    try:
        written = response_bytes(head, response_connection(head.version_minor, 1, head.keep_alive), b"")
    except LocalProtocolError as error:
        raise AssertionError("a head was read that cannot be written") from error
    try:
        strict.response(written, 0, method, True)
    except strict.Incomplete as part:
        assert part.args, "an unfinished head was written"
    again = read_response(written, 0, DEFAULT_LIMITS, method)
    assert again is not None
    assert (again.status, again.reason, again.chunked, again.content_length, again.no_body) == (
        head.status, head.reason, head.chunked, head.content_length, head.no_body)
    assert again.size == len(written)
    client = h11.Connection(h11.CLIENT, max_incomplete_event_size=1 << 20)
    client.send(h11.Request(method=method, target=b"/", headers=[("host", ""), ("connection", "upgrade"), ("upgrade", "x")]))
    client.receive_data(written)
    event = client.next_event()
    assert isinstance(event, h11.Response | h11.InformationalResponse), event
    assert event.status_code == head.status
