"""A client connection in TCP mode: octets both ways, each side's end passed on to the other.

    client ended, server ended, both ended = over         a side that broke, or was silent too long, ends both
"""

from __future__ import annotations

from proxy.core import queue
from proxy.core.stream import failure, idleness, log_facts
from proxy.core.stream.failure import Failure
from proxy.core.stream.ports import (
    ALL_OCTETS,
    BODY_READ_OCTETS,
    HEAD_READ_OCTETS,
    PAUSE_NOT_ASKED,
    PAUSE_PEER_FULL,
    Host,
    Link,
    Received,
)
from proxy.core.stream.session import Session
from proxy.core.stream.states import CLOSED, ESTABLISHED, NO_FLAG, QUEUED
from proxy.core.stream.stream import Stream
from proxy.runtime.cells import BIN
from proxy.runtime.frontend import Listener
from proxy.runtime.server import Server

CREDIT_OCTETS = 1 << 20
LINGER_MS = 1000
HEALTHY = b"OK"


class TcpSession(Session):
    """A session in TCP mode; when its stream is over, it closes at once or lingers without one."""

    __slots__ = ("stream",)

    def __init__(self, host: Host, listener: Listener, link: Link, peer: tuple[str, int], local: tuple[str, int]) -> None:
        self.prepare_tcp_session(host, listener, link, peer, local)

    def prepare_tcp_session(
        self, host: Host, listener: Listener, link: Link, peer: tuple[str, int], local: tuple[str, int]
    ) -> None:
        """As `Entry.prepare_entry`."""
        self.prepare_session(host, listener, link, peer, local)
        stream = TcpStream.__new__(TcpStream)
        stream.prepare_tcp(self)
        self.stream: TcpStream | None = stream

    def started(self) -> None:
        self.number_request()
        self.link.limit_reads(HEAD_READ_OCTETS)
        stream = self.stream
        if stream is not None:
            stream.begin()

    def octets(self, received: Received) -> None:
        self.client_active_ms = self.host.now_ms
        stream = self.stream
        if stream is None:
            return
        count = len(received)
        self.frontend.cells[BIN] += count
        self.listener.cells[BIN] += count
        stream.client_octets(received)

    def ended(self) -> None:
        stream = self.stream
        if stream is None:
            self.finish()
        else:
            stream.client_ended()

    def lost(self) -> None:
        stream = self.stream
        if stream is None:
            self.finish(abort=True)
        else:
            stream.client_lost()

    def drained(self) -> None:
        stream = self.stream
        if stream is not None:
            stream.client_drained()

    def deadline_reached(self, now_ms: int) -> None:
        stream = self.stream
        if stream is None:
            self.finish()
        else:
            stream.deadline_reached(now_ms)

    def is_on(self, server: Server) -> bool:
        stream = self.stream
        return stream is not None and stream.server is server

    def shut(self, why: Failure) -> None:
        stream = self.stream
        if stream is None:
            self.finish()
        else:
            stream.shut(why)

    def linger(self) -> None:
        """Half-close and drop what the client still sends: closing before that is read would be a reset."""
        self.link.end_writing()
        self.link.resume(PAUSE_NOT_ASKED)
        self.arm(self.host.now_ms + LINGER_MS)


class TcpStream(Stream):
    """The way of a TCP session to its server, and the octets between them."""

    __slots__ = ("client_closed", "early", "is_over", "logged", "patience_ends_ms", "server_closed")

    session: TcpSession

    def __init__(self, session: TcpSession) -> None:
        self.prepare_tcp(session)

    def prepare_tcp(self, session: TcpSession) -> None:
        """As `Stream.prepare`."""
        self.prepare(session, session.frontend.backend, session.host.now_ms)
        self.early = b""                        # what the client sent before there was a server
        self.client_closed = False
        self.server_closed = False
        self.is_over = False
        self.logged = False
        self.patience_ends_ms = 0

    def begin(self) -> None:
        """Look for a server at once: in TCP mode nothing has to be read first."""
        if self.backend is not None:
            self.enter_backend(self.backend)
        log = self.session.frontend.log
        if log is not None and log.early:
            self._log(None, None)
        self.assign()

    def balance_key(self) -> int | None:
        backend = self.backend
        if backend is None:
            return None
        balancer = backend.balancer
        if not balancer.needs_key:
            return None
        key: int | None = balancer.key(None, self.session.client_packed)
        return key

    def server_ready(self, link: Link) -> None:
        session = self.session
        session.server_active_ms = self.host.now_ms
        session.link.limit_reads(BODY_READ_OCTETS)
        link.limit_reads(BODY_READ_OCTETS)
        session.link.pass_unseen(ALL_OCTETS)
        link.pass_unseen(ALL_OCTETS)
        session.link.resume(PAUSE_NOT_ASKED)
        early, self.early = self.early, b""
        if early and not link.send(early):
            session.link.pause(PAUSE_PEER_FULL)
        if self.client_closed:
            link.end_writing()
        if session.frontend.logasap:
            self._log(None, self.server)
        self._arm()

    # octets

    def client_octets(self, received: Received) -> None:
        """More from the client."""
        self.octets_in += len(received)
        connection = self.connection
        if self.state != ESTABLISHED or connection is None:
            self.early += bytes(received)
            if len(self.early) >= HEAD_READ_OCTETS:
                self.session.link.pause(PAUSE_NOT_ASKED)
        elif not connection.link.send(received):
            self.session.link.pause(PAUSE_PEER_FULL)
        else:
            self.session.server_active_ms = self.host.now_ms
        if self.octets_in - self.credited_in > CREDIT_OCTETS:
            self.credit()

    def server_octets(self, received: Received) -> None:
        session = self.session
        session.server_active_ms = self.host.now_ms
        self.octets_out += len(received)
        if session.link.send(received):
            session.client_active_ms = self.host.now_ms
        elif self.connection is not None:
            self.connection.link.pause(PAUSE_PEER_FULL)
        if self.octets_out - self.credited_out > CREDIT_OCTETS:
            self.credit()

    def client_drained(self) -> None:
        """The client has taken what was pending for it."""
        self.session.client_active_ms = self.host.now_ms
        if self.connection is not None and self.connection.link is not None:
            self.connection.link.resume(PAUSE_PEER_FULL)

    def server_drained(self) -> None:
        self.session.server_active_ms = self.host.now_ms
        self.session.link.resume(PAUSE_PEER_FULL)

    # ends

    def client_ended(self) -> None:
        """The client has half-closed."""
        self.client_closed = True
        self.session.server_active_ms = self.host.now_ms
        connection = self.connection
        if self.state != ESTABLISHED or connection is None:
            if not self.early or (self.backend is not None and self.backend.abortonclose):
                self.fail(self.client_gone(cut=False))
            return
        connection.link.end_writing()
        self._one_side_ended()

    def server_ended(self) -> None:
        self.server_closed = True
        self.session.client_active_ms = self.host.now_ms
        self.session.link.end_writing()
        self._one_side_ended()

    def _one_side_ended(self) -> None:
        if self.client_closed and self.server_closed:
            self._end(None)
            self.session.finish()
        else:
            self._arm()

    def client_lost(self) -> None:
        """The client's connection is broken."""
        self.session.gone = True
        self.fail(failure.DATA_CLIENT_ABORTED)

    def server_lost(self) -> None:
        self.fail(failure.DATA_SERVER_ABORTED)

    def answer_failure(self, why: Failure) -> None:
        if not self.is_over:
            self._end(why)
            session = self.session
            if why is failure.NO_SERVER and not self.client_closed:
                session.linger()                # at once after the accept: nothing has been read yet
            else:
                session.finish(abort=session.gone or (why is failure.DATA_CLIENT_TIMEOUT and session.link.pending > 0))

    def shut(self, why: Failure) -> None:
        if self.state == ESTABLISHED:
            self.fail(Failure(0, why.termination[:1] + b"-"))
        else:
            Stream.shut(self, why)

    def has_responded(self) -> bool:
        return False

    # deadlines

    def wait(self, patience_ms: int) -> None:
        """Wait for a server, but no longer than the client may be silent."""
        session = self.session
        self.patience_ends_ms = self.host.now_ms + patience_ms if patience_ms else 0
        client_limit_ms = session.frontend.timeout_client_ms
        client_ms = session.client_active_ms + client_limit_ms if client_limit_ms and not self.client_closed else 0
        ends_ms = self.patience_ends_ms
        session.arm(client_ms if client_ms and (not ends_ms or client_ms < ends_ms) else ends_ms)

    def _waited(self, now_ms: int) -> None:
        patience_ends_ms = self.patience_ends_ms
        if patience_ends_ms and now_ms >= patience_ends_ms:
            self.waited_too_long()
        elif now_ms < self.session.client_active_ms + self.session.frontend.timeout_client_ms:
            self.wait(patience_ends_ms - now_ms if patience_ends_ms else 0)
        else:
            self.fail(failure.QUEUE_CLIENT_TIMEOUT if self.state == QUEUED else failure.CONNECT_CLIENT_TIMEOUT)

    def _silence_ends(self) -> tuple[int, Failure]:
        return idleness.silence_ends(self.session, self.backend, self.connection, self.client_closed, self.server_closed)

    def _arm(self) -> None:
        deadline_ms, _ = self._silence_ends()
        self.session.arm(deadline_ms)

    def deadline_reached(self, now_ms: int) -> None:
        """The session's timer."""
        if self.state != ESTABLISHED:
            self._waited(now_ms)
            return
        deadline_ms, why = self._silence_ends()
        if deadline_ms > now_ms or not deadline_ms:
            self.session.arm(deadline_ms)
        else:
            self.fail(why)

    # the end

    def _end(self, why: Failure | None) -> None:
        self.is_over = True
        self.session.stream = None
        self.count_times(-1, self.host.now_ms - self.session.accept_ms)
        self.credit()
        server = self.server or self.queued_on
        self.drop_connection()
        freed = self.leave_backend()
        self.state = CLOSED
        if not self.logged:
            self._log(why, server)
        if freed is not None and freed.is_awaited():
            queue.serve(freed)

    def _log(self, why: Failure | None, server: Server | None) -> None:
        self.logged = True
        log = self.session.frontend.log
        if log is None:
            return
        record = log_facts.session_facts(self.session)
        held, self.server = self.server, server
        log_facts.stream_facts(record, self)
        record.unique_id = log_facts.identify(self.session)
        self.server = held
        record.termination = log_facts.termination(why, NO_FLAG, NO_FLAG)
        record.status = 0
        log.record(record)


class HealthSession(Session):
    """`mode health`: says OK and hangs up, so that an outer load balancer sees that this one is alive."""

    __slots__ = ()

    def started(self) -> None:
        self.link.send(HEALTHY)
        self.finish()
