"""From an accepted connection to its session: the PROXY header first, if the listener wants one, then the frontend's mode.

A frontend in TCP mode whose backend is in HTTP mode speaks HTTP, and counts and logs as in TCP mode.
"""

from __future__ import annotations

from proxy.base.errors import RemoteProtocolError
from proxy.core.http1.limits import Limits
from proxy.core.proxy_protocol import TRUNCATED, parse
from proxy.core.stream.failure import Failure
from proxy.core.stream.http_session import HttpSession
from proxy.core.stream.log_facts import session_facts
from proxy.core.stream.ports import Host, Link, Received
from proxy.core.stream.session import Session
from proxy.core.stream.tcp_session import HealthSession, TcpSession
from proxy.runtime.frontend import Listener

CLOSED = "Connection closed while waiting for PROXY protocol header"
BROKEN = "Connection error while waiting for PROXY protocol header"
LATE = "Timeout while waiting for PROXY protocol header"
HEADER_READ_OCTETS = 4096
Ends = tuple[str, int]


def limits_of(bufsize: int, maxrewrite: int, maxhdr: int) -> Limits:
    """What a head may measure, from tune.bufsize, tune.maxrewrite and tune.http.maxhdr."""
    return Limits(head=bufsize - maxrewrite, start_line=bufsize - maxrewrite, fields=maxhdr - 1)


def new_session(host: Host, listener: Listener, link: Link, peer: Ends, local: Ends, limits: Limits) -> Session:
    """The session of a client whose addresses are known."""
    frontend = listener.frontend
    if frontend.is_health:
        return HealthSession(host, listener, link, peer, local)
    if frontend.speaks_http:
        http_session = HttpSession.__new__(HttpSession)
        http_session.prepare_http_session(host, listener, link, peer, local, limits)
        return http_session
    tcp_session = TcpSession.__new__(TcpSession)
    tcp_session.prepare_tcp_session(host, listener, link, peer, local)
    return tcp_session


class HeaderIntake(Session):
    """Waits for the PROXY header of a connection, then makes the session that it tells of; until then none has begun.

    Source: HAProxy configuration manual, "accept-proxy": without a valid header the connection is closed.
    """

    __slots__ = ("buffer", "limits")

    def __init__(self, host: Host, listener: Listener, link: Link, peer: Ends, local: Ends, limits: Limits) -> None:
        self.prepare_session(host, listener, link, peer, local)
        self.buffer = b""
        self.limits = limits

    def count_session(self) -> None:
        """There is none yet."""

    def started(self) -> None:
        self.link.limit_reads(HEADER_READ_OCTETS)
        patience_ms = self.frontend.timeout_client_ms
        self.arm(self.host.now_ms + patience_ms if patience_ms else 0)

    def octets(self, received: Received) -> None:
        self.buffer += bytes(received)
        try:
            header = parse(self.buffer)
        except RemoteProtocolError as error:
            self._refuse(str(error), abort=True)
            return
        if header is None:
            return
        rest = self.buffer[header.size :]
        peer, local = (self.peer_address, self.peer_port), (self.local_address, self.local_port)
        session = new_session(
            self.host, self.listener, self.link, header.source or peer, header.destination or local, self.limits
        )
        self.host.timers.forget(self)
        self.closed = True
        self.host.session_replaced(self, session)
        session.count_session()
        session.started()
        if rest and not session.closed:
            session.octets(memoryview(rest))

    def _refuse(self, cause: str, abort: bool) -> None:
        log = self.frontend.log
        if log is not None:
            record = session_facts(self)
            record.octets_in = len(self.buffer)
            log.refusal(record, cause)
        self.finish(abort)

    def _give_up(self, cause: str, abort: bool) -> None:
        if self.buffer:
            self._refuse(TRUNCATED, abort=True)
        else:
            self._refuse(cause, abort)

    def ended(self) -> None:
        self._give_up(CLOSED, abort=False)

    def lost(self) -> None:
        self._give_up(BROKEN, abort=True)

    def deadline_reached(self, now_ms: int) -> None:
        self._give_up(LATE, abort=False)

    def shut(self, why: Failure) -> None:
        self.finish(abort=True)
