"""Responses that the load balancer makes itself: built in, or from errorfile and errorloc."""

from __future__ import annotations

from typing import NamedTuple

from proxy.core.http1.errors import ALWAYS_CLOSE, connection_line, error_response
from proxy.core.http1.writer import response_connection


class Page(NamedTuple):
    """A response ready to be sent: `head` is the status line and the field lines, without Connection and the empty line.

    Without a head nothing is sent, and the connection ends (`errorfile 408 /dev/null`).
    """

    status: int
    head: bytes
    body: bytes


Pages = dict[int, Page]

NO_PAGES: Pages = {}


def own_response(status: int, pages: Pages, request_minor: int, keep: bool, head_only: bool) -> bytes:
    """The octets of an own response, and its Connection field as the client needs it."""
    connection = response_connection(1, request_minor, keep and status not in ALWAYS_CLOSE)
    page = pages.get(status)
    if page is None:
        return error_response(status, connection, head_only)
    if not page.head:
        return b""
    head = page.head + connection_line(connection) + b"\r\n"
    return head if head_only else head + page.body
