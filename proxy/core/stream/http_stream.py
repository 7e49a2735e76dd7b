"""One HTTP request and its response.

    request side:   `http_request`
    response side:  nothing -> interim heads -> final head -> body forwarded -> done        or -> tunnel (101, CONNECT)

The stream is over when both sides are done. As long as no octet of the final response has left, a failure can be answered, and
a request that was kept whole can be sent again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.base.errors import LocalProtocolError, RemoteProtocolError
from proxy.core.http1 import reader, writer
from proxy.core.http1.chunked import ChunkedDecoder
from proxy.core.http1.head import RequestHead, ResponseHead
from proxy.core.http1.plain_chunks import Octets
from proxy.core.http1.switching import may_switch
from proxy.core.http1.unfinished import Unfinished
from proxy.core.stream import accounting, failure, http_edit
from proxy.core.stream.body import UNTIL_CLOSE, Body
from proxy.core.stream.failure import Failure
from proxy.core.stream.http_request import IDEMPOTENT, HttpRequest
from proxy.core.stream.ports import (
    ALL_OCTETS,
    BODY_READ_OCTETS,
    CHUNKED_READ_OCTETS,
    HEAD_READ_OCTETS,
    MANY_CHUNKS,
    PAUSE_NOT_ASKED,
    PAUSE_PEER_FULL,
    Received,
    Unseen,
    seen,
)
from proxy.core.stream.states import AWAITING_BODY, ESTABLISHED
from proxy.runtime.backend import Backend
from proxy.runtime.cells import H1_SPLICED_BYTES_OUT, REQ_TOT
from proxy.runtime.server import Server

if TYPE_CHECKING:
    from proxy.core.stream.http_session import HttpSession

SWITCHING_PROTOCOLS = 101
CONTINUE = 100
UNAUTHORIZED, PROXY_UNAUTHORIZED = 401, 407
JOIN_OCTETS = 16384             # up to here one copy is cheaper than a second system call
INTERIMS_IN_A_TURN = 256        # that one server may send before others have their turn
CREDIT_OCTETS = 1 << 20         # how much may be under way before the board is told
BAD_GATEWAY = 502
EMPTY_RESPONSE = "empty-response"


class HttpStream(HttpRequest):
    """A request on its way to a server, and its response on its way back."""

    __slots__ = ()

    def server_octets(self, received: Received) -> None:
        """More from the server: heads, body, or its side of a tunnel."""
        self.session.server_active_ms = self.host.now_ms
        if self.tunnel:
            self.session.client_active_ms = self.host.now_ms
            self._to_client(received)
        elif self.response is None:
            if self.response_buffer:
                if self._gather(received if isinstance(received, bytes) else bytes(received)):
                    self._read_heads(None)
            elif isinstance(received, bytes):
                self.response_buffer = received
                self._read_heads(None)
            else:
                view = memoryview(seen(received))
                self.response_buffer = bytes(view[:HEAD_READ_OCTETS])
                self._read_heads(view)
        elif self.response_body is not None:
            self._response_octets(self.response_body, received)
        else:
            self.spoiled = True                 # octets behind a whole response

    def _gather(self, octets: bytes) -> bool:
        """More of a head that has begun; False where it is too early to read it."""
        unfinished = self.unfinished
        if unfinished is None:
            self.response_buffer += octets
            return True
        whole = unfinished.add(octets)
        if whole is None:
            return False
        self.response_buffer, self.unfinished = whole, None
        return True

    def _read_heads(self, whole: memoryview | None) -> None:
        """Go on to the final head. `whole` has all that came, where the buffer has only a part to look for a head in."""
        session = self.session
        buffer, at, left = self.response_buffer, 0, INTERIMS_IN_A_TURN
        while self.response is None and not self.is_over:
            if whole is not None and at == len(buffer):
                buffer, whole = bytes(whole), None
            if at == len(buffer):
                break
            if not left:
                self._put_off(buffer[at:] if whole is None else bytes(whole[at:]))
                return
            left -= 1
            try:
                head = reader.read_response(buffer, at, session.limits, self.head.method)
            except RemoteProtocolError:
                self.server_failed(failure.RESPONSE_BAD)
                return
            if head is None:
                if whole is None:
                    limits = session.limits
                    self.response_buffer = buffer[at:]
                    self.unfinished = Unfinished(self.response_buffer, limits.head, limits.head)
                    return
                buffer, whole = bytes(whole), None
                continue
            at += head.size
            if head.status < 200 and head.status != SWITCHING_PROTOCOLS:
                self._interim(head)
            elif head.status == SWITCHING_PROTOCOLS and not may_switch(self.head, head):
                self.server_failed(failure.RESPONSE_BAD)
                return
            else:
                self.response_buffer = b""
                self._begin_response(head, buffer[at:] if whole is None else whole[at:])
                return
        self.response_buffer = buffer[at:] if whole is None else bytes(whole[at:])

    def _put_off(self, rest: bytes) -> None:
        """Read on when others had their turn; until then nothing more is to come from this server, not even an end."""
        self.response_buffer = rest
        connection = self.connection
        if connection is not None and connection.link is not None:
            connection.link.pause(PAUSE_NOT_ASKED)
            self.host.soon(self.read_on)

    def read_on(self) -> None:
        """Others had their turn: go on with the heads that have come."""
        connection = self.connection
        if connection is None or connection.link is None or self.response is not None or self.unfinished is not None:
            return                              # the server was given up meanwhile
        connection.link.resume(PAUSE_NOT_ASKED)
        self._read_heads(None)

    def _interim(self, head: ResponseHead) -> None:
        """1xx: passed on to a client that knows them."""
        self.interims += 1
        if self.server is not None:
            self._count_head(self.server, head.status)
        if head.status == CONTINUE:
            self.continued = True
        if self.head.version_minor:
            head.version_minor = 1              # HTTP/1.0 has none of these: whoever reads it as such sees the connection end
            self._to_client(writer.response_bytes(head, b"", b""))

    def _begin_response(self, head: ResponseHead, rest: Octets) -> None:
        """The final head: change it as configured, send it, and go on with the body."""
        session, host, server, backend = self.session, self.host, self.server, self.backend
        if server is None or backend is None:
            raise AssertionError("a response without a server")
        body: Body | None = None
        if head.chunked and not head.no_body:
            body = Body(0, ChunkedDecoder(BAD_GATEWAY), self.head.version_minor > 0)
            body.done = False
            try:
                rest = seen(body.feed(memoryview(rest))) if rest else rest
            except RemoteProtocolError:         # seen in time: nothing of this response has left yet
                self.server_failed(failure.RESPONSE_BAD)
                return
        if host.server_answered is not None:
            host.server_answered(server, head.status)
        if backend.retries_l7 and self._wants_retry(backend, head.status):
            return
        if (head.status == UNAUTHORIZED or head.status == PROXY_UNAUTHORIZED) and self.connection is not None:
            self.connection.is_private = self.connection.is_private or http_edit.authenticates_connection(head)
        self.response, self.response_body = head, body
        self.response_ms = host.now_ms - self.connected_ms
        self.status = head.status
        self.server_keeps = head.keep_alive
        if host.process.closing:
            session.keep = False
        asks_for_tunnel = self.head.method == b"CONNECT"
        if head.status == SWITCHING_PROTOCOLS or (asks_for_tunnel and head.status < 300):
            self.tunnel = True
            is_whole = False
        else:
            if asks_for_tunnel and head.status != PROXY_UNAUTHORIZED:
                session.keep = False            # what follows may have been meant for the tunnel: it is no request of this client
            is_whole = self._frame_response(head, rest)
        extra = http_edit.edit_response(self, session, backend, server, head)
        minor = head.version_minor
        try:
            connection = b"" if self.tunnel else writer.response_connection(minor, self.head.version_minor, session.keep)
            octets = writer.response_bytes(head, connection, extra)
        except LocalProtocolError as error:
            host.broken(self, error)
            self.response = None
            self.shut(failure.INTERNAL)
            return
        self.responded = True
        self._count_head(server, head.status)
        if session.frontend.logasap:
            self.log(None)
        if is_whole:
            self._to_client(octets + rest)
            self._response_complete()
        else:
            self._send_first(octets, rest)
            self._let_pass()

    def _let_pass(self) -> None:
        """What is still to come of the body need not be looked at, unless it comes in chunks."""
        body, connection = self.response_body, self.connection
        if body is not None and connection is not None and connection.link is not None:
            connection.link.pass_unseen(body.unseen())

    def _count_head(self, server: Server, status: int) -> None:
        row = server.cells
        accounting.response_counted(row, status)
        row[REQ_TOT] += 1

    def _wants_retry(self, backend: Backend, status: int) -> bool:
        """retry-on STATUS: another attempt instead of this answer."""
        word = str(status)
        if word not in backend.retry_on or self.outbox is None or self.retries >= backend.retries:
            return False
        self.drop_connection()
        self.attempt_failed(Failure(status, b"SH", retry=word))
        return True

    def _frame_response(self, head: ResponseHead, rest: Octets) -> bool:
        """How the body comes, and how it leaves; True where it has come with its head, as nearly all small ones do."""
        session = self.session
        is_whole = False
        if head.no_body:
            head.chunked = head.chunked and self.head.version_minor > 0
        elif head.chunked:
            connection = self.connection
            if connection is not None and connection.link is not None:
                connection.link.limit_reads(CHUNKED_READ_OCTETS)
            if not self.head.version_minor:     # which knows no chunks
                head.chunked = False
                session.keep = False
        elif head.content_length >= 0:
            is_whole = 0 < head.content_length == len(rest) <= JOIN_OCTETS
            if head.content_length and not is_whole:
                self.response_body = Body(head.content_length)
        else:
            self.response_body = Body(UNTIL_CLOSE)
            self.until_close = True
            session.keep = False
        if self.head.expect_continue and self.request_body is not None and not self.continued and not self.body_begun:
            session.keep = False                # the body may come or not: nobody can tell it from a next request
        return is_whole

    def _send_first(self, octets: bytes, rest: Octets) -> None:
        """Send the head together with what came of the body, of a chunked one with what was made of it."""
        body = self.response_body
        if self.tunnel:
            self._to_client(octets + rest)
            self._begin_tunnel()
        elif body is None:
            self.spoiled = bool(rest)
            self._to_client(octets)
            self._response_complete()
        elif body.decoder is not None:
            self._send_both(octets, rest)
            self._after_body(body)
        elif not rest:
            self._to_client(octets)
        elif len(rest) <= JOIN_OCTETS and body.left != UNTIL_CLOSE:
            part = seen(body.feed(memoryview(rest)))
            self._to_client(octets + part if body.extra else octets + rest)
            self._after_body(body)
        else:
            self._send_both(octets, seen(body.feed(memoryview(rest))))
            self._after_body(body)

    def _send_both(self, octets: bytes, part: Octets) -> None:
        self.octets_out += len(octets) + len(part)
        link = self.session.link
        self._sent_to_client(link.send_both(octets, part) if part else link.send(octets))

    def _response_octets(self, body: Body, received: Received) -> None:
        try:
            octets = body.feed(received)
        except RemoteProtocolError:
            self.fail(failure.DATA_SERVER_BAD)
            return
        connection = self.connection
        if body.chunks > MANY_CHUNKS and connection is not None and connection.link is not None:
            connection.link.limit_reads(HEAD_READ_OCTETS)
        if len(octets):
            self._to_client(octets)
        self._after_body(body)

    def _after_body(self, body: Body) -> None:
        if body.done:
            self.spoiled = body.extra > 0
            self.response_body = None
            self._response_complete()

    def _to_client(self, octets: Received) -> None:
        session = self.session
        self.octets_out += len(octets)
        taken = session.link.send(octets)
        if isinstance(octets, Unseen):
            frontend = session.frontend
            frontend.cells[H1_SPLICED_BYTES_OUT] += octets.passed()
        self._sent_to_client(taken)

    def _sent_to_client(self, taken: bool) -> None:
        if self.octets_out - self.credited_out > CREDIT_OCTETS:
            self.credit()
        if not taken:
            connection = self.connection
            if connection is not None and connection.link is not None:
                connection.link.pause(PAUSE_PEER_FULL)
            self.arm_activity()                 # now the client is waited for

    def client_drained(self) -> None:
        connection = self.connection
        self.session.server_active_ms = self.host.now_ms
        if connection is not None and connection.link is not None:
            connection.link.resume(PAUSE_PEER_FULL)
        if self.state == ESTABLISHED:
            self.arm_activity()

    def _response_complete(self) -> None:
        self.response_done = True
        if self.request_done or not self.session.keep:
            self.finish_exchange()

    def _begin_tunnel(self) -> None:
        """From here on octets only: both sides at once, no more messages."""
        session = self.session
        session.keep = False
        connection = self.connection
        session.link.limit_reads(BODY_READ_OCTETS)
        session.link.pass_unseen(ALL_OCTETS)
        if connection is not None and connection.link is not None:
            connection.link.pass_unseen(ALL_OCTETS)
        session.link.resume(PAUSE_NOT_ASKED)
        self.arm_activity()
        early, session.buffer = session.buffer, b""
        if early:
            self.client_octets(memoryview(early))

    # ends of either side

    def client_ended(self) -> None:
        """The client has half-closed."""
        if self.tunnel:
            self._end_client_side()
        elif not self.request_done:
            self._client_cut()
        elif self.backend is not None and self.backend.abortonclose:
            self.fail(failure.DATA_CLIENT_ABORTED if self.responded else self.client_gone(cut=False))

    def client_lost(self) -> None:
        """The client's connection is broken; a whole request goes on all the same, unless `option abortonclose` forbids it."""
        if self.responded or not self.request_done or (self.backend is not None and self.backend.abortonclose):
            self._client_cut()

    def _client_cut(self) -> None:
        """The client has gone in the middle of something."""
        if self.state == AWAITING_BODY:
            self.session.request_ended_ms = self.host.now_ms
        self.fail(failure.DATA_CLIENT_ABORTED if self.responded else self.client_gone(cut=True))

    def server_ended(self) -> None:
        """The server has half-closed."""
        if self.tunnel:
            self.finish_exchange()              # as HAProxy: only a client may end its side alone
        elif self.response is None:
            self.server_failed(failure.RESPONSE_EMPTY)
        elif self.response_done:
            self.drop_connection()
        elif self.until_close:
            self.drop_connection()
            self.response_body = None
            self._response_complete()
        else:
            self.fail(failure.DATA_SERVER_ABORTED)

    def server_lost(self) -> None:
        """The server's connection is broken."""
        if self.response is None:
            self.server_failed(failure.RESPONSE_RESET)
        elif self.response_done:
            self.drop_connection()
        else:
            self.fail(failure.DATA_SERVER_ABORTED)

    def _end_client_side(self) -> None:
        self.client_side_closed = True
        self.session.server_active_ms = self.host.now_ms
        if self.connection is not None:
            self.connection.link.end_writing()
            self.arm_activity()

    def server_failed(self, why: Failure) -> None:
        """The server broke off before a final response: again, if that is allowed, or an error for the client."""
        backend = self.backend
        replayable = self.outbox is not None and self.response is None and backend is not None
        if replayable and self._was_stale(why) and self._may_repeat():
            self.drop_connection()              # the server closed an idle connection while our request was on its way
            self.fresh_only = True
            self.connect()
        elif replayable and backend is not None and why.retry in backend.retry_on:
            self.drop_connection()
            self.response_buffer, self.unfinished = b"", None
            self.attempt_failed(why)
        elif self._was_stale(why) and self.session.requests > 1 and not self.interims:
            self.abandon()
        else:
            observe, server = self.host.server_failed, self.server
            if observe is not None and server is not None:
                observe(server, why)
            self.fail(why)

    def _was_stale(self, why: Failure) -> bool:
        """Did the server close an idle connection just when this request took it?"""
        return self.was_reused and why.retry == EMPTY_RESPONSE and not self.response_buffer

    def _may_repeat(self) -> bool:
        return self.head.method in IDEMPOTENT and not self.interims


def new_stream(session: HttpSession, backend: Backend | None, head: RequestHead) -> HttpStream:
    """As `HttpStream`, sooner."""
    stream = HttpStream.__new__(HttpStream)
    stream.prepare_http(session, backend, head)
    return stream
