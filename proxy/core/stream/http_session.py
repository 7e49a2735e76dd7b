"""A client connection that speaks HTTP/1: one request after the other, each a stream or an own answer.

    HEAD --whole head--> STREAM --over, kept--> HEAD (idle until the next octet)
      |                    |
      +--refused, late-----+--over, not kept--> LINGER (what still comes is read and thrown away) --> closed

Octets that come while a stream is at work are pipelined requests: they wait, and beyond one buffer of them nothing is read.
"""

from __future__ import annotations

from typing import Any

from proxy.base.errors import RemoteProtocolError
from proxy.core.http1 import reader, writer
from proxy.core.http1.authority import names
from proxy.core.http1.errors import last_hop_response
from proxy.core.http1.head import RequestHead
from proxy.core.http1.limits import Limits
from proxy.core.http1.switching import lacks_key
from proxy.core.http1.unfinished import Unfinished
from proxy.core.stream import accounting, failure, http_edit
from proxy.core.stream.exchange import Exchange
from proxy.core.stream.failure import Failure
from proxy.core.stream.http_stream import new_stream
from proxy.core.stream.log_facts import request_facts, session_facts, termination
from proxy.core.stream.ports import HEAD_READ_OCTETS, PAUSE_NOT_ASKED, Host, Link, Received, Unseen
from proxy.core.stream.reply import own_response
from proxy.core.stream.server_connection import ServerConnection
from proxy.core.stream.service_stream import ServiceStream
from proxy.core.stream.session import Session
from proxy.core.stream.states import NO_FLAG
from proxy.runtime.backend import Backend
from proxy.runtime.cells import (
    BIN,
    BOUT,
    EREQ,
    H1_OPEN_CONNECTIONS,
    H1_OPEN_STREAMS,
    H1_SPLICED_BYTES_IN,
    H1_TOTAL_CONNECTIONS,
    H1_TOTAL_STREAMS,
    INTERCEPTED,
)
from proxy.runtime.frontend import Listener
from proxy.runtime.server import Server

HEADS_IN_A_TURN = 64            # that one client's buffer may begin, where answers need no server, before others have their turn
LINGER_MS = 1000
LINGER_OCTETS = 1 << 20


class HttpSession(Session):
    """A session in HTTP mode.

    `stream` is who the client's octets are for at this moment: an HttpStream, a ServiceStream, or None while a head is read.
    """

    __slots__ = (
        "buffer", "captured_cookie", "captured_request", "half_closed", "head", "idle_since_ms", "keep", "limits",
        "linger_octets", "lingering", "private", "reading", "request_began_ms", "request_ended_ms", "requests", "stream",
        "unfinished",
    )

    def __init__(
        self, host: Host, listener: Listener, link: Link, peer: tuple[str, int], local: tuple[str, int], limits: Limits
    ) -> None:
        self.prepare_http_session(host, listener, link, peer, local, limits)

    def prepare_http_session(
        self, host: Host, listener: Listener, link: Link, peer: tuple[str, int], local: tuple[str, int], limits: Limits
    ) -> None:
        """As `Entry.prepare_entry`."""
        self.prepare_session(host, listener, link, peer, local)
        self.limits = limits
        self.buffer = b""
        self.unfinished: Unfinished | None = None       # where the buffer begins a head: that and what came since
        self.stream: Exchange | None = None
        self.head: RequestHead | None = None
        self.requests = 0
        self.request_began_ms = 0               # first octet of the request at hand; 0 = none yet
        self.request_ended_ms = 0               # its head was whole, and its body, if that is waited for; 0 = not yet
        self.idle_since_ms = self.accept_ms
        self.keep = True                        # whether another request may follow
        self.half_closed = False
        self.lingering = False
        self.linger_octets = 0
        self.reading = False
        self.private: ServerConnection | None = None
        self.captured_cookie: bytes | None = None
        self.captured_request: list[bytes | None] | None = None

    # what the link tells

    def started(self) -> None:
        row = self.frontend.cells
        row[H1_OPEN_CONNECTIONS] += 1
        row[H1_TOTAL_CONNECTIONS] += 1
        self.link.limit_reads(HEAD_READ_OCTETS)
        self._arm_for_request(self.frontend.timeout_http_request_ms or self.frontend.timeout_client_ms)

    def octets(self, received: Received) -> None:
        row, count = self.frontend.cells, len(received)
        row[BIN] += count
        if isinstance(received, Unseen):
            row[H1_SPLICED_BYTES_IN] += count
        self.listener.cells[BIN] += count
        self.client_active_ms = self.host.now_ms
        stream = self.stream
        if stream is not None:
            stream.client_octets(received)
        elif self.lingering:
            self.linger_octets += count
            if self.linger_octets > LINGER_OCTETS:
                self.finish(abort=True)
        else:
            octets = received if isinstance(received, bytes) else bytes(received)
            if not self.buffer:
                self.buffer = octets
            elif not self._gather(octets):
                return
            self.read_heads()

    def _gather(self, octets: bytes) -> bool:
        """More of a head that has begun; False where it is too early to read it."""
        unfinished = self.unfinished
        if unfinished is None:
            self.buffer += octets
            return True
        whole = unfinished.add(octets)
        if whole is None:
            return False
        self.buffer, self.unfinished = whole, None
        return True

    def ended(self) -> None:
        self.half_closed = True
        if self.stream is not None:
            self.stream.client_ended()
        elif self._may_leave_silently():
            self.finish()
        else:
            self._refuse(failure.REQUEST_ABORTED, 400)

    def lost(self) -> None:
        self.half_closed = self.gone = True
        if self.stream is not None:
            self.stream.client_lost()
        elif self._may_leave_silently():
            self.finish(abort=True)
        else:
            self._refuse(failure.REQUEST_ABORTED, 400)

    def drained(self) -> None:
        self.client_active_ms = self.host.now_ms
        if self.stream is not None:
            self.stream.client_drained()

    def deadline_reached(self, now_ms: int) -> None:
        if self.stream is not None:
            self.stream.deadline_reached(now_ms)
        elif self._may_leave_silently():
            self.finish()
        else:
            self._refuse(failure.REQUEST_TIMEOUT, 408)

    def _may_leave_silently(self) -> bool:
        if self.lingering:
            return True
        return not self.request_began_ms and (self.requests > 0 or "http-ignore-probes" in self.frontend.options)

    def is_idle(self) -> bool:
        return self.stream is None and not self.request_began_ms and self.requests > 0 and not self.buffer

    def is_on(self, server: Server) -> bool:
        return self.stream is not None and self.stream.on_server is server

    def shut(self, why: Failure) -> None:
        if self.stream is not None:
            self.stream.shut(why)
        else:
            self.finish()

    # reading heads

    def _arm_for_request(self, patience_ms: int) -> None:
        host = self.host
        host.timers.arm(self, host.now_ms + patience_ms if patience_ms else 0)

    def read_heads(self) -> None:
        """Begin the requests that lie whole in the buffer, until one of them is at work."""
        if self.reading:
            return
        self.reading = True
        left = HEADS_IN_A_TURN
        try:
            while self.buffer and self.stream is None and not self.lingering and not self.closed:
                if not left:
                    self.link.pause(PAUSE_NOT_ASKED)        # until then nothing more is to come, not even an end
                    self.host.soon(self.read_on)
                    break
                left -= 1
                if not self._read_head():
                    break
        finally:
            self.reading = False

    def read_on(self) -> None:
        """Others had their turn: go on with the requests in the buffer."""
        if self.stream is None and not self.lingering and not self.closed:
            self.link.resume(PAUSE_NOT_ASKED)
            self.read_heads()

    def _read_head(self) -> bool:
        """Read one head and act on it; False when more octets are needed."""
        host, frontend = self.host, self.frontend
        is_new = not self.request_began_ms
        if is_new:
            self.request_began_ms = host.now_ms
            self.number_request()
            frontend.cells[H1_TOTAL_STREAMS] += 1
        try:
            head = reader.read_request(self.buffer, 0, self.limits)
        except RemoteProtocolError as error:
            self._refuse(failure.BAD_REQUEST, error.status)
            return False
        if head is None:
            if self.half_closed:                        # which was told while the request before was at work
                self._refuse(failure.REQUEST_ABORTED, 400)
                return False
            if is_new:
                self._arm_for_request(frontend.timeout_http_request_ms or frontend.timeout_client_ms)
            self.unfinished = Unfinished(self.buffer, self.limits.start_line, self.limits.head)
            return False
        size = head.size
        self.buffer = self.buffer[size:] if size < len(self.buffer) else b""
        self.head = head
        self.request_ended_ms = host.now_ms
        self.requests += 1
        accounting.request_received(frontend, host.now_ms)
        if head.upgrade and lacks_key(head):
            self._refuse(failure.BAD_REQUEST, 400)
            return False
        self._begin(head)
        return True

    def _begin(self, head: RequestHead) -> None:
        """A whole head came: answer it here, or let a stream carry it to a server."""
        frontend = self.frontend
        backend = frontend.backend
        self.keep = (
            head.keep_alive
            and not frontend.closes             # the backend's mode is only its servers' business
            and not self.host.process.closing
        )
        if frontend.monitor_uri and names(head.target, frontend.monitor_uri):
            self._answer_monitor(head)
            return
        if head.max_forwards == 0:
            self._answer_last_hop(head)
            return
        http_edit.capture_request(self, head)
        service = self._service(head, backend) if frontend.services or (backend is not None and backend.services) else None
        if service is not None:                 # which waits for the body as for the head; an HttpStream has deadlines of its own
            patience_ms = frontend.timeout_http_request_ms or frontend.timeout_client_ms
            self.arm(self.request_began_ms + patience_ms if patience_ms else 0)
        stream: Exchange = service or new_stream(self, backend, head)
        self.stream = stream
        frontend.cells[H1_OPEN_STREAMS] += 1
        stream.begin()

    def _service(self, head: RequestHead, backend: Backend | None) -> ServiceStream | None:
        for service in self.frontend.services:
            if service.matches(head.method, head.target):
                return ServiceStream(self, head, service, None)
        if backend is not None:
            for service in backend.services:
                if service.matches(head.method, head.target):
                    return ServiceStream(self, head, service, backend)
        return None

    def _answer_monitor(self, head: RequestHead) -> None:
        self.frontend.cells[INTERCEPTED] += 1
        keep = self.keep and not head.has_body
        keep = self.send_own(200, head, keep) > 0 and keep
        accounting.response_counted(self.frontend.cells, 200)
        self._answered(keep, head)

    def _answer_last_hop(self, head: RequestHead) -> None:
        """OPTIONS or TRACE that may not be passed on any more (RFC 9110 §7.6.2)."""
        keep = self.keep and not head.has_body
        response = last_hop_response(head.method, writer.response_connection(1, head.version_minor, keep))
        self.link.send(response)
        row = self.frontend.cells
        row[INTERCEPTED] += 1
        row[BOUT] += len(response)
        self.listener.cells[BOUT] += len(response)
        status = 200 if head.method == b"OPTIONS" else 501
        accounting.response_counted(row, status)
        log = self.frontend.log
        if log is not None:
            record = session_facts(self)
            request_facts(record, self)
            record.status, record.octets_in, record.octets_out = status, head.size, len(response)
            record.queue_ms = record.connect_ms = record.response_ms = record.data_ms = 0
            record.termination = b"LR--"
            log.record(record)
        self._answered(keep, head)

    def _answered(self, keep: bool, head: RequestHead) -> None:
        """A request was answered on the spot: its body, if it has one, is nobody's."""
        if head.has_body:
            self.linger()
        else:
            self.stream_over(keep)

    # answering without a stream

    def send_own(self, status: int, head: RequestHead | None, keep: bool, backend: Backend | None = None) -> int:
        """Send an own response; gives its octets. An errorloc is counted and logged as the error it stands for, as in HAProxy."""
        pages = self.frontend.error_pages
        if backend is not None and status in backend.error_pages:
            pages = backend.error_pages
        minor = 1 if head is None else head.version_minor
        asks_for_head = self.buffer.lstrip(b"\r\n").startswith(b"HEAD ") if head is None else head.method == b"HEAD"
        response = own_response(status, pages, minor, keep, asks_for_head)
        if not self.gone:
            self.link.send(response)
        self.frontend.cells[BOUT] += len(response)
        self.listener.cells[BOUT] += len(response)
        return len(response)

    def _refuse(self, why: Failure, status: int) -> None:
        """Answer a request that never became one, log it, and end the connection."""
        row = self.frontend.cells
        row[EREQ] += 1
        self.listener.cells[EREQ] += 1
        if self.head is None:
            accounting.request_received(self.frontend, self.host.now_ms)
        if not self.gone:
            self.send_own(status, self.head, False)
        accounting.response_counted(row, status)
        log = self.frontend.log
        if log is not None:
            self._log_refusal(log, why, status)
        self.buffer, self.unfinished = b"", None
        self.linger()

    def _log_refusal(self, log: Any, why: Failure, status: int) -> None:
        if not self.request_began_ms:
            self.request_began_ms = self.accept_ms
            self.number_request()
        record = session_facts(self)
        head, self.head = self.head, None
        request_facts(record, self)
        self.head = head
        record.status = status
        record.octets_in = len(self.buffer) if self.unfinished is None else len(self.unfinished)
        record.termination = termination(why, NO_FLAG, NO_FLAG)
        log.record(record)

    # the end of a stream

    def stream_over(self, keep: bool) -> None:
        """The request at hand is answered: wait for the next one, or end."""
        self._leave_stream()
        self.head = None
        self.request_began_ms = 0
        if self.closed:
            return
        if not keep and self.buffer:
            self.linger()
            return
        if not keep or (not self.buffer and (self.half_closed or self.host.process.closing)):
            self.finish()
            return
        host, frontend, link = self.host, self.frontend, self.link
        self.idle_since_ms = host.now_ms
        self.captured_cookie = None
        self.captured_request = None
        link.limit_reads(HEAD_READ_OCTETS)
        link.resume(PAUSE_NOT_ASKED)
        if self.buffer:
            self.read_heads()
            return
        patience_ms = frontend.timeout_http_keep_alive_ms or frontend.timeout_http_request_ms or frontend.timeout_client_ms
        self._arm_for_request(patience_ms)

    def _leave_stream(self) -> None:
        if self.stream is not None:
            self.stream = None
            self.frontend.cells[H1_OPEN_STREAMS] -= 1

    def linger(self) -> None:
        """Half-close and read what the client still sends, so that our last octets are not lost to a reset."""
        self._leave_stream()
        if self.half_closed:
            self.finish()
            return
        self.lingering = True
        self.buffer = b""
        self.link.end_writing()
        self.link.resume(PAUSE_NOT_ASKED)
        self.arm(self.host.now_ms + LINGER_MS)

    def finish(self, abort: bool = False) -> None:
        if self.closed:
            return
        self._leave_stream()
        self.frontend.cells[H1_OPEN_CONNECTIONS] -= 1
        private, self.private = self.private, None
        if private is not None:
            private.owner_session = None
            private.discard()
        Session.finish(self, abort)
