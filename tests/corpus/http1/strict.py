"""A reference parser that accepts only what RFC 9112 lets a sender send."""

# ruff: noqa: B904, E501, SIM102

import re
from dataclasses import dataclass, field

TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
REQUEST_LINE = re.compile(rb"(" + TOKEN + rb") ([\x21\x22\x24-\x7e]+) HTTP/(1\.[01])\Z")     # no '#', no control, ASCII
STATUS_LINE = re.compile(rb"HTTP/(1\.[01]) ([0-9]{3}) ([\t \x21-\x7e\x80-\xff]*)\Z")
FIELD = re.compile(rb"(" + TOKEN + rb"):[ \t]*((?:[^\r\n\x00]*[^\r\n\x00 \t])?)[ \t]*\Z")
CHUNK = re.compile(rb"(0*[0-9A-Fa-f]{1,16})[ \t]*(?:;[^\r\n\x00]*)?\Z")
CODINGS = {b"chunked", b"gzip", b"x-gzip", b"deflate", b"compress", b"x-compress"}


class Violation(Exception):
    """Octets that no sender may send."""


class Incomplete(Exception):
    """Nothing wrong yet; more is needed."""


@dataclass
class Message:
    start: tuple
    fields: list
    body: bytes = b""
    trailers: list = field(default_factory=list)
    head: bytes = b""
    until_close: bool = False

    def all(self, name):
        return [value for key, value in self.fields if key.lower() == name]


def _line(data, at):
    end = data.find(b"\n", at)
    if end < 0:
        if b"\r" in data[at:-1]:
            raise Violation("bare CR")
        raise Incomplete
    if end == at or data[end - 1] != 13:
        raise Violation("LF without CR")
    return data[at:end - 1], end + 1


def _fields(data, at):
    out = []
    while True:
        line, at = _line(data, at)
        if not line:
            return out, at
        match = FIELD.match(line)
        if not match:
            raise Violation(f"field line {line[:60]!r}")
        out.append((match[1], match[2]))


def _chunked(data, at):
    body = []
    while True:
        line, at = _line(data, at)
        match = CHUNK.match(line)
        if not match:
            raise Violation(f"chunk line {line[:40]!r}")
        size = int(match[1], 16)
        if not size:
            trailers, at = _fields(data, at)
            return b"".join(body), trailers, at
        if len(data) < at + size:
            raise Incomplete
        body.append(data[at:at + size])
        end = data[at + size:at + size + 2]
        if not b"\r\n".startswith(end):
            raise Violation("no CRLF after chunk data")
        if len(end) < 2:
            raise Incomplete
        at += size + 2


def _framing(message, version):
    """'chunked', a length, or None."""
    lengths, codings = message.all(b"content-length"), message.all(b"transfer-encoding")
    if lengths and codings:
        raise Violation("Content-Length and Transfer-Encoding")
    if codings:
        names = [name.strip(b" \t").lower() for value in codings for name in value.split(b",")]
        if version == b"1.0":
            raise Violation("Transfer-Encoding in HTTP/1.0")
        if len(codings) > 1 or set(names) - CODINGS or names.count(b"chunked") > 1 or (b"chunked" in names and names[-1] != b"chunked"):
            raise Violation(f"Transfer-Encoding {codings}")
        return "chunked" if names[-1] == b"chunked" else "close"
    if lengths:
        if len(lengths) > 1 or not re.fullmatch(rb"[0-9]{1,19}", lengths[0]):
            raise Violation(f"Content-Length {lengths}")
        return int(lengths[0])
    return None


def _body(message, framing, data, at):
    if framing == "chunked":
        message.body, message.trailers, at = _chunked(data, at)
    elif framing:
        if len(data) < at + framing:
            raise Incomplete
        message.body, at = data[at:at + framing], at + framing
    return at


def request(data, at=0):
    """The request that starts at `at`, and where it ends; its head is known if Incomplete.args holds it."""
    line, after = _line(data, at)
    match = REQUEST_LINE.match(line)
    if not match:
        raise Violation(f"request line {line[:60]!r}")
    fields, after = _fields(data, after)
    message = Message((match[1], match[2], match[3]), fields, head=data[at:after])
    framing = _framing(message, match[3])
    if framing == "close":
        raise Violation("request framed by close")
    try:
        return message, _body(message, framing, data, after)
    except Incomplete:
        raise Incomplete(message)


def response(data, at=0, method=b"GET", closed=False):
    """The response (interim or final) that starts at `at`, and where it ends."""
    line, after = _line(data, at)
    match = STATUS_LINE.match(line)
    if not match:
        raise Violation(f"status line {line[:60]!r}")
    fields, after = _fields(data, after)
    status = int(match[2])
    message = Message((status,), fields, head=data[at:after])
    framing = _framing(message, b"1.1")
    if method == b"HEAD" or 100 <= status < 200 or status in (204, 304):
        if 100 <= status < 200 or status == 204:
            if framing not in (None, 0):
                raise Violation(f"body framing on a {status}")
        return message, after
    if framing in (None, "close"):
        if not closed:
            raise Incomplete(message)
        message.body, message.until_close = data[after:], True
        return message, len(data)
    try:
        return message, _body(message, framing, data, after)
    except Incomplete:
        raise Incomplete(message)
