"""The request line as logs show it, and its parts: cut to `tune.http.logurilen` before it is taken apart, as HAProxy does."""

from __future__ import annotations

from proxy.core.logformat.escapes import request_text
from proxy.runtime.log import LogRecord

BAD_REQUEST = b"<BADREQ>"
NO_VERSION = b"HTTP/0.9"


def request_line(record: LogRecord, limit: int) -> bytes:
    """ "GET / HTTP/1.1", or "<BADREQ>" when nothing could be parsed."""
    if record.bad_request:
        return BAD_REQUEST
    line = b"%b %b %b" % (record.method, record.target, record.version)
    return request_text(line[:limit] if len(line) > limit else line)


def request_parts(record: LogRecord, limit: int) -> tuple[bytes, bytes, bytes]:
    """Method, target and version of the request line as cut; a version that was cut away counts as HTTP/0.9."""
    method, target, version = record.method, record.target, record.version
    if len(method) + len(target) + len(version) + 2 > limit:
        line = b"%b %b %b" % (method, target, version)
        method, _, rest = line[:limit].partition(b" ")
        target, _, version = rest.partition(b" ")
    return method, target, version or NO_VERSION


def path_of(target: bytes) -> bytes:
    """The path of a target in origin or absolute form, without its query; empty for "*" and an authority."""
    if not target.startswith(b"/"):
        scheme_end = target.find(b"://")
        path_start = target.find(b"/", scheme_end + 3) if scheme_end >= 0 else -1
        if path_start < 0:
            return b""
        target = target[path_start:]
    return target.partition(b"?")[0]


def query_of(target: bytes) -> bytes:
    """The query with its "?", empty when there is none."""
    start = target.find(b"?")
    return target[start:] if start >= 0 else b""
