"""From a stream that has ended to the record that its log line is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.core.stream.failure import Failure
from proxy.runtime.log import LogRecord

if TYPE_CHECKING:
    from proxy.core.stream.http_session import HttpSession
    from proxy.core.stream.session import Session
    from proxy.core.stream.stream import Stream

NOT_REACHED = -1
NO_SERVER_NAME = "<NOSRV>"
_PAIRS: dict[int, bytes] = {}       # the two cookie flags as text; there are few of each


def session_facts(session: Session) -> LogRecord:
    """What every line tells: who came, where, when, and how many were there."""
    frontend = session.frontend
    record = LogRecord()
    record.accept_wall_s = session.accept_wall_s
    record.client_address, record.client_port = session.peer_address, session.peer_port
    record.frontend_address, record.frontend_port = session.local_address, session.local_port
    record.frontend, record.listener = frontend, session.listener
    process = session.host.process
    record.request_counter = session.request_number
    record.process_connections = process.served_by_all()
    record.frontend_connections = frontend.served_by_all()
    record.total_ms = session.host.now_ms - session.accept_ms
    record.server_name = NO_SERVER_NAME
    record.logasap = frontend.logasap
    return record


def identify(session: Session) -> bytes:
    """The session's unique id, empty without `unique-id-format`; made when first asked for, unless a request has made it."""
    unique_id = session.frontend.unique_id
    if unique_id is not None and not session.unique_id:
        session.unique_id = unique_id.format.line(session_facts(session))
    return session.unique_id


def stream_facts(record: LogRecord, stream: Stream) -> None:
    """What a stream adds: its server, and how it got there."""
    backend, server = stream.backend, stream.server
    record.backend = backend
    if backend is not None:
        record.backend_connections = backend.sessions_of_all()
    if server is not None:
        record.server = server
        record.server_name = server.name
        record.server_address, record.server_port = server.address.host, server.address.port
        record.server_connections = server.served_by_all()
        if stream.source is not None:
            record.backend_address, record.backend_port = stream.source
    record.retries, record.redispatched = stream.retries, stream.redispatched
    record.server_queue, record.backend_queue = stream.server_queue, stream.backend_queue
    record.octets_in, record.octets_out = stream.octets_in, stream.octets_out
    if stream.assigned_ms:
        record.queue_ms = stream.assigned_ms - stream.start_ms
    elif stream.queued_at_ms:
        record.queue_ms = stream.host.now_ms - stream.start_ms
    if stream.connected_ms:
        record.connect_ms = stream.connected_ms - stream.assigned_ms


def termination(why: Failure | None, flag_request: int, flag_response: int) -> bytes:
    """The four letters of the termination state."""
    letters = b"--" if why is None else why.termination
    key = flag_request << 8 | flag_response
    pair = _PAIRS.get(key)
    if pair is None:
        pair = _PAIRS[key] = bytes((flag_request, flag_response))
    return letters + pair


def request_facts(record: LogRecord, session: HttpSession) -> None:
    """What is known of the request, however far it came."""
    head = session.head
    record.idle_ms = session.request_began_ms - session.idle_since_ms
    record.request_wall_s = session.accept_wall_s + (session.request_began_ms - session.accept_ms) / 1000
    record.active_ms = session.host.now_ms - session.request_began_ms
    record.total_ms = session.host.now_ms - session.idle_since_ms
    if session.idle_since_ms != session.accept_ms:
        record.accept_wall_s = session.accept_wall_s + (session.idle_since_ms - session.accept_ms) / 1000
    if head is None:
        record.bad_request = True
        return
    record.method, record.target = head.method, head.target
    record.version = b"HTTP/1.1" if head.version_minor else b"HTTP/1.0"
    record.request_ms = session.request_ended_ms - session.request_began_ms if session.request_ended_ms else NOT_REACHED
    record.captured_request_headers = session.captured_request
    frontend = session.frontend
    if frontend.capture_response_headers:
        record.captured_response_headers = [None] * len(frontend.capture_response_headers)
    record.captured_request_cookie = session.captured_cookie
    record.unique_id = session.unique_id
