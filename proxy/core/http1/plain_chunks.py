"""Chunked bodies as far as they are plain: sizes of up to 15 digits, no extensions, no trailers, no line cut in two.

That is nearly all traffic. What is not plain is left where it is, and judged by `chunked.ChunkedDecoder`. The compiled twin is
plain_chunks.pyx.
"""

from __future__ import annotations

from proxy.core.http1.chunk_encoder import CHUNK_END, LAST_CHUNK, chunk_head
from proxy.core.http1.chunk_states import CONTENT, CONTENT_END, DONE, SIZE_LINE, TRAILER
from proxy.core.http1.tables import PLAIN_FIRST_CHUNK, PLAIN_NEXT_CHUNK

Octets = bytes | memoryview

match_first_chunk = PLAIN_FIRST_CHUNK.match
match_next_chunk = PLAIN_NEXT_CHUNK.match


class PlainChunks:
    """Walks over plain chunks.

    `state` is where the walk stands, `left` the octets of the chunk that are to come there, `at` the place of the last walk's end
    in its octets. `chunks` counts the pieces of content that were met.
    """

    __slots__ = ("at", "chunks", "left", "state")

    def __init__(self) -> None:
        self.state = SIZE_LINE
        self.left = 0
        self.at = 0
        self.chunks = 0

    def walk(self, octets: Octets, at: int, rechunk: bool) -> Octets:
        """The content from `at` on, up to the end of the octets, of the body, or before what is not plain.

        One piece of content is given as a view, several as a copy. With `rechunk` they are given as a chunk of our own making,
        and the end of the body is put behind it where that was met.
        """
        view = memoryview(octets)
        length = len(view)
        spans: list[memoryview] = []
        while at < length:
            if self.state == CONTENT:
                end = min(at + self.left, length)
                spans.append(view[at:end])
                self.left -= end - at
                at = end
                if not self.left:
                    self.state = CONTENT_END
                continue
            if self.state == CONTENT_END:
                match = match_next_chunk(view, at)
            elif self.state == SIZE_LINE:
                match = match_first_chunk(view, at)
            else:
                break
            if match is None:
                break
            at = match.end()
            self.left = int(match[1], 16)
            if self.left:
                self.state = CONTENT
                continue
            self.state = TRAILER
            if bytes(view[at:at + 2]) == CHUNK_END:
                self.state = DONE
                at += 2
            break
        self.at = at
        self.chunks += len(spans)
        return self._rechunked(spans) if rechunk else self._joined(spans)

    def _joined(self, spans: list[memoryview]) -> Octets:
        return spans[0] if len(spans) == 1 else b"".join(spans)

    def _rechunked(self, spans: list[memoryview]) -> Octets:
        end = LAST_CHUNK if self.state == DONE else b""
        if not spans:
            return end
        return b"".join((chunk_head(sum(map(len, spans))), *spans, CHUNK_END, end))
