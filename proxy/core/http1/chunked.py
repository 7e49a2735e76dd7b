"""Bodies by chunks, strictly: whatever lines they have, in any pieces, all of it bounded (RFC 9112 §7.1)."""

from __future__ import annotations

from proxy.base.errors import LocalProtocolError, RemoteProtocolError
from proxy.core.http1.chunk_encoder import CHUNK_END, chunk_head, last_chunk
from proxy.core.http1.chunk_states import CONTENT, CONTENT_END, DONE, SIZE_LINE, TRAILER
from proxy.core.http1.head import Fields
from proxy.core.http1.plain_chunks import Octets, PlainChunks
from proxy.core.http1.tables import CHUNK_LINE, LARGEST_LENGTH, NEVER_TRAILERS, NEXT_CHUNK, TRAILER_LINE

LARGEST_LINE = 4096         # chunk size and extensions, or one trailer
LARGEST_TRAILER = 8192      # the whole trailer section
MOST_TRAILERS = 100

match_next_chunk = NEXT_CHUNK.match


class ChunkedDecoder(PlainChunks):
    """Turns the octets of a chunked body into its content, or into the body as it leaves: in chunks of our own making.

    `done` is true once the trailer section has ended; `leftover` then counts the octets of the last feed behind the message.
    `trailers` holds the trailer fields that may be sent on, names in lower case. Chunk extensions are dropped.
    Raises: RemoteProtocolError with `status` (400 for requests; give 502 for responses), after which the decoder is of no use.
    """

    __slots__ = ("_line", "_trailer_octets", "done", "leftover", "status", "trailers")

    def __init__(self, status: int = 400) -> None:
        PlainChunks.__init__(self)
        self.status = status
        self.done = False
        self.leftover = 0
        self.trailers: Fields = []
        self._line = b""            # the part of a line that came so far
        self._trailer_octets = 0

    def feed(self, octets: Octets) -> Octets:
        """The content in these octets: a view of them, or where it lies in several places a copy."""
        return self._feed(octets, False)

    def rechunk(self, octets: Octets) -> Octets:
        """The content in these octets, as chunks; the last one and the trailers follow where the body has ended."""
        return self._feed(octets, True)

    def _feed(self, octets: Octets, rechunk: bool) -> Octets:
        if self.state == DONE:
            raise LocalProtocolError("octets after the last chunk", 500)
        self.at = self.chunks = 0
        out = b"" if self._line else self.walk(octets, 0, rechunk)
        if self.at < len(octets) and self.state != DONE:
            out = self._judge(octets, out, rechunk)
        if self.state == DONE:
            self.done = True
            self.leftover = len(octets) - self.at
        return out

    def _judge(self, octets: Octets, before: Octets, rechunk: bool) -> Octets:
        """Go on where something is not plain; `before` is what was made of the octets before it."""
        view, length = memoryview(octets), len(octets)
        pieces = [before]
        if rechunk and before:                  # all of it leaves as one chunk
            framed = bytes(before)
            pieces[0] = framed[framed.index(CHUNK_END) + len(CHUNK_END) : -len(CHUNK_END)]
        while self.at < length and self.state != DONE:
            match = match_next_chunk(view, self.at) if self.state == CONTENT_END and not self._line else None
            if match is not None and match.end() - self.at <= len(CHUNK_END) + LARGEST_LINE:
                self._begin_chunk(match[1])
                self.at = match.end()
            else:
                self.at = self._read_line(view, self.at, length)
            if self.state != DONE:
                pieces.append(self.walk(octets, self.at, False))
        content = b"".join(pieces)
        if not rechunk:
            return content
        framed = chunk_head(len(content)) + content + CHUNK_END if content else content
        return framed + last_chunk(self.trailers) if self.state == DONE else framed

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
        if self.state == SIZE_LINE:
            self._size_line(line)
        elif self.state == CONTENT_END:
            if line != b"\r\n":
                raise RemoteProtocolError("no CRLF after a chunk", self.status)
            self.state = SIZE_LINE
        else:
            self._trailer_line(line)
        return at + end

    def _check_unfinished(self, line: bytes) -> None:
        """Refuse a line that is too long already, or is no line end where only that may come."""
        if len(line) > LARGEST_LINE:
            raise RemoteProtocolError("line in a chunked body too long", self.status)
        if self.state == CONTENT_END and line != b"\r":
            raise RemoteProtocolError("no CRLF after a chunk", self.status)

    def _size_line(self, line: bytes) -> None:
        match = CHUNK_LINE.fullmatch(line)
        if match is None:
            raise RemoteProtocolError("invalid chunk size line", self.status)
        self._begin_chunk(match[1])

    def _begin_chunk(self, digits: bytes) -> None:
        size = int(digits, 16)
        if size > LARGEST_LENGTH:
            raise RemoteProtocolError("chunk too large", self.status)
        self.left = size
        self.state = CONTENT if size else TRAILER

    def _trailer_line(self, line: bytes) -> None:
        if line == b"\r\n":
            self.state = DONE
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
