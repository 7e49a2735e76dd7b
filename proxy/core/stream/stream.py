"""A stream's way to a server: choose, queue, connect, retry, redispatch. Shared by HTTP requests and TCP sessions.

    ASSIGNING --slot--> CONNECTING --connected--> ESTABLISHED --> CLOSED
        |  ^                |   ^                      |
        |  |   redispatch   |   | turn-around over     +-- retry-on --> ASSIGNING
        |  +----------------+   |
        +--all full--> QUEUED   +-- WAITING (refused: the same server again in a moment)

Whatever ends a stream early is a row of `failure`; `fail()` is the only way out that is not success.
Source: HAProxy configuration manual, "retries", "option redispatch", "timeout queue", "maxconn".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from proxy.base.proxy_parts import UNIQUE_ID
from proxy.core import queue
from proxy.core.proxy_protocol import encode
from proxy.core.stream import accounting, failure
from proxy.core.stream.exchange import Exchange
from proxy.core.stream.failure import Failure
from proxy.core.stream.log_facts import identify
from proxy.core.stream.ports import Host, Link, Received, abstract
from proxy.core.stream.server_connection import ServerConnection
from proxy.core.stream.states import ASSIGNING, AWAITING_BODY, CLOSED, CONNECTING, ESTABLISHED, NO_FLAG, QUEUED, WAITING
from proxy.runtime.backend import Backend
from proxy.runtime.cells import BIN, BOUT, LBTOT, SCUR, SMAX, WREDIS, WRETR
from proxy.runtime.server import Server

if TYPE_CHECKING:
    from proxy.core.stream.session import Session

TURN_AROUND_MS = 1000
CONNECT_FAILURE = "conn-failure"


class Stream(Exchange):
    """One request and its response, or one TCP session, on its way to a server.

    Units: times in milliseconds of the monotonic clock; 0 or -1 = not reached.
    """

    __slots__ = (
        "assigned_ms", "avoid", "backend", "backend_queue", "connected_ms", "connection", "credited_in", "credited_out",
        "flag_request", "flag_response", "host", "octets_in", "octets_out", "pinned", "preferred", "queue_mark", "queued_at_ms",
        "queued_in", "queued_on", "redispatched", "retries", "server", "server_queue", "session", "source", "start_ms", "state",
        "was_reused",
    )

    def prepare(self, session: Session, backend: Backend | None, start_ms: int) -> None:
        """What a constructor does first; a method, because a compiled one is called sooner than another class's constructor."""
        self.session = session
        self.host: Host = session.host
        self.backend = backend
        self.server: Server | None = None           # whose slot this stream holds, or the last one tried
        self.connection: ServerConnection | None = None
        self.state = ASSIGNING
        self.pinned: Server | None = None           # the server its cookie asks for
        self.preferred: Server | None = None        # the server of the request before, if that is to be asked again
        self.avoid: Server | None = None            # the server that has just failed it
        self.retries = 0
        self.redispatched = False
        self.was_reused = False
        self.queued_in: Any = None
        self.queued_at_ms = 0
        self.queue_mark = 0
        self.queued_on: Server | None = None        # the server in whose line it waits or has waited last
        self.server_queue = 0
        self.backend_queue = 0
        self.start_ms = start_ms                    # when everything needed to choose a server was known
        self.assigned_ms = 0
        self.connected_ms = 0
        self.source: tuple[str, int] | None = None  # our address towards the server, where a log format asks for it
        self.octets_in = 0
        self.octets_out = 0
        self.credited_in = 0
        self.credited_out = 0
        self.flag_request = NO_FLAG
        cookie = None if backend is None else backend.cookie
        self.flag_response = NO_FLAG if cookie is None else cookie.unanswered

    @property
    def on_server(self) -> Server | None:
        return self.server

    # what HTTP and TCP do differently

    def balance_key(self) -> int | None:
        """What a hashing balancer hashes, already hashed."""
        abstract()

    def server_ready(self, link: Link) -> None:
        """The connection stands: send."""
        abstract()

    def has_responded(self) -> bool:
        """Whether the client has been sent a part of the final response."""
        abstract()

    def answer_failure(self, why: Failure) -> None:
        """Tell the client, as far as that is still possible, log, and end."""
        abstract()

    def idle_connection(self, server: Server) -> ServerConnection | None:
        """A connection that this stream may use instead of a new one."""
        return None

    def server_octets(self, received: Received) -> None:
        abstract()

    def server_ended(self) -> None:
        abstract()

    def server_lost(self) -> None:
        abstract()

    def server_drained(self) -> None:
        abstract()

    # choosing

    def enter_backend(self, backend: Backend) -> None:
        """Count this stream into its backend."""
        backend.sessions += 1
        accounting.stream_given(backend, self.host.now_ms)
        backend.grow(SCUR, SMAX, backend.sessions)

    def leave_backend(self) -> Server | None:
        """Count it out again; gives the server whose slot came free, for `queue.serve` once the stream has been logged."""
        backend = self.backend
        if backend is None:
            return None
        server = self._give_back_slot()
        backend.sessions -= 1
        backend.cells[SCUR] = backend.sessions
        return server

    def assign(self) -> None:
        """Find a server with a free slot, or a place in line, or fail."""
        self.state = ASSIGNING
        backend = self.backend
        if backend is None:
            self.fail(failure.NO_SERVER)
            return
        server = self.pinned
        if server is None:
            preferred, self.preferred = self.preferred, None
            if preferred is not None and preferred.backend is backend and preferred.is_usable and not preferred.is_full():
                self._take_slot(backend, preferred)
                return
            farm = backend.farm
            server = farm.pick(self.balance_key(), self.avoid)
            if server is None:
                if backend.active_count or backend.backup_count:
                    self._wait_in_line(backend, None)
                else:
                    self.fail(failure.NO_SERVER)
                return
            backend.cells[LBTOT] += 1
            server.cells[LBTOT] += 1
            if server.is_full():
                self._wait_in_line(backend, server)
                return
        elif server.is_full():
            self._wait_in_line(backend, server)
            return
        self._take_slot(backend, server)

    def _wait_in_line(self, backend: Backend, server: Server | None) -> None:
        self.queued_on = server
        if not queue.enqueue(self, backend, server, self.host.now_ms):
            if self.pinned is not None and backend.redispatch_after:
                self._leave_server(self.pinned)
                self.assign()
            else:
                self.fail(failure.QUEUE_FULL)
            return
        self.state = QUEUED
        self.wait(backend.timeout_queue_ms or backend.timeout_connect_ms)

    def wait(self, patience_ms: int) -> None:
        """Be told by `waited_too_long` when so much time has passed; 0 = never."""
        self.session.arm(self.host.now_ms + patience_ms if patience_ms else 0)

    def slot_granted(self, server: Server) -> None:
        """A slot came free for this stream (queue.serve)."""
        self._take_slot(server.backend, server)

    def _take_slot(self, backend: Backend, server: Server) -> None:
        self.server = server
        self.queued_on = None
        server.served += 1
        backend.served += 1
        server.grow(SCUR, SMAX, server.served)
        balancer = backend.balancer
        balancer.opened(server)
        self.assigned_ms = self.host.now_ms
        self.connect()

    def _give_back_slot(self) -> Server | None:
        server, self.server = self.server, None
        if server is None:
            return None
        backend = server.backend
        server.served -= 1
        backend.served -= 1
        server.cells[SCUR] = server.served
        balancer = backend.balancer
        balancer.closed(server)
        return server

    def release_slot(self) -> None:
        """Give the slot back and let the next in line have it."""
        server = self._give_back_slot()
        if server is not None and server.is_awaited():
            queue.serve(server)

    # connecting

    def connect(self) -> None:
        """Get a connection to the server whose slot is held: an idle one, or a new one."""
        server = self.server
        if server is None:
            raise AssertionError("connecting without a slot")
        host = self.host
        accounting.stream_given(server, host.now_ms)
        connection = self.idle_connection(server)
        if connection is not None:
            self.was_reused = True
            self.connection = connection
            connection.taken(self)
            self.connected(connection.link)
            return
        self.was_reused = False
        self.state = CONNECTING
        connection = ServerConnection.__new__(ServerConnection)
        connection.prepare_connection(host, server, self)
        self.connection = connection
        self.wait(server.backend.timeout_connect_ms)
        port = 0 if server.port_offset is None else self.session.local_port + server.port_offset
        connection.connect(port, self._proxy_header(server))

    def _proxy_header(self, server: Server) -> bytes:
        if not server.send_proxy:
            return b""
        session = self.session
        unique_id = identify(session) if server.send_proxy & UNIQUE_ID else b""
        return encode(server.send_proxy, (session.peer_address, session.peer_port), (session.local_address, session.local_port),
                      unique_id)

    def connected(self, link: Link) -> None:
        """The connection stands."""
        self.state = ESTABLISHED
        self.connected_ms = self.host.now_ms
        observe = self.host.server_connected
        if observe is not None and self.server is not None:
            observe(self.server)
        if self.session.frontend.log_backend_source:
            self.source = link.local_address()
        self.server_ready(link)

    def connect_failed(self, refused: bool) -> None:
        """No connection came about."""
        self.connection = None
        self.attempt_failed(failure.CONNECT_REFUSED if refused else failure.CONNECT_RESOURCES)

    def attempt_failed(self, why: Failure) -> None:
        """Try again, here or elsewhere, or give up (`retries`, `option redispatch`, `retry-on`)."""
        backend, server = self.backend, self.server
        if backend is None or server is None:
            raise AssertionError("an attempt without a server")
        observe = self.host.server_failed
        if observe is not None:
            observe(server, why)
        if self.server is None:                 # the observer shut this stream down
            return
        if self.retries >= backend.retries or why.retry not in backend.retry_on:
            self.fail(why)
            return
        self.retries += 1
        if why is failure.RESPONSE_BAD or why is failure.RESPONSE_RESET:
            self._count_failure(why)            # an error of the server's, though its client never hears of it
        elsewhere = self._goes_elsewhere(backend, server, why)
        if not elsewhere or why.retry != CONNECT_FAILURE:
            backend.cells[WRETR] += 1
            server.cells[WRETR] += 1
        if elsewhere:
            self._leave_server(server)
            self.release_slot()
            self.assign()
        elif why is failure.CONNECT_REFUSED:
            self.state = WAITING
            self.wait(min(TURN_AROUND_MS, backend.timeout_connect_ms or TURN_AROUND_MS))
        else:
            self.connect()

    def _goes_elsewhere(self, backend: Backend, server: Server, why: Failure) -> bool:
        """Does this retry, the `self.retries`-th, go to another server?

        A refused connection moves on at once where no persistence and no hash asked for this server, as with HAProxy.
        """
        after, retries = backend.redispatch_after, self.retries
        if after == 0 or not backend.farm.offers_another(server):
            return False
        if why is failure.CONNECT_REFUSED and self.pinned is None and not backend.balancer.needs_key:
            return True
        return retries % after == 0 if after > 0 else retries == backend.retries + 1 + after

    def _leave_server(self, server: Server) -> None:
        """Let another server than this one be chosen."""
        self.pinned, self.avoid = None, server
        self.redispatched = True
        server.cells[WREDIS] += 1
        server.backend.cells[WREDIS] += 1
        if self.flag_request == ord("V"):
            self.flag_request = ord("D")

    def _try_again(self) -> None:
        """The turn-around is over: the same server, unless it went down meanwhile."""
        backend, server = self.backend, self.server
        if backend is None or server is None:
            raise AssertionError("waiting for a server without one")
        if server.is_up or not (backend.redispatch_after and backend.farm.offers_another(server)):
            if backend.redispatch_after:            # the server was chosen anew, if only to be the same: Tw goes on till now
                self.assigned_ms = self.host.now_ms
            self.connect()
            return
        self._leave_server(server)
        self.release_slot()
        self.assign()

    # ending

    def waited_too_long(self) -> bool:
        """The session's deadline came while this stream was not established; True when that was its business."""
        if self.state == QUEUED:
            queue.leave(self)
            self.fail(failure.QUEUE_TIMEOUT)
        elif self.state == WAITING:
            self._try_again()
        elif self.state == CONNECTING:
            self.drop_connection()
            self.attempt_failed(failure.CONNECT_TIMEOUT)
        else:
            return False
        return True

    def client_gone(self, cut: bool) -> Failure:
        """Which failure it is that the client has gone in this state, before any response.

        `cut`: by a reset or inside its request, rather than by a half-close behind it; only that counts as an abort of its
        backend before there is a connection, as with HAProxy.
        """
        if self.state == QUEUED:
            return failure.QUEUE_CUT if cut else failure.QUEUE_ABORTED
        if self.state == AWAITING_BODY:
            return failure.REQUEST_CUT
        if self.state in (CONNECTING, WAITING, ASSIGNING):
            return failure.CONNECT_CUT if cut else failure.CONNECT_ABORTED
        return failure.REQUEST_BODY_ABORTED if cut else failure.RESPONSE_ABORTED

    def drop_connection(self, abort: bool = False) -> None:
        """Close the server's side, whatever it was doing; by a reset where what is under way is given up."""
        connection, self.connection = self.connection, None
        if connection is None:
            return
        if abort:
            connection.abort()
        else:
            connection.discard()

    def shut(self, why: Failure) -> None:
        """End because somebody outside wants it: an administrator, or a server that went down."""
        self.fail(failure.in_phase(why, self.state == QUEUED, self.state == ESTABLISHED, self.has_responded()))

    def fail(self, why: Failure) -> None:
        """End early: leave the line, drop the connection, count, tell the client, log."""
        if self.state == CLOSED:
            return
        queue.leave(self)
        self.drop_connection(abort=True)
        self._count_failure(why)
        self.answer_failure(why)

    def _count_failure(self, why: Failure) -> None:
        if why.front_cell >= 0:
            self.session.frontend.cells[why.front_cell] += 1
        server = self.server or self.queued_on
        for cell in why.back_cells:
            if self.backend is not None:
                self.backend.cells[cell] += 1
            if server is not None:
                server.cells[cell] += 1

    def server_gone(self, server: Server) -> None:
        """The server in whose queue this stream waited has gone: look for another one."""
        self._leave_server(server)
        self.assign()

    def credit(self) -> None:
        """Tell the board of the octets that went through since last time."""
        out, came = self.octets_out - self.credited_out, self.octets_in - self.credited_in
        self.credited_out, self.credited_in = self.octets_out, self.octets_in
        session, backend, server = self.session, self.backend, self.server
        session.frontend.cells[BOUT] += out
        session.listener.cells[BOUT] += out
        if backend is not None:
            row = backend.cells
            row[BIN] += came
            row[BOUT] += out
        if server is not None:
            row = server.cells
            row[BIN] += came
            row[BOUT] += out

    def count_times(self, response_ms: int, total_ms: int) -> None:
        """Add the times of a stream that reached a server to the averages of its server and backend."""
        server, backend = self.server, self.backend
        if server is None or backend is None or not self.connected_ms:
            return
        queue_ms, connect_ms = self.assigned_ms - self.start_ms, self.connected_ms - self.assigned_ms
        accounting.times_counted(server.cells, queue_ms, connect_ms, response_ms, total_ms)
        accounting.times_counted(backend.cells, queue_ms, connect_ms, response_ms, total_ms)
