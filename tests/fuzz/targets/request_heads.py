"""Request heads: a head or a typed refusal, whatever the cuts; h11 and a strict parser agree with what is sent on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import h11

from proxy.base.errors import LocalProtocolError, RemoteProtocolError
from proxy.core.http1.fast import read_plain_request
from proxy.core.http1.h11_reader import read_any_request
from proxy.core.http1.limits import DEFAULT_LIMITS, Limits
from proxy.core.http1.reader import read_request
from proxy.core.http1.writer import request_bytes, request_connection
from tests.corpus.http1 import strict
from tests.fuzz.cases import REQUESTS
from tests.fuzz.cuts import ends_of
from tests.property.heads import facts

LONGEST = 2048
STATUSES = {400, 413, 414, 417, 431, 501, 505}
TIGHT = Limits(head=200, start_line=60, fields=5, leading_lines=1)
UNFINISHED = (None, 0)
WORDS = (
    b"GET ", b"HEAD ", b"POST ", b"CONNECT ", b"OPTIONS * ", b"TRACE ", b" HTTP/1.1\r\n", b" HTTP/1.0\r\n", b"\r\n\r\n",
    b"Host: a", b"Content-Length: 5", b"Transfer-Encoding: chunked", b"Connection: ", b"close",
    b"keep-alive", b"Upgrade: ", b"websocket",
    b"h2c", b"Expect: 100-continue", b"TE: trailers", b"Trailer: ", b"Max-Forwards: 0", b"Cookie: a=b; ", b"http://a/",
    b"[::1]:80", b"\r\n ",
)


def seeds() -> Iterable[bytes]:
    return REQUESTS


def fate(octets: bytes, limits: Limits, start: int = 0) -> tuple[Any, int]:
    """What a buffer is read as: facts or status, and size."""
    try:
        head = read_request(octets, start, limits)
    except RemoteProtocolError as error:
        assert error.status in STATUSES, error.status
        return error.status, 0
    return facts(head), head.size if head else 0


def check(octets: bytes) -> None:
    for limits in (DEFAULT_LIMITS, TIGHT):
        whole = fate(octets, limits)
        for end in ends_of(octets):
            early = fate(octets[:end], limits)
            if early != UNFINISHED:
                assert early == whole, (end, early, whole)
                break
    assert fate(b"\r\n x\n" + octets, DEFAULT_LIMITS, 5) == fate(octets, DEFAULT_LIMITS)
    readers_agree(octets)
    written_again(octets)


def readers_agree(octets: bytes) -> None:
    """What the fast reader takes, h11 takes with the same meaning."""
    end = octets.find(b"\r\n\r\n") + 2
    try:
        fast = read_plain_request(octets, 0, end, DEFAULT_LIMITS) if end > 1 else None
    except RemoteProtocolError:
        return
    if fast is not None:
        assert facts(read_any_request(octets, 0, end + 2, DEFAULT_LIMITS)) == facts(fast)


def written_again(octets: bytes) -> None:
    """What is written is strict HTTP/1, says the same, and is read by h11 as it was meant."""
    try:
        head = read_request(octets, 0, DEFAULT_LIMITS)
    except RemoteProtocolError:
        return
    if head is None:
        return
    try:
        written = request_bytes(head, request_connection(head.version_minor, head.keep_alive), b"")
    except LocalProtocolError as error:
        raise AssertionError("a head was read that cannot be written") from error
    try:
        strict.request(written)
    except strict.Incomplete as part:
        assert part.args, "an unfinished head was written"
    again = read_request(written, 0, DEFAULT_LIMITS)
    assert again is not None
    assert (again.method, again.target, again.chunked, again.content_length, again.host) == (
        head.method, head.target, head.chunked, head.content_length, head.host)
    assert again.size == len(written)
    server = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
    server.receive_data(written)
    event = server.next_event()
    assert isinstance(event, h11.Request), event
    assert (event.method, event.target) == (head.method, head.target)
