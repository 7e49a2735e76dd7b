"""A session: the life of one client connection, from accept to close.

A session owns the client's link and one timer. What it does with the octets is its mode's business (`http_session`,
`tcp_session`).
"""

from __future__ import annotations

from ipaddress import ip_address

from proxy.core.stream import accounting
from proxy.core.stream.failure import Failure
from proxy.core.stream.ports import Host, Link, LinkOwner, abstract
from proxy.runtime.cells import CONN_CUR, SCUR, SMAX
from proxy.runtime.frontend import Frontend, Listener
from proxy.runtime.server import Server


class Session(LinkOwner):
    """One client connection.

    Units: `deadline_ms` on the monotonic clock; `accept_wall_s` in seconds since the epoch.
    """

    __slots__ = (
        "accept_ms", "accept_wall_s", "client_active_ms", "closed", "frontend", "gone", "host", "link",
        "listener", "local_address", "local_port", "packed", "peer_address", "peer_port", "request_number",
        "server_active_ms", "unique_id",
    )

    def __init__(self, host: Host, listener: Listener, link: Link, peer: tuple[str, int], local: tuple[str, int]) -> None:
        self.prepare_session(host, listener, link, peer, local)

    def prepare_session(
        self, host: Host, listener: Listener, link: Link, peer: tuple[str, int], local: tuple[str, int]
    ) -> None:
        """As `Entry.prepare_entry`."""
        self.prepare_entry()
        self.host = host
        self.listener = listener
        self.frontend: Frontend = listener.frontend
        self.link = link
        self.peer_address, self.peer_port = peer
        self.local_address, self.local_port = local
        self.accept_ms = host.now_ms
        self.accept_wall_s = host.wall_s()
        self.client_active_ms = host.now_ms
        self.server_active_ms = host.now_ms
        self.closed = False
        self.gone = False                       # the client's connection is broken: nothing reaches it any more
        self.packed = b""
        self.unique_id = b""                    # of the request at hand, or of the connection in TCP mode (%ID)
        self.request_number = 0                 # of the request at hand, among those of all workers (%rt)

    # the engine's side

    def begin(self) -> None:
        """Count the session in and start waiting for the client."""
        now_ms, frontend, listener = self.host.now_ms, self.frontend, self.listener
        frontend.served += 1
        listener.served += 1
        accounting.connection_opened(frontend, now_ms)
        self.count_session()
        frontend.grow(SCUR, SMAX, frontend.served)
        accounting.session_opened(listener, now_ms)
        listener.grow(SCUR, SMAX, listener.served)
        self.started()

    def count_session(self) -> None:
        """Count a session of the frontend."""
        accounting.session_opened(self.frontend, self.host.now_ms)

    def started(self) -> None:
        """The first thing a mode does."""
        abstract()

    def is_idle(self) -> bool:
        """True between two requests: nothing is lost by closing."""
        return False

    def is_on(self, server: Server) -> bool:
        """True while its stream holds a slot of that server."""
        return False

    def shut(self, why: Failure) -> None:
        """End the session at once: an administrator, or a server that went down, wants it."""
        abstract()

    # the streams' side

    @property
    def client_packed(self) -> bytes:
        """The client's address in network order; empty for a unix socket."""
        if not self.packed and self.peer_port:
            self.packed = ip_address(self.peer_address).packed
        return self.packed

    def number_request(self) -> None:
        """Give the request, or TCP session, that begins its number."""
        process = self.host.process
        requests = process.requests
        self.request_number = requests.take()

    def arm(self, deadline_ms: int) -> None:
        """Set the one deadline of this session; 0 = none."""
        self.host.timers.arm(self, deadline_ms)

    def finish(self, abort: bool = False) -> None:
        """Close the client's connection and count the session out; nothing happens after this."""
        if self.closed:
            return
        self.closed = True
        host = self.host
        host.timers.forget(self)
        if abort:
            self.link.abort()
        else:
            self.link.close()
        frontend, listener = self.frontend, self.listener
        frontend.served -= 1
        listener.served -= 1
        row = frontend.cells
        row[SCUR] = frontend.served
        row[CONN_CUR] -= 1
        listener.cells[SCUR] = listener.served
        host.session_over(self)
