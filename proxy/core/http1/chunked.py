"""Bodies by chunks: a decoder that copies no body octet, and the few octets an encoder needs (RFC 9112 §7.1)."""

from __future__ import annotations

from proxy.base.errors import LocalProtocolError, RemoteProtocolError
from proxy.core.http1.head import Fields
from proxy.core.http1.tables import CHUNK_LINE, LARGEST_LENGTH, NEVER_TRAILERS, PLAIN_NEXT_CHUNK, TRAILER_LINE

CHUNK_END = b"\r\n"
LAST_CHUNK = b"0\r\n\r\n"

LARGEST_LINE = 4096         # chunk size and extensions, or one trailer
LARGEST_TRAILER = 8192      # the whole trailer section
MOST_TRAILERS = 100

match_next_chunk = PLAIN_NEXT_CHUNK.match

SIZE_LINE = 0       # reading a chunk's size line
CONTENT = 1         # inside a chunk; `_left` octets to come
CONTENT_END = 2     # the CRLF after a chunk
TRAILER = 3         # reading trailer lines
DONE = 4


def chunk_head(length: int) -> bytes:
    """The size line of a chunk; CHUNK_END follows its octets.

    Raises: LocalProtocolError for an empty chunk, which would end the body.
    """
    if length <= 0:
        raise LocalProtocolError("an empty chunk ends a body", 500)
    return b"%x\r\n" % length


def last_chunk(trailers: Fields) -> bytes:
    """The last chunk and the trailer section."""
    if not trailers:
        return LAST_CHUNK
    return b"0\r\n" + b"\r\n".join([name + b": " + value for name, value in trailers]) + b"\r\n\r\n"


class ChunkedDecoder:
    """Turns the octets of a chunked body into the spans that are its content.

    `done` is true once the trailer section has ended; `leftover` then counts the octets of the last feed behind the message.
    `trailers` holds the trailer fields that may be sent on, names in lower case. Chunk extensions are dropped.
    Raises: RemoteProtocolError with `status` (400 for requests; give 502 for responses), after which the decoder is of no use.
    """

    __slots__ = ("_left", "_line", "_state", "_trailer_octets", "done", "leftover", "status", "trailers")

    def __init__(self, status: int = 400) -> None:
        self.status = status
        self.done = False
        self.leftover = 0
        self.trailers: Fields = []
        self._state = SIZE_LINE
        self._left = 0
        self._line = b""            # the part of a line that came so far
        self._trailer_octets = 0

    def feed(self, octets: bytes | memoryview) -> list[memoryview]:
        """The content in these octets, as views into them."""
        view = memoryview(octets)
        length = len(view)
        if self._state == CONTENT and length <= self._left:
            self._left -= length
            if not self._left:
                self._state = CONTENT_END
            return [view] if length else []
        return self._feed(view, length)

    def _feed(self, view: memoryview, length: int) -> list[memoryview]:
        """The general case of `feed`: lines, and chunks that end here."""
        if self._state == DONE:
            raise LocalProtocolError("octets after the last chunk", 500)
        spans: list[memoryview] = []
        at = 0
        while at < length:
            if self._state == CONTENT:
                end = min(at + self._left, length)
                spans.append(view[at:end])
                self._left -= end - at
                at = end
                if not self._left:
                    self._state = CONTENT_END
                continue
            match = match_next_chunk(view, at) if self._state == CONTENT_END and not self._line else None
            if match is not None:
                self._left = int(match[1], 16)
                self._state = CONTENT if self._left else TRAILER
                at = match.end()
            else:
                at = self._read_line(view, at, length)
                if self._state == DONE:
                    self.leftover = length - at
                    break
        return spans

    def _read_line(self, view: memoryview, at: int, length: int) -> int:
        """Take octets up to an LF or to the end; act on the line if it is whole. Gives where to go on."""
        known = self._line
        piece = bytes(view[at:min(length, at + LARGEST_LINE + 1 - len(known))])
        end = piece.find(b"\n") + 1
        if not end:
            line = known + piece
            self._check_unfinished(line)
            self._line = line
            return at + len(piece)
        line = known + piece[:end] if known else piece[:end]
        self._line = b""
        if len(line) > LARGEST_LINE:
            raise RemoteProtocolError("line in a chunked body too long", self.status)
        if self._state == SIZE_LINE:
            self._size_line(line)
        elif self._state == CONTENT_END:
            if line != b"\r\n":
                raise RemoteProtocolError("no CRLF after a chunk", self.status)
            self._state = SIZE_LINE
        else:
            self._trailer_line(line)
        return at + end

    def _check_unfinished(self, line: bytes) -> None:
        """Refuse a line that is too long already, or is no line end where only that may come."""
        if len(line) > LARGEST_LINE:
            raise RemoteProtocolError("line in a chunked body too long", self.status)
        if self._state == CONTENT_END and line != b"\r":
            raise RemoteProtocolError("no CRLF after a chunk", self.status)

    def _size_line(self, line: bytes) -> None:
        match = CHUNK_LINE.fullmatch(line)
        if match is None:
            raise RemoteProtocolError("invalid chunk size line", self.status)
        size = int(match[1], 16)
        if size > LARGEST_LENGTH:
            raise RemoteProtocolError("chunk too large", self.status)
        self._left = size
        self._state = CONTENT if size else TRAILER

    def _trailer_line(self, line: bytes) -> None:
        if line == b"\r\n":
            self._state = DONE
            self.done = True
            return
        match = TRAILER_LINE.fullmatch(line)
        if match is None:
            raise RemoteProtocolError("invalid trailer line", self.status)
        self._trailer_octets += len(line)
        if self._trailer_octets > LARGEST_TRAILER or len(self.trailers) >= MOST_TRAILERS:
            raise RemoteProtocolError("trailer section too large", self.status)
        name = match[1].lower()
        if name not in NEVER_TRAILERS:
            self.trailers.append((name, match[2].rstrip(b" \t")))
