"""The fast reader: plain heads, two regular expressions each. What it does not know to be plain it declines, and judges nothing.

Law: whatever it accepts, h11 accepts with the same meaning (tests/property/test_http1_readers.py). The compiled twin, fast.pyx,
goes over the octets of a head once and keeps where its fields lie.
"""

from __future__ import annotations

from proxy.base.errors import RemoteProtocolError
from proxy.core.http1.facts import BAD_GATEWAY, request_head, response_head
from proxy.core.http1.head import RequestHead, ResponseHead
from proxy.core.http1.limits import Limits
from proxy.core.http1.tables import END_OF_HEAD, PLAIN_FIELD_LINES, PLAIN_REQUEST_LINE, PLAIN_STATUS_LINE

match_request_line = PLAIN_REQUEST_LINE.match
match_status_line = PLAIN_STATUS_LINE.match
find_field_lines = PLAIN_FIELD_LINES.findall


def end_of_head(octets: bytes, at: int, bound: int) -> int:
    """Where the first empty line in octets[at:at + bound] starts; -1 when there is none."""
    end = octets.find(END_OF_HEAD, at, at + bound)
    return end + 2 if end >= 0 else -1


def read_plain_request(octets: bytes, at: int, end: int, limits: Limits) -> RequestHead | None:
    """The request head in octets[at:end], `end` being where its empty line starts; None where it is not plain.

    Raises: RemoteProtocolError for a plain head that says what it must not.
    """
    line = match_request_line(octets, at, end)
    if line is None:
        return None
    after = line.end()
    pairs = find_field_lines(octets, after, end)
    if len(pairs) != octets.count(b"\n", after, end):
        return None
    if len(pairs) > limits.fields:
        raise RemoteProtocolError("too many fields", 431)
    method, target, minor = line.groups()
    return request_head(method, target, 1 if minor == b"1" else 0, pairs, limits)


def read_plain_response(octets: bytes, at: int, end: int, limits: Limits, request_method: bytes) -> ResponseHead | None:
    """The response head in octets[at:end], `end` being where its empty line starts; None where it is not plain.

    Raises: RemoteProtocolError for a plain head that says what it must not.
    """
    line = match_status_line(octets, at, end)
    if line is None:
        return None
    after = line.end()
    pairs = find_field_lines(octets, after, end)
    if len(pairs) != octets.count(b"\n", after, end):
        return None
    if len(pairs) > limits.fields:
        raise RemoteProtocolError("too many fields", BAD_GATEWAY)
    minor, status, reason = line.groups()
    return response_head(1 if minor == b"1" else 0, int(status), reason, pairs, request_method)
