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

    The fields of a plain head whose names all differ lie by name, checked when they were read, until somebody asks for the list.
    Units: `content_length` and `size` in octets; -1 = no length given.
    """

    __slots__ = (
        "_by_name", "_changed", "_fields", "chunked", "content_length", "keep_alive", "size", "upgrade", "version_minor",
    )

    def __init__(self) -> None:
        self.prepare_head()

    def prepare_head(self) -> None:
        """What a constructor does; a method, because it is called sooner behind `__new__`."""
        self.version_minor = 1              # 0 or 1
        self.content_length = NO_LENGTH
        self.chunked = False
        self.keep_alive = True              # what the peer asked for, by version and Connection
        self.upgrade = b""                  # value of Upgrade when Connection: upgrade was there too, else empty
        self.size = 0                       # octets of the head as received, empty lines before and final CRLF CRLF included
        self._fields: Fields = []
        self._by_name: dict[bytes, bytes] | None = None         # in the place of `_fields`
        self._changed: tuple[bytes, ...] = ()                   # which of those by name were not read from a plain head

    def keep_by_name(self, by_name: dict[bytes, bytes]) -> None:
        """Have these fields, of a plain head; the head's own from now on."""
        self._by_name = by_name

    @property
    def fields(self) -> Fields:
        """All fields in order, to be changed in place."""
        by_name = self._by_name
        if by_name is not None:
            self._fields, self._by_name = list(by_name.items()), None
        return self._fields

    @fields.setter
    def fields(self, fields: Fields) -> None:
        self._fields, self._by_name = fields, None

    def get(self, name: bytes) -> bytes | None:
        """The first value of a field, by lower-case name."""
        if self._by_name is not None:
            return self._by_name.get(name)
        for key, value in self._fields:
            if key == name:
                return value
        return None

    def values_of(self, name: bytes) -> list[bytes]:
        """All values of a field, by lower-case name."""
        if self._by_name is not None:
            found = self._by_name.get(name)
            return [] if found is None else [found]
        return [value for key, value in self._fields if key == name]

    def replace_values(self, name: bytes, values: list[bytes | None]) -> None:
        """Give each field of that name its value of the list, which `values_of` has given; None takes the field out."""
        by_name = self._by_name
        if by_name is not None:
            if name in by_name:
                (value,) = values
                if value is None:
                    del by_name[name]
                else:
                    by_name[name] = value
                    self._changed += (name,)
            return
        rest = iter(values)
        self._fields = [
            (key, value) for key, value in
            ((key, next(rest) if key == name else old) for key, old in self._fields) if value is not None
        ]

    def append(self, name: bytes, value: bytes) -> None:
        """Add a field at the end."""
        if self._by_name is None or name in self._by_name:
            self.fields.append((name, value))
        else:
            self._by_name[name] = value
            self._changed += (name,)

    def written(self, start_line: bytes, tail: bytes) -> bytes:
        """The octets of a head with these fields: a start line and field lines that are ready, the empty line at the end.

        Raises: LocalProtocolError where a field holds CR, LF or NUL.
        """
        by_name = self._by_name
        if by_name is None:
            return written_pairs(start_line, self._fields, tail)
        check_lines(start_line, 1)
        for name in self._changed:
            check_lines(name + by_name.get(name, b""), 0)
        if not by_name:
            return start_line + tail + b"\r\n"
        return b"".join((start_line, join_lines(map(join_pair, by_name.items())), b"\r\n", tail, b"\r\n"))


def written_pairs(start_line: bytes, fields: Fields, tail: bytes) -> bytes:
    """`Head.written` of fields that nobody has looked at."""
    if not fields:
        lines = start_line
    else:
        lines = start_line + join_lines(map(join_pair, fields)) + b"\r\n"
    check_lines(lines, len(fields) + 1)
    return lines + tail + b"\r\n"


def check_lines(octets: bytes, count: int) -> None:
    """See that there are no line ends but those of so many lines.

    Raises: LocalProtocolError.
    """
    if len(octets) - len(octets.translate(None, NEVER_IN_A_LINE)) != 2 * count:
        raise LocalProtocolError("line end or NUL inside a field", 500)


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

    def prepare_head(self) -> None:
        Head.prepare_head(self)
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

    def prepare_head(self) -> None:
        Head.prepare_head(self)
        self.status = 0
        self.reason = b""
        self.no_body = False
