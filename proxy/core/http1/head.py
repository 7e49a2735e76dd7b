"""A parsed head: one start line, end-to-end fields with lower-case names, and the facts that hop-by-hop fields told.

Invariant: `fields` never holds connection, keep-alive, proxy-connection, te, trailer (unless chunked), transfer-encoding,
content-length, upgrade, expect, nor a field named by Connection: those are facts here, and are written anew on the way out.

This module has a compiled twin, head.pyx, which keeps the fields of a plain head as offsets over the octets that were received:
nothing is made of a field that nobody asks for. Both pass the same tests.
"""

from __future__ import annotations

from proxy.base.errors import LocalProtocolError

NO_LENGTH = -1

Fields = list[tuple[bytes, bytes]]

NEVER_IN_A_LINE = b"\r\n\x00"
join_pair = b": ".join
join_lines = b"\r\n".join


class Head:
    """What both kinds have in common.

    Units: `content_length` and `size` in octets; -1 = no length given.
    """

    __slots__ = ("chunked", "content_length", "fields", "keep_alive", "size", "upgrade", "version_minor")

    def __init__(self) -> None:
        self.version_minor = 1              # 0 or 1
        self.fields: Fields = []
        self.content_length = NO_LENGTH
        self.chunked = False
        self.keep_alive = True              # what the peer asked for, by version and Connection
        self.upgrade = b""                  # value of Upgrade when Connection: upgrade was there too, else empty
        self.size = 0                       # octets of the head as received, empty lines before and final CRLF CRLF included

    def get(self, name: bytes) -> bytes | None:
        """The first value of a field, by lower-case name."""
        for key, value in self.fields:
            if key == name:
                return value
        return None

    def values_of(self, name: bytes) -> list[bytes]:
        """All values of a field, by lower-case name."""
        return [value for key, value in self.fields if key == name]

    def replace_values(self, name: bytes, values: list[bytes | None]) -> None:
        """Give each field of that name its value of the list, which `values_of` has given; None takes the field out."""
        rest = iter(values)
        self.fields = [
            (key, value) for key, value in
            ((key, next(rest) if key == name else old) for key, old in self.fields) if value is not None
        ]

    def append(self, name: bytes, value: bytes) -> None:
        """Add a field at the end."""
        self.fields.append((name, value))

    def written(self, start_line: bytes, tail: bytes) -> bytes:
        """The octets of a head with these fields: a start line and field lines that are ready, the empty line at the end.

        Raises: LocalProtocolError where a field holds CR, LF or NUL.
        """
        fields = self.fields
        if not fields:
            lines = start_line
        else:
            lines = start_line + join_lines(map(join_pair, fields)) + b"\r\n"
        if len(lines) - len(lines.translate(None, NEVER_IN_A_LINE)) != 2 * (len(fields) + 1):      # the CRLF behind each line
            raise LocalProtocolError("line end or NUL inside a field", 500)
        return lines + tail + b"\r\n"


def request_line(method: bytes, target: bytes, minor: int) -> bytes:
    """The first line of a request of HTTP/1.`minor`.

    Raises: LocalProtocolError for white space inside method or target.
    """
    line = b" ".join((method, target, b"HTTP/1.1\r\n" if minor else b"HTTP/1.0\r\n"))
    if line.count(b" ") != 2:
        raise LocalProtocolError("white space inside method or target", 500)
    return line


def length_line(length: int) -> bytes:
    """The Content-Length field of a head.

    Raises: ValueError for a negative length.
    """
    if length < 0:
        raise ValueError("no length")
    return b"content-length: %d\r\n" % length


class RequestHead(Head):
    """A request's head. A body follows when `chunked` or `content_length` > 0."""

    __slots__ = ("expect_continue", "host", "max_forwards", "method", "target", "te_trailers")

    def __init__(self) -> None:
        Head.__init__(self)
        self.method = b""
        self.target = b""                   # as received
        self.host = b""                     # authority in force (absolute target over Host)
        self.expect_continue = False
        self.te_trailers = False
        self.max_forwards = NO_LENGTH       # OPTIONS and TRACE only; 0: to be answered here, not forwarded (RFC 9110 §7.6.2)

    @property
    def has_body(self) -> bool:
        return self.chunked or self.content_length > 0


class ResponseHead(Head):
    """A response's head.

    `content_length` -1 and not `chunked` means: the body ends with the connection, unless `no_body`.
    `no_body` is true for 1xx, 204, 304 and for answers to HEAD (and 2xx to CONNECT): no octet of a body follows on this hop.
    """

    __slots__ = ("no_body", "reason", "status")

    def __init__(self) -> None:
        Head.__init__(self)
        self.status = 0
        self.reason = b""
        self.no_body = False
