"""A request on its way to a server: its head is changed and sent, its body follows, and what had no server yet waits.

    head -> (waits for its body) -> (waits for its server) -> sent -> body forwarded -> done

With `option http-buffer-request`, or `balance url_param … check_post`, no server is chosen before the body is whole or fills a
buffer; it has `timeout http-request` for that.
"""

from __future__ import annotations

from proxy.base.errors import LocalProtocolError, RemoteProtocolError
from proxy.core.http1 import writer
from proxy.core.http1.chunked import ChunkedDecoder
from proxy.core.http1.writer import CONTINUE_OCTETS
from proxy.core.stream import failure, http_edit
from proxy.core.stream.body import Body
from proxy.core.stream.http_end import HttpEnd
from proxy.core.stream.ports import (
    BODY_READ_OCTETS,
    CHUNKED_READ_OCTETS,
    HEAD_READ_OCTETS,
    MANY_CHUNKS,
    PAUSE_NOT_ASKED,
    PAUSE_PEER_FULL,
    Link,
    Received,
)
from proxy.core.stream.server_connection import ServerConnection
from proxy.core.stream.states import AWAITING_BODY, ESTABLISHED
from proxy.runtime.backend import Backend
from proxy.runtime.server import Server

BUFFERED = "http-buffer-request"
COPIED_OCTETS = 2048            # of a request's body: up to here one copy is cheaper than a second piece is for the kernel
# RFC 9110 §9.2.2: only these may be sent again on the proxy's own initiative
IDEMPOTENT = frozenset((b"GET", b"HEAD", b"OPTIONS", b"PUT", b"DELETE", b"TRACE"))


class HttpRequest(HttpEnd):
    """The request's half of a stream.

    `outbox` holds the body octets that a new attempt would have to send again; None once they are too many.
    """

    __slots__ = ()

    def begin(self) -> None:
        """Take the request in, change it as configured, and look for a server."""
        head, backend, session = self.head, self.backend, self.session
        if backend is not None:
            self.enter_backend(backend)
        log = session.frontend.log
        if log is not None and log.early:
            self.log(None)
        self.extra = http_edit.edit_request(session, backend, head)
        if backend is not None and backend.cookie is not None:
            cookie = backend.cookie
            self.pinned, self.flag_request = cookie.read(head, backend, self.cookie_time_s(cookie.tells_time))
        if session.private is not None and backend is not None:
            self._prefer_last(session.private, backend)
        if head.chunked or head.content_length > 0:
            self.request_done = False
            decoder = ChunkedDecoder() if head.chunked else None
            self.request_body = Body(head.content_length, decoder, rechunk=True)
            session.link.limit_reads(CHUNKED_READ_OCTETS if head.chunked else BODY_READ_OCTETS)
            early, session.buffer = session.buffer, b""
            if early:
                self.client_octets(memoryview(early))
        if self.state != ESTABLISHED and not self.is_over:
            if not self.request_done and self._awaits_body():
                self._await_body()
            else:
                self.assign()

    def _awaits_body(self) -> bool:
        backend = self.backend
        if self.outbox_octets >= self.session.limits.head or backend is None:
            return False
        balancer = backend.balancer
        return self._is_buffered(backend) or (balancer.searches_body and self.head.method == b"POST")

    def _is_buffered(self, backend: Backend) -> bool:
        return BUFFERED in self.session.frontend.options or BUFFERED in backend.options

    def _await_body(self) -> None:
        """Wait for the body; a client that waits itself is told to send it, so that its server need not be asked."""
        session, head = self.session, self.head
        self.state = AWAITING_BODY
        self._is_not_whole()
        if head.expect_continue:
            head.expect_continue = False
            if not self.body_begun:
                self.octets_out += len(CONTINUE_OCTETS)
                session.link.send(CONTINUE_OCTETS)
        session.arm(self._body_due_ms())

    def _is_not_whole(self) -> None:
        """Where bodies are buffered, the time of a request has no end (%TR) before its body is whole."""
        if self.backend is not None and self._is_buffered(self.backend):
            self.session.request_ended_ms = 0

    def _body_due_ms(self) -> int:
        """When a body that is waited for is late; 0 = never."""
        session, backend = self.session, self.backend
        frontend = session.frontend
        patience_ms = frontend.timeout_http_request_ms
        if not patience_ms and backend is not None:
            patience_ms = backend.timeout_http_request_ms
        if patience_ms:
            return session.request_began_ms + patience_ms
        return session.client_active_ms + frontend.timeout_client_ms if frontend.timeout_client_ms else 0

    def _body_came(self) -> None:
        session = self.session
        session.request_ended_ms = self.start_ms = self.host.now_ms
        self.assign()

    def waited_too_long(self) -> bool:
        if self.state != AWAITING_BODY:
            return HttpEnd.waited_too_long(self)
        ends_ms = self._body_due_ms()
        if ends_ms and ends_ms <= self.host.now_ms:
            self.fail(failure.REQUEST_TIMEOUT)
        else:
            self.session.arm(ends_ms)
        return True

    def _prefer_last(self, connection: ServerConnection, backend: Backend) -> None:
        """Stay with the server to which this client has a connection of its own: it authenticated there, or it shall."""
        balancer = backend.balancer
        if (connection.is_private or backend.prefer_last) and not balancer.needs_key:
            self.preferred = connection.server

    def client_octets(self, received: Received) -> None:
        """More from the client: its body, its side of a tunnel, or the next request."""
        if self.tunnel:
            self.octets_in += len(received)
            self.session.server_active_ms = self.host.now_ms
            self._to_server(received)
        elif self.request_done:
            self._keep_for_later(received)
        elif self.request_body is not None:
            self._request_octets(self.request_body, received)

    def _keep_for_later(self, received: Received) -> None:
        session = self.session
        session.buffer += bytes(received)
        if len(session.buffer) >= session.limits.head:
            session.link.pause(PAUSE_NOT_ASKED)

    def _request_octets(self, body: Body, received: Received) -> None:
        self.body_begun = True
        try:
            octets = body.feed(received)
        except RemoteProtocolError:
            self._request_body_bad()
            return
        if body.chunks > MANY_CHUNKS:
            self.session.link.limit_reads(HEAD_READ_OCTETS)
        self.octets_in += len(received) - body.extra
        if body.done:
            self.request_done = True
            self.session.link.limit_reads(HEAD_READ_OCTETS)
            self.session.server_active_ms = self.host.now_ms
            if body.extra:
                self._keep_for_later(received[len(received) - body.extra :])
        if len(octets):
            self._body_octets(octets)
        if self.state == AWAITING_BODY and (self.request_done or self.outbox_octets >= self.session.limits.head):
            self._body_came()
        if not self.request_done:
            return
        if self.response_done:
            self.finish_exchange()
        elif self.state == ESTABLISHED:
            self.arm_activity()                 # now the server is waited for

    def _request_body_bad(self) -> None:
        if self.responded:
            self.fail(failure.DATA_REQUEST_BAD)
        elif self.connection is not None:
            self.fail(failure.REQUEST_BODY_BAD)
        else:
            self._is_not_whole()
            self.fail(failure.BAD_REQUEST)

    def _body_octets(self, octets: Received) -> None:
        """Send body octets on, or keep them for a server that is not there yet."""
        if self.outbox is not None:
            self.outbox_octets += len(octets)
            if self.state != ESTABLISHED:
                self.outbox.append(bytes(octets))
                if self.outbox_octets >= self.session.limits.head:
                    self.session.link.pause(PAUSE_NOT_ASKED)
                return
            if self.outbox_octets <= self.session.limits.head and self.may_replay:
                self.outbox.append(bytes(octets))
            else:
                self.outbox = None
        self._to_server(octets)

    def _to_server(self, octets: Received) -> None:
        connection = self.connection
        if connection is not None and connection.link is not None and not connection.send_http(octets):
            self.session.link.pause(PAUSE_PEER_FULL)
            self.arm_activity()

    def server_drained(self) -> None:
        self.session.server_active_ms = self.host.now_ms
        self.session.link.resume(PAUSE_PEER_FULL)

    def balance_key(self) -> int | None:
        backend = self.backend
        if backend is None:
            return None
        balancer = backend.balancer
        if not balancer.needs_key:
            return None
        key: int | None = balancer.key(self.head, self.session.client_packed)
        if key is None and balancer.searches_body and self.outbox and self.head.method == b"POST":
            body = b"".join(self.outbox)
            key = balancer.body_key(bytes(ChunkedDecoder().feed(memoryview(body))) if self.head.chunked else body)
        return key

    def idle_connection(self, server: Server) -> ServerConnection | None:
        """An idle connection that may carry this request (http-reuse)."""
        session = self.session
        if self.fresh_only:
            return None
        private = session.private
        if private is not None:
            session.private = None
            private.owner_session = None
            if private.server is server and private.link is not None:
                return private
            private.discard()
        pool = server.idle
        if pool is None:
            return None
        while True:
            connection: ServerConnection | None = pool.take(server.backend.http_reuse, session.requests == 1)
            if connection is None:
                return None
            if (self.head.method in IDEMPOTENT and not self.host.more_is_ready) or connection.link.is_alive():
                return connection
            connection.discard()

    def server_ready(self, link: Link) -> None:
        """Send the request, with all of its body that came so far."""
        session, head, backend = self.session, self.head, self.backend
        if backend is None:
            raise AssertionError("a server without a backend")
        l7_retries = backend.retries > 0 and backend.retries_l7
        self.may_replay = l7_retries or (self.was_reused and head.method in IDEMPOTENT)
        try:
            connection = writer.request_connection(head.version_minor, self._keeps_server(backend))
            octets = writer.request_bytes(head, connection, self.extra)
        except LocalProtocolError as error:
            self.host.broken(self, error)
            self.shut(failure.INTERNAL)
            return
        outbox = self.outbox
        body = b"".join(outbox) if outbox else b""
        if not self.may_replay and not self.request_done:
            self.outbox = None
        session.server_active_ms = self.host.now_ms
        request_body = self.request_body
        link.read_for(session.link, 0)
        if not self.request_done and request_body is not None and not head.chunked:
            session.link.read_for(link, request_body.unseen())
        server_connection = self.connection
        if server_connection is not None:
            if len(body) > COPIED_OCTETS:
                taken = server_connection.send_http_both(octets, body)
            else:
                taken = server_connection.send_http(octets + body if body else octets)
            if not taken:
                session.link.pause(PAUSE_PEER_FULL)
        session.link.resume(PAUSE_NOT_ASKED)
        # Whoever is waited for, nobody is late before the shorter of both patiences is over: then who it is will be seen.
        patience_ms, server_ms = session.frontend.timeout_client_ms, backend.timeout_server_ms
        if not patience_ms or 0 < server_ms < patience_ms:
            patience_ms = server_ms
        self.host.timers.arm(session, self.host.now_ms + patience_ms if patience_ms else 0)

    def _keeps_server(self, backend: Backend) -> bool:
        if self.host.process.closing:
            return False
        keeps = backend.keeps_alive and self.session.frontend.keeps_alive
        return keeps or backend.pretend_keepalive
