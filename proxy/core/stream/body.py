"""One message body on its way: how much is still to come, and the form in which it leaves."""

from __future__ import annotations

from proxy.core.http1.chunked import ChunkedDecoder
from proxy.core.http1.plain_chunks import Octets
from proxy.core.stream.ports import ALL_OCTETS, Received, seen

UNTIL_CLOSE = -1


class Body:
    """A body that is forwarded while it comes.

    `left` counts the octets of a body of known length, or is UNTIL_CLOSE; a chunked one has a decoder instead and leaves in
    chunks of our own making when `rechunk` is true. `extra` counts octets behind the end, `chunks` the pieces of the last feed.
    Raises: RemoteProtocolError for broken chunks.
    """

    __slots__ = ("chunks", "decoder", "done", "extra", "left", "rechunk")

    def __init__(self, left: int, decoder: ChunkedDecoder | None = None, rechunk: bool = False) -> None:
        self.left = left
        self.decoder = decoder
        self.rechunk = rechunk
        self.done = left == 0 and decoder is None
        self.extra = 0
        self.chunks = 0

    def ends_by_closing(self) -> bool:
        """Does it leave without a frame, so that nothing but the end of the connection tells its own?"""
        return self.left == UNTIL_CLOSE or (self.decoder is not None and not self.rechunk)

    def unseen(self) -> int:
        """How many of the octets to come may pass without being looked at."""
        if self.decoder is not None:
            return 0
        return ALL_OCTETS if self.left == UNTIL_CLOSE else self.left

    def feed(self, received: Received) -> Received:
        """What of these octets is to be sent on, in the form it leaves in."""
        if self.decoder is not None:
            return self._feed_chunked(self.decoder, seen(received))
        if self.left == UNTIL_CLOSE:
            return received
        count = len(received)
        if count > self.left:
            self.extra = count - self.left
            received = received[: self.left]
            count = self.left
        self.left -= count
        self.done = self.left == 0
        return received

    def _feed_chunked(self, decoder: ChunkedDecoder, received: Octets) -> Octets:
        octets = decoder.rechunk(received) if self.rechunk else decoder.feed(received)
        self.done = decoder.done
        self.extra = decoder.leftover
        self.chunks = decoder.chunks
        return octets
