"""A request that the load balancer answers itself: statistics, metrics.

A body is read first, as far as one buffer holds it. A rendered response leaves piece by piece, each made when the client has
taken the one before, so that a large page neither fills the memory nor holds up other clients.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from proxy.base.errors import RemoteProtocolError
from proxy.core.http1.chunk_encoder import CHUNK_END, LAST_CHUNK, chunk_head
from proxy.core.http1.chunked import ChunkedDecoder
from proxy.core.http1.errors import BUILT_IN, REDIRECTS
from proxy.core.http1.head import RequestHead, ResponseHead
from proxy.core.http1.writer import CONTINUE_OCTETS, response_bytes, response_connection
from proxy.core.stream import accounting, failure
from proxy.core.stream.body import Body
from proxy.core.stream.exchange import Exchange
from proxy.core.stream.failure import Failure
from proxy.core.stream.http_edit import capture
from proxy.core.stream.log_facts import request_facts, session_facts, termination
from proxy.core.stream.ports import PAUSE_NOT_ASKED, Received, seen
from proxy.core.stream.states import NO_FLAG
from proxy.runtime.backend import Backend
from proxy.runtime.cells import BIN, BOUT, INTERCEPTED, REQ_TOT, SCUR, SMAX
from proxy.runtime.frontend import Frontend
from proxy.runtime.service import PendingAnswer, ServiceRequest, ServiceResponse

if TYPE_CHECKING:
    from proxy.core.stream.http_session import HttpSession

_END: Any = object()                    # what no piece is


class ServiceStream(Exchange):
    """One request to a service and its answer."""

    __slots__ = (
        "_backend", "_body", "_captured", "_chunked", "_incoming", "_octets_in", "_octets_out", "_pending", "_pieces",
        "_pumping", "head", "is_over", "service", "session", "status",
    )

    def __init__(self, session: HttpSession, head: RequestHead, service: Any, backend: Backend | None) -> None:
        self.session = session
        self.head = head
        self.service = service
        self._backend = backend                 # whose service it is; None = the frontend's
        self._captured: list[bytes | None] | None = None
        self.status = -1
        self.is_over = False
        self._body = b""
        self._incoming: Body | None = None      # the body as it comes
        self._octets_in = head.size
        self._pending: PendingAnswer | None = None      # an answer that is made elsewhere
        self._pieces: Iterator[bytes | None] | None = None
        self._chunked = False
        self._pumping = False
        self._octets_out = 0

    def begin(self) -> None:
        """Answer at once, or wait for a body that fits."""
        head, session = self.head, self.session
        backend = self._backend
        if backend is None:
            session.frontend.cells[INTERCEPTED] += 1
        else:
            backend.sessions += 1
            accounting.stream_given(backend, session.host.now_ms)
            backend.grow(SCUR, SMAX, backend.sessions)
        if head.content_length > session.limits.head:
            self._unread("too-large")
        elif head.has_body:
            self._incoming = Body(head.content_length, ChunkedDecoder() if head.chunked else None)
            if head.expect_continue:
                self._send(CONTINUE_OCTETS)
            early, session.buffer = session.buffer, b""
            if early:
                self.client_octets(memoryview(early))
        else:
            self._respond(b"", "")

    def _unread(self, problem: str) -> None:
        """The body is not wanted: answer, and do not trust what follows."""
        self.session.keep = False
        self._respond(None, problem)

    def client_octets(self, received: Received) -> None:
        incoming = self._incoming
        if incoming is None or self._has_whole_body() or self.status >= 0 or self._pending is not None:
            self._keep_for_later(received)
            return
        try:
            self._body += seen(incoming.feed(received))
        except RemoteProtocolError:
            self.fail(failure.REQUEST_BODY_BAD)
            return
        taken = len(received) - incoming.extra
        self._octets_in += taken
        if len(self._body) > self.session.limits.head:
            self._unread("too-large")
        elif self._has_whole_body():
            if incoming.extra:
                self._keep_for_later(received[taken:])
            self._respond(self._body, "")

    def _has_whole_body(self) -> bool:
        """Has all of the request been read?"""
        return not self.head.has_body if self._incoming is None else self._incoming.done

    def _keep_for_later(self, received: Received) -> None:
        session = self.session
        session.buffer += bytes(received)
        if len(session.buffer) >= session.limits.head:
            session.link.pause(PAUSE_NOT_ASKED)

    def _respond(self, body: bytes | None, problem: str) -> None:
        head, session = self.head, self.session
        request = ServiceRequest(
            head.method, head.target, head.version_minor, tuple(head.fields), body, session.peer_address, problem
        )
        try:
            answer: ServiceResponse | PendingAnswer = self.service.respond(request)
        except Exception as error:          # a service is an extension: its bug must not end the process
            session.host.broken(self, error)
            answer = ServiceResponse(500)
        if isinstance(answer, ServiceResponse):
            self._send_head(answer)
        else:
            self._pending = answer
            answer.wake = self.woken

    def woken(self) -> None:
        """More of an answer that is made elsewhere is there."""
        pending = self._pending
        if self.is_over or pending is None:
            return
        if self.status >= 0:
            self._pump()
        elif pending.response is not None:
            self._send_head(pending.response)

    def _send_head(self, answer: ServiceResponse) -> None:
        head, session = self.head, self.session
        response = ResponseHead()
        response.status = self.status = answer.status
        response.reason = reason_of(answer.status)
        response.fields = list(answer.fields)
        if session.frontend.capture_response_headers:
            self._captured = capture(session.frontend.capture_response_headers, response.fields)
        body = answer.body
        if isinstance(body, bytes):
            response.content_length = len(body)
        elif head.version_minor:
            response.chunked = self._chunked = True
        else:
            session.keep = False
        octets = response_bytes(response, response_connection(1, head.version_minor, session.keep), b"")
        if head.method == b"HEAD":
            self._send(octets)
            self._finish(None)
        elif isinstance(body, bytes):
            self._send(octets + body)
            self._finish(None)
        else:
            self._pieces = body
            self._send(octets)
            self._pump()

    def _pump(self) -> None:
        """Send pieces until the client's socket is full, one per turn of the event loop."""
        if self._pieces is None or self.is_over or self._pumping:
            return
        try:
            piece = next(self._pieces, _END)
        except Exception as error:          # see _respond
            self.session.host.broken(self, error)
            self.shut(failure.INTERNAL)
            return
        if piece is None:                   # made elsewhere, and not there yet
            return
        if piece is _END:
            self._send(LAST_CHUNK if self._chunked else b"")
            self._finish(None)
            return
        if piece:
            self._send(chunk_head(len(piece)) + piece + CHUNK_END if self._chunked else piece)
        if not self.session.link.pending:
            self._pumping = True
            self.session.host.soon(self._pump_on)

    def _pump_on(self) -> None:
        self._pumping = False
        self._pump()

    def _send(self, octets: bytes) -> None:
        self._octets_out += len(octets)
        session = self.session
        session.frontend.cells[BOUT] += len(octets)
        session.listener.cells[BOUT] += len(octets)
        if octets:
            session.link.send(octets)

    def client_drained(self) -> None:
        self._pump()

    def client_ended(self) -> None:
        if self.status < 0 and self._pending is None:
            self.fail(failure.REQUEST_BODY_ABORTED)

    def client_lost(self) -> None:
        self.fail(failure.DATA_CLIENT_ABORTED)

    def deadline_reached(self, now_ms: int) -> None:
        session = self.session
        patience_ms = session.frontend.timeout_client_ms
        active_ms = max(session.client_active_ms, session.link.taken_ms)
        if patience_ms and active_ms + patience_ms > now_ms:
            session.arm(active_ms + patience_ms)
        else:
            waits = failure.INTERNAL if self._pending is not None else failure.REQUEST_TIMEOUT
            self.fail(waits if self.status < 0 else failure.DATA_CLIENT_TIMEOUT)

    def shut(self, why: Failure) -> None:
        """End because somebody outside wants it."""
        self.fail(failure.in_phase(why, False, True, self.status >= 0))

    def fail(self, why: Failure) -> None:
        """End early: the client has gone or is too slow, or the service is broken."""
        if self.is_over:
            return
        session = self.session
        session.keep = False
        if why.front_cell >= 0:
            session.frontend.cells[why.front_cell] += 1
        answered = self.status < 0 and why.status > 0
        if answered:
            self.status = why.status
            self._octets_out = session.send_own(why.status, self.head, False)
        self._end(why)
        if answered:
            session.linger()
        else:
            session.finish(abort=True)

    def _finish(self, why: Failure | None) -> None:
        if self.is_over:
            return
        self._end(why)
        session = self.session
        if not self._has_whole_body():
            session.linger()
        else:
            session.stream_over(session.keep)

    def _end(self, why: Failure | None) -> None:
        self.is_over = True
        self._pieces = None
        if self._pending is not None:
            self._pending.cancel()
        session = self.session
        accounting.response_counted(session.frontend.cells, self.status)
        self._count_backend(session.frontend)
        log = session.frontend.log
        if log is None:
            return
        record = session_facts(session)
        request_facts(record, session)
        record.status = self.status
        record.octets_in, record.octets_out = self._octets_in, self._octets_out
        record.queue_ms = record.connect_ms = record.response_ms = 0
        record.backend = self._backend
        if self._captured is not None:
            record.captured_response_headers = self._captured
        record.server_name = self.service.name
        record.termination = b"LR--" if why is None else termination(why, NO_FLAG, NO_FLAG)
        log.record(record)


    def _count_backend(self, frontend: Frontend) -> None:
        """The backend whose service it is counts a session; that of the frontend's own listen section counts octets only."""
        backend = self._backend or frontend.backend
        if backend is None or (self._backend is None and backend.name != frontend.name):
            return
        row = backend.cells
        row[BIN] += self._octets_in
        row[BOUT] += self._octets_out
        if self._backend is not None:
            backend.sessions -= 1
            row[SCUR] = backend.sessions
            accounting.response_counted(row, self.status)
            row[REQ_TOT] += 1


def reason_of(status: int) -> bytes:
    """The reason phrase of an own response."""
    known = BUILT_IN.get(status) or REDIRECTS.get(status)
    return known[0] if known else b""
