"""The responses this proxy makes itself, octet for octet HAProxy's.

Source: HAProxy configuration manual, "errorfile", "http-request deny", "http-request redirect", "monitor-uri"; octets captured
from HAProxy 2.6, wording of 405 and 501 as in later versions.
"""

from __future__ import annotations

from proxy.base.errors import LocalProtocolError

CREDENTIALS = b"You need a valid user and password to access this content."

BUILT_IN: dict[int, tuple[bytes, bytes]] = {
    200: (b"OK", b"Service ready."),
    400: (b"Bad request", b"Your browser sent an invalid request."),
    401: (b"Unauthorized", CREDENTIALS),
    403: (b"Forbidden", b"Request forbidden by administrative rules."),
    404: (b"Not Found", b"The resource could not be found."),
    405: (b"Method Not Allowed", b"A request was made of a resource using a request method not supported by that resource."),
    407: (b"Unauthorized", CREDENTIALS),
    408: (b"Request Time-out", b"Your browser didn't send a complete request in time."),
    410: (b"Gone", b"The resource is no longer available and will not be available again."),
    413: (b"Payload Too Large", b"The request entity exceeds the maximum allowed."),
    414: (b"URI Too Long", b"The URI provided was too long for the server to process."),
    417: (b"Expectation Failed", b"The expectation given in the request could not be met."),
    421: (b"Misdirected Request", b"Request sent to a non-authoritative server."),
    422: (b"Unprocessable Content", b"The server cannot process the contained instructions."),
    425: (b"Too Early", b"Your browser sent early data."),
    429: (b"Too Many Requests", b"You have sent too many requests in a given amount of time."),
    431: (b"Request Header Fields Too Large", b"Request Header Fields Too Large."),
    500: (b"Internal Server Error", b"An internal server error occurred."),
    501: (b"Not Implemented", b"The server does not support the functionality required to fulfill the request."),
    502: (b"Bad Gateway", b"The server returned an invalid or incomplete response."),
    503: (b"Service Unavailable", b"No server is available to handle this request."),
    504: (b"Gateway Time-out", b"The server didn't respond in time."),
    505: (b"HTTP Version Not Supported", b"The HTTP version of the request is not supported."),
}
"""Status: reason and text. 417 and 505 are ours: HAProxy passes such requests on, or answers 400."""

REDIRECTS: dict[int, tuple[bytes, bytes]] = {
    301: (b"Moved Permanently", b""),
    302: (b"Found", b"cache-control: no-cache\r\n"),
    303: (b"See Other", b"cache-control: no-cache\r\n"),
    307: (b"Temporary Redirect", b"cache-control: no-cache\r\n"),
    308: (b"Permanent Redirect", b""),
}

ALWAYS_CLOSE = frozenset((400, 408))
"""Sent by HAProxy below its HTTP layer: names in mixed case, and always the end of the connection."""
CLOSING_HEAD = (
    b"HTTP/1.1 %d %b\r\nContent-length: %d\r\nCache-Control: no-cache\r\nConnection: close\r\nContent-Type: text/html\r\n\r\n"
)


def body_of(status: int) -> bytes:
    """The HTML body of a built-in response."""
    reason, text = BUILT_IN[status]
    return b"<html><body><h1>%d %b</h1>\n%b\n</body></html>\n" % (status, reason, text)


def connection_line(connection: bytes) -> bytes:
    """The Connection field line, or nothing."""
    return b"connection: " + connection + b"\r\n" if connection else b""


def error_response(status: int, connection: bytes = b"", head_only: bool = False) -> bytes:
    """A built-in response, 200 of monitor-uri included.

    `connection` is the value of its Connection field (b"" for none); 400 and 408 always close. `head_only` answers a HEAD.
    Raises: LocalProtocolError for a status that has no built-in response.
    """
    if status not in BUILT_IN:
        raise LocalProtocolError("no built-in response for this status", 500)
    body = body_of(status)
    if status in ALWAYS_CLOSE:
        octets = CLOSING_HEAD % (status, BUILT_IN[status][0], len(body))
    else:
        octets = head_of(status, len(body)) + connection_line(connection) + b"\r\n"
    return octets if head_only else octets + body


def head_of(status: int, length: int) -> bytes:
    """Status line and first fields of a built-in response."""
    head = b"HTTP/1.1 %d %b\r\ncontent-length: %d\r\ncache-control: no-cache\r\ncontent-type: text/html\r\n"
    return head % (status, BUILT_IN[status][0], length)


def unauthorized_response(realm: bytes, connection: bytes = b"", head_only: bool = False, proxy: bool = False) -> bytes:
    """401 that asks for a user and password, or 407 where `proxy` says that the client uses us as its proxy.

    Raises: LocalProtocolError for a realm that cannot be quoted.
    """
    if b"\r" in realm or b"\n" in realm or b"\x00" in realm:
        raise LocalProtocolError("line end or NUL in a realm", 500)
    status = 407 if proxy else 401
    quoted = realm.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    body = body_of(status)
    name = b"proxy-authenticate" if proxy else b"www-authenticate"
    head = head_of(status, len(body)) + name + b': Basic realm="' + quoted + b'"\r\n' + connection_line(connection) + b"\r\n"
    return head if head_only else head + body


def redirect_response(status: int, location: bytes, connection: bytes = b"", extra: bytes = b"") -> bytes:
    """A redirect without a body; `extra` are ready field lines, each ending in CRLF.

    Raises: LocalProtocolError for a status that is no redirect, or a location that would end its line.
    """
    if status not in REDIRECTS or b"\r" in location or b"\n" in location or b"\x00" in location:
        raise LocalProtocolError("invalid redirect", 500)
    reason, caching = REDIRECTS[status]
    head = b"HTTP/1.1 %d %b\r\ncontent-length: 0\r\nlocation: %b\r\n" % (status, reason, location)
    return head + caching + extra + connection_line(connection) + b"\r\n"


def last_hop_response(method: bytes, connection: bytes = b"") -> bytes:
    """What OPTIONS or TRACE gets whose Max-Forwards ended here (RFC 9110 §7.6.2): this proxy is the final recipient."""
    if method == b"OPTIONS":
        return b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\ncache-control: no-cache\r\n" + connection_line(connection) + b"\r\n"
    return error_response(501, connection)
