"""h11 as the reader of every head the fast reader declines.

h11 is more lenient than this house in a few points, which are refused before it is asked: folded lines, bare CR or LF, control
octets, and versions that are not HTTP/1.
Source: RFC 9112 §2.2 (line ends), §2.3 (version), §5.2 (folding).
"""

from __future__ import annotations

from typing import cast

import h11

from proxy.base.errors import RemoteProtocolError
from proxy.core.http1.facts import BAD_GATEWAY, request_head, response_head
from proxy.core.http1.head import Fields, RequestHead, ResponseHead
from proxy.core.http1.limits import Limits
from proxy.core.http1.tables import LOOSE_LINE, REQUEST_LINE, STATUS_LINE

ANY_SIZE = 1 << 30      # the size was bounded before
ANY_REQUEST = [(b"host", b""), (b"connection", b"upgrade"), (b"upgrade", b"x")]


def check_request_line(line: bytes) -> None:
    """Refuse what is no request line of HTTP/1.

    Raises: RemoteProtocolError with 400, or 505 for another major version.
    """
    match = REQUEST_LINE.fullmatch(line)
    if match is None:
        raise RemoteProtocolError("invalid request line")
    if match[1] != b"1":
        raise RemoteProtocolError("unknown HTTP version", 505)


def check_status_line(line: bytes) -> None:
    """Refuse what is no status line of HTTP/1.

    Raises: RemoteProtocolError with 502.
    """
    if STATUS_LINE.fullmatch(line) is None:
        raise RemoteProtocolError("invalid status line", BAD_GATEWAY)


def read_any_request(octets: bytes, at: int, end: int, limits: Limits) -> RequestHead:
    """The request head in octets[at:end], empty line included.

    Raises: RemoteProtocolError.
    """
    after = octets.find(b"\n", at, end) + 1
    check_request_line(octets[at:after])
    check_lines(octets, after, end, limits, 431, 400)
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=ANY_SIZE)
    try:
        connection.receive_data(octets[at:end])
        event = cast(h11.Request, connection.next_event())      # the head is whole: an event it is
    except h11.RemoteProtocolError as error:
        raise RemoteProtocolError(str(error), error.error_status_hint) from None
    minor = 0 if event.http_version == b"1.0" else 1
    return request_head(event.method, event.target, minor, pairs_of(event), limits)


def read_any_response(octets: bytes, at: int, end: int, limits: Limits, request_method: bytes) -> ResponseHead:
    """The response head in octets[at:end], empty line included.

    Raises: RemoteProtocolError with 502.
    """
    after = octets.find(b"\n", at, end) + 1
    check_status_line(octets[at:after])
    check_lines(octets, after, end, limits, BAD_GATEWAY, BAD_GATEWAY)
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=ANY_SIZE)
    # h11 reads a response only to a request it knows, and a 101 only to one that asked for another protocol.
    connection.send(h11.Request(method=request_method, target=b"/", headers=ANY_REQUEST))
    try:
        connection.receive_data(octets[at:end])
        event = cast("h11.Response | h11.InformationalResponse", connection.next_event())
    except h11.RemoteProtocolError as error:
        raise RemoteProtocolError(str(error), BAD_GATEWAY) from None
    minor = 0 if event.http_version == b"1.0" else 1
    return response_head(minor, event.status_code, bytes(event.reason), pairs_of(event), request_method)


def check_lines(octets: bytes, after: int, end: int, limits: Limits, too_many: int, malformed: int) -> None:
    """Refuse what h11 would let pass, and more fields than allowed."""
    if LOOSE_LINE.search(octets, after - 1, end) is not None:
        raise RemoteProtocolError("invalid line in the head", malformed)
    if octets.count(b"\n", after, end) - 1 > limits.fields:
        raise RemoteProtocolError("too many fields", too_many)


def pairs_of(event: h11.Request | h11.Response | h11.InformationalResponse) -> Fields:
    """The field lines of an h11 event, as plain octets."""
    return [(bytes(name), bytes(value)) for name, value in event.headers]
