"""Built-in responses, octet for octet those captured from HAProxy 2.6, and whole for h11."""

from __future__ import annotations

import h11
import pytest

from proxy.base.errors import LocalProtocolError
from proxy.core.http1.errors import (
    BUILT_IN,
    REDIRECTS,
    error_response,
    last_hop_response,
    redirect_response,
    unauthorized_response,
)

HTML = b"cache-control: no-cache\r\ncontent-type: text/html\r\n"
CLOSING = b"Cache-Control: no-cache\r\nConnection: close\r\nContent-Type: text/html\r\n"

GOLDEN = {
    400: b"HTTP/1.1 400 Bad request\r\nContent-length: 90\r\n" + CLOSING + b"\r\n"
         b"<html><body><h1>400 Bad request</h1>\nYour browser sent an invalid request.\n</body></html>\n",
    408: b"HTTP/1.1 408 Request Time-out\r\nContent-length: 110\r\n" + CLOSING + b"\r\n"
         b"<html><body><h1>408 Request Time-out</h1>\nYour browser didn't send a complete request in time.\n</body></html>\n",
    403: b"HTTP/1.1 403 Forbidden\r\ncontent-length: 93\r\n" + HTML + b"connection: close\r\n\r\n"
         b"<html><body><h1>403 Forbidden</h1>\nRequest forbidden by administrative rules.\n</body></html>\n",
    503: b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 107\r\n" + HTML + b"connection: close\r\n\r\n"
         b"<html><body><h1>503 Service Unavailable</h1>\nNo server is available to handle this request.\n</body></html>\n",
    504: b"HTTP/1.1 504 Gateway Time-out\r\ncontent-length: 92\r\n" + HTML + b"connection: close\r\n\r\n"
         b"<html><body><h1>504 Gateway Time-out</h1>\nThe server didn't respond in time.\n</body></html>\n",
    200: b"HTTP/1.1 200 OK\r\ncontent-length: 58\r\n" + HTML + b"connection: close\r\n\r\n"
         b"<html><body><h1>200 OK</h1>\nService ready.\n</body></html>\n",
}


def read(octets: bytes, method: bytes = b"GET") -> tuple[h11.Response, bytes]:
    """The one whole response these octets are."""
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method=method, target=b"/", headers=[(b"host", b"a")]))
    connection.send(h11.EndOfMessage())
    connection.receive_data(octets)
    head = connection.next_event()
    assert isinstance(head, h11.Response)
    body = b""
    while isinstance(event := connection.next_event(), h11.Data):
        body += event.data
    assert isinstance(event, h11.EndOfMessage)
    assert connection.trailing_data[0] == b""
    return head, body


@pytest.mark.parametrize("status", GOLDEN)
def test_as_captured(status: int) -> None:
    assert error_response(status, b"close") == GOLDEN[status]


@pytest.mark.parametrize("status", BUILT_IN)
def test_every_built_in_response_is_whole(status: int) -> None:
    head, body = read(error_response(status))
    assert head.status_code == status
    assert body.endswith(b"</body></html>\n")
    head_only, _ = read(error_response(status, head_only=True), b"HEAD")
    assert head_only == head
    assert error_response(status).startswith(error_response(status, head_only=True))


def test_the_connection_field_is_the_callers() -> None:
    assert b"onnection" not in error_response(404)
    assert error_response(404, b"keep-alive").count(b"\r\nconnection: keep-alive\r\n") == 1
    assert error_response(400) == error_response(400, b"close")


def test_unknown_status() -> None:
    with pytest.raises(LocalProtocolError):
        error_response(418)


def test_asking_for_a_password() -> None:
    assert unauthorized_response(b"Haproxy Statistics", b"close") == (
        b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 112\r\ncache-control: no-cache\r\ncontent-type: text/html\r\n"
        b'www-authenticate: Basic realm="Haproxy Statistics"\r\nconnection: close\r\n\r\n'
        b"<html><body><h1>401 Unauthorized</h1>\nYou need a valid user and password to access this content.\n</body></html>\n"
    )
    proxy = unauthorized_response(b"x", proxy=True)
    assert read(proxy)[0].status_code == 407
    assert b'\r\nproxy-authenticate: Basic realm="x"\r\n' in proxy
    assert unauthorized_response(b"x", head_only=True).endswith(b"\r\n\r\n")


def test_a_realm_stays_in_its_quotes() -> None:
    assert b'realm="a\\"b\\\\"\r\n' in unauthorized_response(b'a"b\\')
    for realm in (b"a\r\nx: y", b"a\n", b"\x00"):
        with pytest.raises(LocalProtocolError):
            unauthorized_response(realm)


@pytest.mark.parametrize("status", REDIRECTS)
def test_redirects(status: int) -> None:
    octets = redirect_response(status, b"/x", b"close", b"set-cookie: A=B; path=/;\r\n")
    head, body = read(octets)
    assert (head.status_code, body, dict(head.headers)[b"location"]) == (status, b"", b"/x")
    assert (b"\r\ncache-control: no-cache\r\n" in octets) == (status in (302, 303, 307))
    assert b"\r\nset-cookie: A=B; path=/;\r\nconnection: close\r\n\r\n" in octets


def test_a_redirect_as_captured() -> None:
    assert redirect_response(302, b"/x", b"close") == (
        b"HTTP/1.1 302 Found\r\ncontent-length: 0\r\nlocation: /x\r\ncache-control: no-cache\r\nconnection: close\r\n\r\n"
    )


@pytest.mark.parametrize(
    ("status", "location"), [(304, b"/"), (302, b"/\r\nx: y"), (302, b"/\n"), (302, b"/\x00"), (302, b"/\r")],
)
def test_bad_redirects(status: int, location: bytes) -> None:
    with pytest.raises(LocalProtocolError):
        redirect_response(status, location)


def test_the_last_hop() -> None:
    assert read(last_hop_response(b"OPTIONS"))[0].status_code == 200
    assert read(last_hop_response(b"TRACE", b"close"))[0].status_code == 501
