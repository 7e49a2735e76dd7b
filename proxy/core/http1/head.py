"""A parsed head: one start line, end-to-end fields with lower-case names, and the facts that hop-by-hop fields told.

Invariant: `fields` never holds connection, keep-alive, proxy-connection, te, trailer (unless chunked), transfer-encoding,
content-length, upgrade, expect, nor a field named by Connection: those are facts here, and are written anew on the way out.
"""

from __future__ import annotations

NO_LENGTH = -1

Fields = list[tuple[bytes, bytes]]


class RequestHead:
    """A request's head.

    Units: `content_length` and `size` in octets; -1 = no length given. A body follows when `chunked` or `content_length` > 0.
    """

    __slots__ = (
        "chunked", "content_length", "expect_continue", "fields", "host", "keep_alive", "max_forwards", "method", "size",
        "target", "te_trailers", "upgrade", "version_minor",
    )

    def __init__(self) -> None:
        self.method = b""
        self.target = b""                   # as received
        self.version_minor = 1              # 0 or 1
        self.fields: Fields = []
        self.host = b""                     # authority in force (absolute target over Host)
        self.content_length = NO_LENGTH
        self.chunked = False
        self.keep_alive = True              # what the client asked for, by version and Connection
        self.upgrade = b""                  # value of Upgrade when Connection: upgrade was there too, else empty
        self.expect_continue = False
        self.te_trailers = False
        self.max_forwards = NO_LENGTH       # OPTIONS and TRACE only; 0: to be answered here, not forwarded (RFC 9110 §7.6.2)
        self.size = 0                       # octets of the head as received, empty lines before and final CRLF CRLF included

    def get(self, name: bytes) -> bytes | None:
        """The first value of a field, by lower-case name."""
        for key, value in self.fields:
            if key == name:
                return value
        return None

    @property
    def has_body(self) -> bool:
        return self.chunked or self.content_length > 0


class ResponseHead:
    """A response's head.

    `content_length` -1 and not `chunked` means: the body ends with the connection, unless `no_body`.
    `no_body` is true for 1xx, 204, 304 and for answers to HEAD (and 2xx to CONNECT): no octet of a body follows on this hop.
    """

    __slots__ = (
        "chunked", "content_length", "fields", "keep_alive", "no_body", "reason", "size", "status", "upgrade", "version_minor",
    )

    def __init__(self) -> None:
        self.version_minor = 1
        self.status = 0
        self.reason = b""
        self.fields: Fields = []
        self.content_length = NO_LENGTH
        self.chunked = False
        self.keep_alive = True              # whether the server will keep its connection
        self.upgrade = b""
        self.no_body = False
        self.size = 0

    def get(self, name: bytes) -> bytes | None:
        """The first value of a field, by lower-case name."""
        for key, value in self.fields:
            if key == name:
                return value
        return None
