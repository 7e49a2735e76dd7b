"""The heads that pass on a client's connection, found in its octets: what `-d` shows.

    HEAD    a head is awaited, its octets are kept until it is whole
    LENGTH  a body of known length passes
    CHUNKS  a chunked body passes
    REST    nothing more is looked at: a tunnel, a body that ends with the connection, or what is no HTTP

This looks on. What it cannot read it leaves alone; it never changes what becomes of the octets.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import Enum, auto

from proxy.base.errors import RemoteProtocolError
from proxy.core.http1.chunked import ChunkedDecoder
from proxy.core.http1.head import RequestHead, ResponseHead
from proxy.core.http1.limits import Limits
from proxy.core.http1.reader import read_request, read_response

END = b"\r\n"
Head = RequestHead | ResponseHead
METHODS_KEPT = 1000             # of requests whose answers have not come: more than a client may have waiting here
SWITCHING_PROTOCOLS = 101


class State(Enum):
    """What the octets that come next are."""

    HEAD = auto()
    LENGTH = auto()
    CHUNKS = auto()
    REST = auto()


class Direction:
    """One direction of a connection.

    `read` gives the head at the start of the octets, None while it is not whole; `found` is told each head with its lines.
    """

    def __init__(self, read: Callable[[bytes], Head | None], found: Callable[[Head, list[bytes]], None]) -> None:
        self.state = State.HEAD
        self._read = read
        self._found = found
        self._kept = b""
        self._left = 0
        self._chunks = ChunkedDecoder()

    def feed(self, octets: bytes) -> None:
        """Look at what passes."""
        while octets and self.state is not State.REST:
            if self.state is State.HEAD:
                octets = self._head(self._kept + octets)
            elif self.state is State.LENGTH:
                passing = min(self._left, len(octets))
                self._left -= passing
                octets = octets[passing:]
                if not self._left:
                    self.state = State.HEAD
            else:
                octets = self._chunk(octets)

    def stop(self) -> None:
        """Look at nothing more."""
        self.state = State.REST
        self._kept = b""

    def _head(self, octets: bytes) -> bytes:
        """Read a head; gives what is behind it."""
        try:
            head = self._read(octets)
        except RemoteProtocolError:
            self.stop()
            return b""
        if head is None:
            self._kept = octets
            return b""
        self._kept = b""
        lines = octets[: head.size].strip(END).split(END)
        self._expect_body(head)
        self._found(head, lines)
        return octets[head.size :]

    def _expect_body(self, head: Head) -> None:
        if isinstance(head, ResponseHead) and head.no_body:
            return
        if head.chunked:
            self.state, self._chunks = State.CHUNKS, ChunkedDecoder()
        elif head.content_length > 0:
            self.state, self._left = State.LENGTH, head.content_length
        elif isinstance(head, ResponseHead) and head.content_length < 0:
            self.stop()

    def _chunk(self, octets: bytes) -> bytes:
        try:
            self._chunks.feed(octets)
        except RemoteProtocolError:
            self.stop()
            return b""
        if not self._chunks.done:
            return b""
        self.state = State.HEAD
        return octets[len(octets) - self._chunks.leftover :] if self._chunks.leftover else b""


class Dialogue:
    """Requests and their answers on one client's connection; `asked` and `answered` get the lines of each head."""

    def __init__(self, limits: Limits, asked: Callable[[list[bytes]], None], answered: Callable[[list[bytes]], None]) -> None:
        self._asked, self._answered = asked, answered
        self._methods: deque[bytes] = deque(maxlen=METHODS_KEPT)
        self.requests = Direction(lambda octets: read_request(octets, 0, limits), self._request)
        self.responses = Direction(lambda octets: read_response(octets, 0, limits, self._method()), self._response)

    def _method(self) -> bytes:
        return self._methods[0] if self._methods else b"GET"

    def _request(self, head: Head, lines: list[bytes]) -> None:
        if isinstance(head, RequestHead):
            self._methods.append(head.method)
        self._asked(lines)

    def _response(self, head: Head, lines: list[bytes]) -> None:
        status = head.status if isinstance(head, ResponseHead) else 0
        is_tunnel = status == SWITCHING_PROTOCOLS or (self._method() == b"CONNECT" and 200 <= status < 300)
        if self._methods and (status >= 200 or is_tunnel):
            self._methods.popleft()
        self._answered(lines)
        if is_tunnel:
            self.requests.stop()
            self.responses.stop()
