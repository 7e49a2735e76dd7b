"""How an HTTP stream ends: in time, too late, or badly; what is counted and logged then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.core import queue
from proxy.core.http1.errors import ALWAYS_CLOSE
from proxy.core.http1.head import RequestHead, ResponseHead
from proxy.core.http1.unfinished import Unfinished
from proxy.core.stream import accounting, failure, idleness, log_facts
from proxy.core.stream.body import Body
from proxy.core.stream.failure import Failure
from proxy.core.stream.server_connection import ServerConnection
from proxy.core.stream.states import CLOSED, ESTABLISHED
from proxy.core.stream.stream import Stream
from proxy.runtime.backend import Backend
from proxy.runtime.cells import BOUT, CLI_ABRT, REQ_TOT
from proxy.runtime.server import Server

if TYPE_CHECKING:
    from proxy.core.stream.http_session import HttpSession

NOT_ANSWERED = NOT_REACHED = -1
ANSWER_LOST = failure.Failure(0, b"", CLI_ABRT, (CLI_ABRT,))    # a client that had gone when it was told of a failure


class HttpEnd(Stream):
    """The facts of an HTTP exchange, its deadlines and its end."""

    __slots__ = (
        "body_begun", "captured_response", "captured_set_cookie", "client_side_closed", "continued", "extra", "fresh_only",
        "head", "interims", "is_over", "logged", "may_replay", "outbox", "outbox_octets", "request_body", "request_done",
        "responded", "response", "response_body", "response_buffer", "response_done", "response_ms", "server_keeps",
        "spoiled", "status", "tunnel", "unfinished", "until_close",
    )

    session: HttpSession

    def __init__(self, session: HttpSession, backend: Backend | None, head: RequestHead) -> None:
        self.prepare_http(session, backend, head)

    def prepare_http(self, session: HttpSession, backend: Backend | None, head: RequestHead) -> None:
        """As `Stream.prepare`."""
        self.prepare(session, backend, session.request_ended_ms)
        self.head = head
        self.octets_in = head.size
        self.extra = b""                            # field lines added to the request
        self.request_body: Body | None = None
        self.request_done = True
        self.body_begun = False
        self.outbox: list[bytes] | None = []
        self.outbox_octets = 0
        self.may_replay = False
        self.fresh_only = False
        self.response: ResponseHead | None = None
        self.response_buffer = b""
        self.unfinished: Unfinished | None = None   # where the buffer begins a head: that and what came since
        self.response_body: Body | None = None
        self.response_done = False
        self.response_ms = NOT_ANSWERED
        self.responded = False
        self.status = NOT_ANSWERED
        self.interims = 0
        self.continued = False
        self.server_keeps = False
        self.until_close = False
        self.spoiled = False                        # the server sent more than its response
        self.tunnel = False
        self.client_side_closed = False
        self.is_over = False
        self.logged = session.frontend.log is None  # or there is nobody to tell
        self.captured_response: list[bytes | None] | None = None
        self.captured_set_cookie: bytes | None = None

    def cookie_time_s(self, exactly: bool) -> int:
        """Seconds since the epoch: asked of the clock, or reckoned from the start of the session: true unless it was set."""
        session = self.session
        if exactly:
            return int(self.host.wall_s())
        return int(session.accept_wall_s) + (self.host.now_ms - session.accept_ms) // 1000

    def has_responded(self) -> bool:
        return self.responded

    # deadlines

    def arm_activity(self) -> None:
        """Set the deadline by who is to move next."""
        deadline_ms, _ = self._next_expiry()
        self.host.timers.arm(self.session, deadline_ms)

    def _next_expiry(self) -> tuple[int, Failure]:
        """When patience ends, and what it means then; 0 = never."""
        session, backend = self.session, self.backend
        if self.tunnel:
            return idleness.silence_ends(session, backend, self.connection, self.client_side_closed, False)
        client_ms = server_ms = 0
        if not self.request_done or session.link.pending:
            timeout_ms = session.frontend.timeout_client_ms
            client_ms = max(session.client_active_ms, session.link.taken_ms) + timeout_ms if timeout_ms else 0
        connection = self.connection
        if backend is not None and self._awaits_server(connection):
            timeout_ms = backend.timeout_server_ms
            taken_ms = 0 if connection is None or connection.link is None else connection.link.taken_ms
            server_ms = max(session.server_active_ms, taken_ms) + timeout_ms if timeout_ms else 0
        if client_ms and (not server_ms or client_ms <= server_ms):
            return client_ms, self._client_late()
        return server_ms, failure.DATA_SERVER_TIMEOUT if self.responded else failure.RESPONSE_TIMEOUT

    def _awaits_server(self, connection: ServerConnection | None) -> bool:
        """While the client still sends, the server is waited for only if it does not take what is there."""
        if connection is None or self.response_done or self.session.link.pending:
            return False
        return self.request_done or (connection.link is not None and connection.link.pending > 0)

    def _client_late(self) -> Failure:
        if self.responded:
            return failure.DATA_CLIENT_TIMEOUT
        return failure.REQUEST_BODY_TIMEOUT

    def deadline_reached(self, now_ms: int) -> None:
        """The session's timer: somebody took too long, or the deadline had moved meanwhile."""
        if self.state != ESTABLISHED:
            self.waited_too_long()
            return
        deadline_ms, why = self._next_expiry()
        if deadline_ms == 0:
            # nobody is waited for at this moment; look again later, patience is never endless while a timeout is set
            patience_ms = self.session.frontend.timeout_client_ms
            self.session.arm(now_ms + patience_ms if patience_ms else 0)
        elif deadline_ms > now_ms:
            self.session.arm(deadline_ms)
        elif why is failure.RESPONSE_TIMEOUT:
            self.server_failed(why)
        else:
            self.fail(why)

    def server_failed(self, why: Failure) -> None:
        """The server broke off, or is too late, before a final response."""
        raise AssertionError("told by HttpStream")

    # the end

    def finish_exchange(self) -> None:
        """Both sides are done: count, give the connection back, log, and let the session go on."""
        if self.is_over:
            return
        if self.session.gone:
            self.fail(failure.DATA_CLIENT_ABORTED)
            return
        self.is_over = True
        session, host = self.session, self.host
        self._count_response()
        self.count_times(self.response_ms, host.now_ms - session.idle_since_ms)
        self.credit()
        server = self.server
        self._return_connection()
        freed = self.leave_backend()
        self.state = CLOSED
        if not self.logged:
            self.log(None, server)
        if freed is not None and freed.is_awaited():
            queue.serve(freed)
        keep = session.keep
        if keep or self.request_done:
            session.stream_over(keep)
        else:
            session.linger()

    def _return_connection(self) -> None:
        """Keep the server's connection if it is as good as new, else close it."""
        connection, self.connection = self.connection, None
        if connection is None:
            return
        server, backend, session, link = connection.server, self.backend, self.session, connection.link
        reusable = (
            link is not None and self.server_keeps and self.request_done and self.response_done and not self.spoiled
            and not self.tunnel and not self.until_close and not link.pending
            and backend is not None and backend.keeps_alive
            and session.frontend.keeps_alive and server.is_up and not self.host.process.closing
            and (server.max_reuse < 0 or connection.requests < server.max_reuse)
            and (not link.is_filled or link.is_alive())
        )
        if not reusable or backend is None:
            connection.discard()
            return
        connection.rest()
        if backend.http_reuse == "never" or connection.is_private or server.per_client:
            if session.keep and not session.half_closed:
                connection.owner_session = session
                session.private = connection
            else:
                connection.discard()
        else:
            pool = server.idle
            if pool is None or not pool.put(connection, self.host.now_ms):
                connection.discard()

    def abandon(self) -> None:
        """Close without an answer, a line or a count of it: the client that sees its connection close will ask again.

        Source: HAProxy configuration manual, "http-reuse": as if the client had been connected to the server itself.
        """
        self.is_over = True
        self.credit()
        self.drop_connection()
        freed = self.leave_backend()
        self.state = CLOSED
        if freed is not None and freed.is_awaited():
            queue.serve(freed)
        self.session.finish()

    def answer_failure(self, why: Failure) -> None:
        """Answer what can still be answered, log, and end."""
        if self.is_over:
            return
        self.is_over = True
        session, backend = self.session, self.backend
        answered = not self.responded and why.status > 0
        keep = (
            answered and session.keep and self.request_done and why.status not in ALWAYS_CLOSE
            and self.head.method != b"CONNECT"          # what follows may have been meant for the tunnel
        )
        if answered:
            if session.gone:
                self._count_failure(ANSWER_LOST)
            self.status = why.status
            octets = session.send_own(why.status, self.head, keep, backend)
            self.octets_out += octets
            self.credited_out += octets             # send_own has counted them for the front side
            self._count_own_octets(octets)
            keep = keep and octets > 0              # nothing was said: closing is the answer
        self._count_response()
        self.count_times(self.response_ms, self.host.now_ms - session.idle_since_ms)
        self.credit()
        server = self.server or self.queued_on
        freed = self.leave_backend()
        self.state = CLOSED
        if not self.logged:
            self.log(why, server)
        if freed is not None and freed.is_awaited():
            queue.serve(freed)
        self._part(why, answered, keep)

    def _part(self, why: Failure, answered: bool, keep: bool) -> None:
        """Leave the client, so that what it was sent reaches it."""
        session = self.session
        if session.gone or (why is failure.DATA_CLIENT_TIMEOUT and session.link.pending):
            session.finish(abort=True)
        elif answered and self.request_done:
            session.stream_over(keep)
        elif answered or self.response_done:
            session.linger()
        else:
            body = self.response_body
            session.finish(abort=body is not None and body.ends_by_closing())

    def _count_own_octets(self, octets: int) -> None:
        if self.backend is not None:
            self.backend.cells[BOUT] += octets
        if self.server is not None:
            self.server.cells[BOUT] += octets

    def _count_response(self) -> None:
        """Count how the exchange ended for the client: its status, or that there was none."""
        cell = accounting.response_cell(self.status)
        self.session.frontend.cells[cell] += 1
        if self.backend is not None:
            row = self.backend.cells
            row[cell] += 1
            row[REQ_TOT] += 1

    def log(self, why: Failure | None, server: Server | None = None) -> None:
        """Hand the facts of this stream to the frontend's log."""
        self.logged = True
        session = self.session
        log = session.frontend.log
        if log is None:
            return
        record = log_facts.session_facts(session)
        held, self.server = self.server, server if server is not None else self.server
        log_facts.stream_facts(record, self)
        self.server = held
        log_facts.request_facts(record, session)
        if self.backend is None:
            record.request_ms = NOT_REACHED             # as in HAProxy, where the backend's rules end that time
        record.status = self.status
        record.response_ms = self.response_ms
        if self.response_ms >= 0:
            record.data_ms = max(0, self.host.now_ms - self.connected_ms - self.response_ms)
        record.termination = log_facts.termination(why, self.flag_request, self.flag_response)
        if self.captured_response is not None:
            record.captured_response_headers = self.captured_response
        record.captured_response_cookie = self.captured_set_cookie
        log.record(record)
