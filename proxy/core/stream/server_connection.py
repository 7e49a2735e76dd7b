"""A connection to a server: it belongs to one stream at a time, or to a pool of idle ones.

    CONNECTING --connected--> BUSY --stream done, may be kept--> IDLE --taken--> BUSY
        |                      |                                  |
        +--failed/cancelled----+--closed, lost, may not be kept---+--> gone
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from proxy.core.stream.ports import HEAD_READ_OCTETS, PAUSE_PEER_FULL, Host, Link, Received, Reusable, Unseen
from proxy.runtime.cells import (
    CONNECT,
    H1_BYTES_IN,
    H1_BYTES_OUT,
    H1_OPEN_CONNECTIONS,
    H1_OPEN_STREAMS,
    H1_SPLICED_BYTES_IN,
    H1_SPLICED_BYTES_OUT,
    H1_TOTAL_CONNECTIONS,
    H1_TOTAL_STREAMS,
    REUSE,
    USED_CUR,
    USED_MAX,
)
from proxy.runtime.server import Server

if TYPE_CHECKING:
    from proxy.core.stream.stream import Stream

NEVER_TAKEN = -1


class ServerConnection(Reusable):
    """One connection to a server, connecting, in use or idle."""

    __slots__ = (
        "attempt", "has_ended", "host", "is_gone", "is_private", "link", "owner_session", "requests", "server", "stream",
        "taken_turn",
    )

    def __init__(self, host: Host, server: Server, stream: Stream) -> None:
        self.prepare_connection(host, server, stream)

    def prepare_connection(self, host: Host, server: Server, stream: Stream) -> None:
        """As `Entry.prepare_entry`."""
        self.prepare_reusable()
        self.host = host
        self.server = server
        self.stream: Stream | None = stream
        self.link: Any = None                   # a Link once connected
        self.attempt: Any = None                # what connects, until then
        self.requests = 0
        self.taken_turn = NEVER_TAKEN           # the turn of the loop in which a stream took it out of rest
        self.is_private = False                 # its client has authenticated on it (NTLM): nobody else may have it
        self.is_gone = False
        self.has_ended = False                  # the server has ended its side
        self.owner_session: Any = None          # the session that keeps it for itself (http-reuse never)
        backend = server.backend
        if backend.is_http:
            row = backend.cells
            row[H1_OPEN_CONNECTIONS] += 1
            row[H1_TOTAL_CONNECTIONS] += 1
        self._count_use(CONNECT)

    def _count_use(self, how: int) -> None:
        """A stream has it now: anew (CONNECT) or out of rest (REUSE)."""
        server = self.server
        backend = server.backend
        row = server.cells
        row[how] += 1
        server.grow(USED_CUR, USED_MAX, row[USED_CUR] + 1)
        row = backend.cells
        row[how] += 1
        if backend.is_http:
            row[H1_OPEN_STREAMS] += 1
            row[H1_TOTAL_STREAMS] += 1

    def _count_rest(self) -> None:
        server = self.server
        server.cells[USED_CUR] -= 1
        if server.backend.is_http:
            server.backend.cells[H1_OPEN_STREAMS] -= 1

    def _count_gone(self) -> None:
        if not self.is_gone:
            self.is_gone = True
            if self.server.backend.is_http:
                self.server.backend.cells[H1_OPEN_CONNECTIONS] -= 1

    def connect(self, port: int, early: bytes) -> None:
        """Begin to connect; the stream is told how it ends."""
        self.attempt = self.host.connect(self.server, self, port, early)

    # what the link tells

    def connected(self, link: Link) -> None:
        self.attempt = None
        self.link = link
        stream = self.stream
        if stream is not None:
            stream.connected(link)

    def connect_failed(self, refused: bool) -> None:
        self.attempt = None
        self._count_rest()
        self._count_gone()
        stream, self.stream = self.stream, None
        if stream is not None:
            stream.connect_failed(refused)

    def octets(self, received: Received) -> None:
        backend = self.server.backend
        if backend.is_http:
            row = backend.cells
            row[H1_BYTES_IN] += len(received)
            if isinstance(received, Unseen):
                row[H1_SPLICED_BYTES_IN] += len(received)
        stream = self.stream
        if stream is None:                      # an answer that nobody asked for: the connection can not be trusted
            self._idle_ended()
        elif self.taken_turn == self.host.turns:
            stream.server_lost()                # they were there before its request was: an answer that nobody asked for
        else:
            stream.server_octets(received)

    def ended(self) -> None:
        self.has_ended = True
        stream = self.stream
        if stream is None:
            self._idle_ended()
        else:
            stream.server_ended()

    def lost(self) -> None:
        stream = self.stream
        if stream is None:
            self._idle_ended()
        else:
            stream.server_lost()

    def drained(self) -> None:
        stream = self.stream
        if stream is not None:
            stream.server_drained()

    # what streams and pools do with it

    def send_http(self, octets: Received) -> bool:
        """Send and count octets of HTTP/1; as `Link.send`."""
        row = self.server.backend.cells
        row[H1_BYTES_OUT] += len(octets)
        taken: bool = self.link.send(octets)
        if isinstance(octets, Unseen):
            row[H1_SPLICED_BYTES_OUT] += octets.passed()
        return taken

    def send_http_both(self, head: bytes, body: bytes) -> bool:
        """As `send_http`, two pieces by one call."""
        self.server.backend.cells[H1_BYTES_OUT] += len(head) + len(body)
        taken: bool = self.link.send_both(head, body)
        return taken

    def taken(self, stream: Stream) -> None:
        """An idle connection goes to a stream."""
        self.stream = stream
        self.requests += 1
        self.taken_turn = self.host.turns
        self.is_safe = True
        self._count_use(REUSE)

    def rest(self) -> None:
        """The stream is done with it and it may be kept: read on, to notice when the server closes it."""
        self.stream = None
        self._count_rest()
        link = self.link
        link.limit_reads(HEAD_READ_OCTETS)
        link.resume(PAUSE_PEER_FULL)

    def discard(self) -> None:
        """Close it, whatever it was doing."""
        if self.stream is not None:
            self.stream = None
            self._count_rest()
        self._count_gone()
        if self.attempt is not None:
            self.attempt.cancel()
            self.attempt = None
        elif self.link is not None:
            self.link.close()
            self.link = None

    def abort(self) -> None:
        """Close it by a reset, unless the server has ended its side: then there is nobody to tell."""
        if self.link is not None and not self.has_ended:
            self.link.abort()
            self.link = None
        self.discard()

    def _idle_ended(self) -> None:
        session = self.owner_session
        if session is not None:
            session.private = None
        elif self.server.idle is not None:
            self.server.idle.remove(self)
        self.discard()
