"""The fast reader: plain heads, two regular expressions each. What it does not know to be plain it declines, and judges nothing.

A head whose names all differ, and which has no field that speaks to this hop but those of nearly all traffic, keeps its fields by
name; every other one goes to `facts` as a list of pairs.

Law: whatever it accepts, h11 accepts with the same meaning (tests/property/test_http1_readers.py). The compiled twin, fast.pyx,
goes over the octets of a head once and keeps where its fields lie.
"""

from __future__ import annotations

from proxy.base.errors import RemoteProtocolError
from proxy.core.http1.authority import check_host
from proxy.core.http1.facts import (
    BAD_GATEWAY,
    agreed_length,
    checked_length,
    connection_facts,
    frame_response,
    request_head,
    response_head,
)
from proxy.core.http1.head import RequestHead, ResponseHead
from proxy.core.http1.limits import Limits
from proxy.core.http1.tables import (
    END_OF_HEAD,
    PLAIN_FIELD_LINES,
    PLAIN_REQUEST_LINE,
    PLAIN_STATUS_LINE,
    RARE_IN_REQUESTS,
    RARE_IN_RESPONSES,
)

SLASH = 47
match_request_line = PLAIN_REQUEST_LINE.match
match_status_line = PLAIN_STATUS_LINE.match
find_field_lines = PLAIN_FIELD_LINES.findall
are_common_in_requests = RARE_IN_REQUESTS.isdisjoint
are_common_in_responses = RARE_IN_RESPONSES.isdisjoint


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
    pairs = find_field_lines(octets, line.end(), end)
    by_name = {}
    for name, value in pairs:
        by_name[name.lower()] = value
    if b"" in by_name:
        return None
    if len(pairs) > limits.fields:
        raise RemoteProtocolError("too many fields", 431)
    method, target, digit = line.groups()
    minor = 1 if digit == b"1" else 0
    host = by_name.get(b"host")
    is_common = len(by_name) == len(pairs) and are_common_in_requests(by_name)
    if not is_common or host is None or target[0] != SLASH or method == b"CONNECT":
        return request_head(method, target, minor, pairs, limits)
    check_host(host)
    head = RequestHead.__new__(RequestHead)
    head.prepare_head()
    head.method = method
    head.target = target
    head.version_minor = minor
    head.host = host
    connection = by_name.pop(b"connection", b"")
    head.keep_by_name(by_name)
    connection_facts(head, connection, 400)
    return head


def read_plain_response(octets: bytes, at: int, end: int, limits: Limits, request_method: bytes) -> ResponseHead | None:
    """The response head in octets[at:end], `end` being where its empty line starts; None where it is not plain.

    Raises: RemoteProtocolError for a plain head that says what it must not.
    """
    line = match_status_line(octets, at, end)
    if line is None:
        return None
    pairs = find_field_lines(octets, line.end(), end)
    by_name = {}
    for name, value in pairs:
        by_name[name.lower()] = value
    if b"" in by_name:
        return None
    if len(pairs) > limits.fields:
        raise RemoteProtocolError("too many fields", BAD_GATEWAY)
    digit, status, reason = line.groups()
    minor = 1 if digit == b"1" else 0
    if len(by_name) != len(pairs) or not are_common_in_responses(by_name):
        return response_head(minor, int(status), reason, pairs, request_method)
    head = ResponseHead.__new__(ResponseHead)
    head.prepare_head()
    head.version_minor = minor
    head.status = int(status)
    head.reason = reason
    connection = by_name.pop(b"connection", b"")
    length = by_name.pop(b"content-length", None)
    head.keep_by_name(by_name)
    connection_facts(head, connection, BAD_GATEWAY)
    if length is not None:
        head.content_length = checked_length(agreed_length(b"", length, BAD_GATEWAY), BAD_GATEWAY)
    frame_response(head, request_method)
    return head
