"""Reading heads: the fast reader first, h11 for what it declines, and an early no to what can no longer become a head.

Law: splitting the octets anywhere changes nothing. What is refused on an unfinished head would be refused, with the same status,
on any completion of it: the checks below are the first that the readers make.
"""

from __future__ import annotations

from proxy.base.errors import RemoteProtocolError
from proxy.core.http1 import fast
from proxy.core.http1.facts import BAD_GATEWAY
from proxy.core.http1.h11_reader import check_request_line, check_status_line, read_any_request, read_any_response
from proxy.core.http1.head import RequestHead, ResponseHead
from proxy.core.http1.limits import Limits
from proxy.core.http1.tables import TCHARS

CR = 13
RESPONSE_START = b"HTTP/1."


def read_request(octets: bytes, start: int, limits: Limits) -> RequestHead | None:
    """The request head that starts at `start`; None while more octets are needed.

    The body, if there is one, begins at `start + head.size`. A few empty lines before the head are skipped.
    Raises: RemoteProtocolError with 400, 413, 414, 417, 431, 501 or 505.
    Source: RFC 9112 §2.2, §3.
    """
    at = start
    if at < len(octets) and octets[at] == CR:
        at = after_empty_lines(octets, start, limits)
    end = fast.end_of_head(octets, at, limits.head)
    if end < 0:
        check_unfinished_request(octets, at, limits)
        return None
    if end - at > limits.start_line and octets.find(b"\n", at, at + limits.start_line) < 0:
        check_unfinished_request(octets, at, limits)
    head = fast.read_plain_request(octets, at, end, limits)
    if head is None:
        head = read_any_request(octets, at, end + 2, limits)
    head.size = end + 2 - start
    return head


def read_response(octets: bytes, start: int, limits: Limits, request_method: bytes) -> ResponseHead | None:
    """The response head that starts at `start`, interim or final; None while more octets are needed.

    Raises: RemoteProtocolError with 502.
    Source: RFC 9112 §4, §6.3.
    """
    end = fast.end_of_head(octets, start, limits.head)
    if end < 0:
        check_unfinished_response(octets, start, limits)
        return None
    head = fast.read_plain_response(octets, start, end, limits, request_method)
    if head is None:
        head = read_any_response(octets, start, end + 2, limits, request_method)
    head.size = end + 2 - start
    return head


def after_empty_lines(octets: bytes, start: int, limits: Limits) -> int:
    """Where the request line starts, or may start when more octets come.

    Raises: RemoteProtocolError with 400 where there are too many empty lines, or a CR alone.
    """
    at = start
    lines = 0
    while octets[at:at + 1] == b"\r":
        if lines == limits.leading_lines:
            raise RemoteProtocolError("empty lines instead of a request")
        if at + 1 == len(octets):
            return at
        if octets[at + 1:at + 2] != b"\n":
            raise RemoteProtocolError("CR without LF")
        at += 2
        lines += 1
    return at


def check_unfinished_request(octets: bytes, at: int, limits: Limits) -> None:
    """Refuse an unfinished head that no further octets can make good."""
    length = len(octets) - at
    if length <= 0 or (length == 1 and octets[at] == CR):
        return
    if octets[at] not in TCHARS:
        raise RemoteProtocolError("no method")
    line_end = octets.find(b"\n", at, at + limits.start_line)
    if line_end >= 0:
        check_request_line(octets[at:line_end + 1])
    bound = limits.start_line if line_end < 0 else limits.head
    if has_stray_octets(octets, at, at + bound):
        raise RemoteProtocolError("bare CR, bare LF or NUL")
    if length >= bound:
        raise RemoteProtocolError("request line too long", 414) if line_end < 0 else RemoteProtocolError("head too large", 431)


def check_unfinished_response(octets: bytes, at: int, limits: Limits) -> None:
    """Refuse an unfinished head that no further octets can make good."""
    begin = octets[at:at + len(RESPONSE_START)]
    if not RESPONSE_START.startswith(begin):
        raise RemoteProtocolError("no status line", BAD_GATEWAY)
    line_end = octets.find(b"\n", at, at + limits.head)
    if line_end >= 0:
        check_status_line(octets[at:line_end + 1])
    if has_stray_octets(octets, at, at + limits.head):
        raise RemoteProtocolError("bare CR, bare LF or NUL", BAD_GATEWAY)
    if len(octets) - at >= limits.head:
        raise RemoteProtocolError("head too large", BAD_GATEWAY)


def has_stray_octets(octets: bytes, at: int, end: int) -> bool:
    """Whether octets[at:end] holds a NUL or half a line end; a CR in last place may still be a line end's."""
    end = min(end, len(octets))
    if octets[end - 1:end] == b"\r":
        end -= 1
    pairs = octets.count(b"\r\n", at, end)
    return octets.count(b"\n", at, end) != pairs or octets.count(b"\r", at, end) != pairs or octets.find(b"\x00", at, end) >= 0
