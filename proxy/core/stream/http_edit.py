"""What the configuration changes in heads: forwarded addresses, added and deleted fields, captures, cookies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.core.http1.head import Fields, RequestHead, ResponseHead
from proxy.core.stream.log_facts import request_facts, session_facts
from proxy.runtime.backend import Backend
from proxy.runtime.server import Server

if TYPE_CHECKING:
    from proxy.core.stream.http_end import HttpEnd
    from proxy.core.stream.http_session import HttpSession

SEMICOLON = 59
CHALLENGES = (b"www-authenticate", b"proxy-authenticate")
CONNECTION_SCHEMES = (b"ntlm", b"negotiate")

Edits = tuple[tuple[str, bytes, bytes], ...]
Captures = tuple[tuple[bytes, int], ...]


def capture_request(session: HttpSession, head: RequestHead) -> None:
    """Keep what the frontend's log shows of a request, as it came."""
    frontend = session.frontend
    if frontend.capture_request_headers:
        session.captured_request = capture(frontend.capture_request_headers, head.fields)
    if frontend.capture_cookie is not None:
        session.captured_cookie = capture_cookie(frontend.capture_cookie, head.fields, b"cookie")


def edit_request(session: HttpSession, backend: Backend | None, head: RequestHead) -> bytes:
    """Change a request's fields as both sides ask for; gives the field lines to add at the end."""
    frontend = session.frontend
    if frontend.request_fields:
        apply_edits(frontend.request_fields, head.fields)
    extra = b""
    if frontend.unique_id is not None:
        record = session_facts(session)
        request_facts(record, session)
        session.unique_id = frontend.unique_id.format.line(record)
        if frontend.unique_id.header:
            extra = frontend.unique_id.header + b": " + session.unique_id + b"\r\n"
    if backend is not None and backend.request_fields:
        apply_edits(backend.request_fields, head.fields)
    if frontend.forwardfor is not None:
        policy = frontend.forwardfor
        line = policy.line(head, session.peer_address)
        extra = extra + line if extra else line
    if frontend.originalto is not None:
        policy = frontend.originalto
        extra += policy.line(head, session.local_address)
    return extra


def edit_response(stream: HttpEnd, session: HttpSession, backend: Backend, server: Server, head: ResponseHead) -> bytes:
    """Change a response's fields as both sides ask for; gives the field lines to add at the end."""
    frontend = session.frontend
    if frontend.capture_response_headers:
        stream.captured_response = capture(frontend.capture_response_headers, head.fields)
    if frontend.capture_cookie is not None:
        stream.captured_set_cookie = capture_cookie(frontend.capture_cookie, head.fields, b"set-cookie")
    if backend.response_fields:
        apply_edits(backend.response_fields, head.fields)
    if frontend.response_fields:
        apply_edits(frontend.response_fields, head.fields)
    if backend.cookie is not None:
        cookie = backend.cookie
        now_s = stream.cookie_time_s(True) if cookie.tells_time else 0
        stream.flag_response = cookie.write(head, server, stream.pinned, stream.flag_request, now_s, stream.head.method)
    return b""


def authenticates_connection(head: ResponseHead) -> bool:
    """Does the server ask for a scheme that authenticates the connection rather than the request?

    Source: HAProxy configuration manual, "http-reuse".
    """
    return any(key in CHALLENGES and value.lower().startswith(CONNECTION_SCHEMES) for key, value in head.fields)


def apply_edits(edits: Edits, fields: Fields) -> None:
    """Add, set and delete fields in the order of the configuration."""
    for action, name, value in edits:
        if action != "add":
            fields[:] = [pair for pair in fields if pair[0] != name]
        if action != "del":
            fields.append((name, value))


def capture(captures: Captures, fields: Fields) -> list[bytes | None]:
    """The last value of each captured header, cut to its length; None where it is absent."""
    values: list[bytes | None] = []
    for name, length in captures:
        found = [value for key, value in fields if key == name]
        values.append(found[-1][:length] if found else None)
    return values


def capture_cookie(wanted: tuple[bytes, int], fields: Fields, field_name: bytes) -> bytes | None:
    """`name=value` of the captured cookie, cut to its length; None when it is absent."""
    name, length = wanted
    for key, value in fields:
        at = value.find(name) if key == field_name else -1
        while at >= 0:
            start = at
            while start and value[start - 1] in b" \t":
                start -= 1
            if not start or value[start - 1] == SEMICOLON:
                end = value.find(b";", at)
                return value[at:end if end >= 0 else len(value)].rstrip(b" \t")[:length]
            at = value.find(name, at + 1)
    return None
