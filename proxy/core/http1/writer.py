"""Writing heads: what leaves is made from a parsed head, never copied through (DESIGN §3).

The writer adds what a head's facts stand for: framing, Connection, Upgrade, TE, Expect. One look at the result keeps a value that
a rule put together from foreign octets from ending a line.
"""

from __future__ import annotations

from proxy.core.http1 import head as head_lines
from proxy.core.http1.head import RequestHead, ResponseHead

CONTINUE_OCTETS = b"HTTP/1.1 100 Continue\r\n\r\n"
LINES_KEPT: dict[tuple[int, bytes, int], bytes] = {}
LINES_KEPT_MAX = 256
REASON_KEPT_MAX = 64


def request_bytes(head: RequestHead, connection: bytes, extra: bytes) -> bytes:
    """The request head as octets, ready to send.

    `connection` is what to say of persistence: b"", b"close" or b"keep-alive" (see request_connection); `extra` are ready field
    lines, each ending in CRLF. A request keeps its HTTP version, as HAProxy's do: no server should answer a client of HTTP/1.0 as
    if it were one of 1.1.
    Raises: LocalProtocolError for a line end or NUL inside start line or field.
    """
    tail = extra
    if head.chunked:
        tail += b"transfer-encoding: chunked\r\n"
    elif head.content_length >= 0:
        tail += head_lines.length_line(head.content_length)
    if head.expect_continue:
        tail += b"expect: 100-continue\r\n"
    if head.upgrade:
        tail += b"upgrade: " + head.upgrade + b"\r\n"
        connection = b"upgrade"
    if head.te_trailers:
        tail += b"te: trailers\r\n"
        connection = connection + b", te" if connection else b"te"
    if connection:
        tail += b"connection: " + connection + b"\r\n"
    return head.written(head_lines.request_line(head.method, head.target, head.version_minor), tail)


def response_bytes(head: ResponseHead, connection: bytes, extra: bytes) -> bytes:
    """The response head as octets, ready to send.

    `connection` is what to say of persistence: b"", b"close" or b"keep-alive" (see response_connection); `extra` are ready field
    lines, each ending in CRLF. The version is the server's, as with HAProxy, but for a chunked body, unknown to HTTP/1.0.
    Raises: LocalProtocolError for a line end or NUL inside reason or field.
    """
    tail = extra
    if head.chunked:
        tail += b"transfer-encoding: chunked\r\n"
    elif head.content_length >= 0:
        tail += head_lines.length_line(head.content_length)
    if head.upgrade:
        tail += b"upgrade: " + head.upgrade + b"\r\n"
        connection = connection + b", upgrade" if connection and head.status != 101 else b"upgrade"
    if connection:
        tail += b"connection: " + connection + b"\r\n"
    return head.written(status_line(1 if head.version_minor or head.chunked else 0, head.status, head.reason), tail)


def status_line(minor: int, status: int, reason: bytes) -> bytes:
    """The first line of a response; those that were made before are kept, as far as they are few."""
    line = LINES_KEPT.get((status, reason, minor))
    if line is None:
        line = b"HTTP/1.%d %d %b\r\n" % (minor, status, reason)
        if len(LINES_KEPT) < LINES_KEPT_MAX and len(reason) < REASON_KEPT_MAX:
            LINES_KEPT[(status, reason, minor)] = line
    return line


def request_connection(minor: int, keep: bool) -> bytes:
    """What HAProxy says of persistence in a request of HTTP/1.`minor` to a server."""
    if minor:
        return b"" if keep else b"close"
    return b"keep-alive" if keep else b""


def response_connection(minor: int, request_minor: int, keep: bool) -> bytes:
    """What HAProxy says of persistence in a response of HTTP/1.`minor` to a client of HTTP/1.`request_minor`."""
    if keep:
        return b"" if minor and request_minor else b"keep-alive"
    return b"close" if minor else b""
