"""Heads as they leave: facts written anew, nothing that could end a line."""

from __future__ import annotations

import pytest

from proxy.base.errors import LocalProtocolError
from proxy.core.http1.head import RequestHead, ResponseHead
from proxy.core.http1.writer import request_bytes, request_connection, response_bytes, response_connection


def request() -> RequestHead:
    head = RequestHead()
    head.method, head.target, head.fields = b"POST", b"/x", [(b"host", b"a"), (b"x-b", b"")]
    return head


def response() -> ResponseHead:
    head = ResponseHead()
    head.status, head.reason, head.fields = 200, b"OK", [(b"x-a", b"1")]
    return head


def test_a_request() -> None:
    assert request_bytes(request(), b"", b"") == b"POST /x HTTP/1.1\r\nhost: a\r\nx-b: \r\n\r\n"
    assert request_bytes(request(), b"close", b"x-c: 1\r\n") == (
        b"POST /x HTTP/1.1\r\nhost: a\r\nx-b: \r\nx-c: 1\r\nconnection: close\r\n\r\n"
    )


def test_a_request_keeps_its_version() -> None:
    head = request()
    head.version_minor, head.fields = 0, []
    assert request_bytes(head, b"keep-alive", b"") == b"POST /x HTTP/1.0\r\nconnection: keep-alive\r\n\r\n"


def test_framing_of_requests() -> None:
    head = request()
    head.fields = []
    head.content_length = 0
    assert request_bytes(head, b"", b"") == b"POST /x HTTP/1.1\r\ncontent-length: 0\r\n\r\n"
    head.content_length = 12
    assert b"\r\ncontent-length: 12\r\n" in request_bytes(head, b"", b"")
    head.chunked = True
    assert request_bytes(head, b"", b"") == b"POST /x HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n"


def test_facts_of_requests() -> None:
    head = request()
    head.fields = []
    head.expect_continue = head.te_trailers = True
    assert request_bytes(head, b"close", b"") == (
        b"POST /x HTTP/1.1\r\nexpect: 100-continue\r\nte: trailers\r\nconnection: close, te\r\n\r\n"
    )
    assert request_bytes(head, b"", b"").endswith(b"connection: te\r\n\r\n")
    head.upgrade, head.expect_continue = b"websocket", False
    assert request_bytes(head, b"close", b"").endswith(b"upgrade: websocket\r\nte: trailers\r\nconnection: upgrade, te\r\n\r\n")


def test_a_response() -> None:
    assert response_bytes(response(), b"", b"") == b"HTTP/1.1 200 OK\r\nx-a: 1\r\n\r\n"
    head = response()
    head.reason, head.content_length, head.version_minor = b"", 5, 0
    assert response_bytes(head, b"keep-alive", b"x-b: 2\r\n") == (
        b"HTTP/1.0 200 \r\nx-a: 1\r\nx-b: 2\r\ncontent-length: 5\r\nconnection: keep-alive\r\n\r\n"
    )


def test_chunks_need_1_1() -> None:
    head = response()
    head.version_minor, head.chunked = 0, True
    assert response_bytes(head, b"close", b"") == (
        b"HTTP/1.1 200 OK\r\nx-a: 1\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n"
    )


def test_switching_protocols() -> None:
    head = response()
    head.fields, head.status, head.upgrade = [], 101, b"websocket"
    assert response_bytes(head, b"close", b"").endswith(b"upgrade: websocket\r\nconnection: upgrade\r\n\r\n")
    head.status = 426
    assert response_bytes(head, b"close", b"").endswith(b"upgrade: websocket\r\nconnection: close, upgrade\r\n\r\n")
    assert response_bytes(head, b"", b"").endswith(b"upgrade: websocket\r\nconnection: upgrade\r\n\r\n")


@pytest.mark.parametrize("value", [b"a\r\nx: y", b"a\nb", b"a\rb", b"a\x00b", b"\r\n"])
def test_a_value_cannot_end_its_line(value: bytes) -> None:
    for pair in ((b"x", value), (value, b"x")):
        head, answer = request(), response()
        head.fields = [(b"host", b"a"), pair]
        answer.fields = [pair]
        with pytest.raises(LocalProtocolError):
            request_bytes(head, b"", b"")
        with pytest.raises(LocalProtocolError):
            response_bytes(answer, b"", b"")


@pytest.mark.parametrize("value", [b"/a\r\nx: y", b"/a b", b"/\x00", b"/\n"])
def test_a_start_line_stays_one_line(value: bytes) -> None:
    head = request()
    head.target = value
    with pytest.raises(LocalProtocolError):
        request_bytes(head, b"", b"")
    head.target, head.method = b"/", value
    with pytest.raises(LocalProtocolError):
        request_bytes(head, b"", b"")


def test_a_reason_stays_on_its_line() -> None:
    head = response()
    head.reason = b"OK\r\nx: y"
    with pytest.raises(LocalProtocolError):
        response_bytes(head, b"", b"")


@pytest.mark.parametrize(
    ("minor", "keep", "words"), [(1, True, b""), (1, False, b"close"), (0, True, b"keep-alive"), (0, False, b"")],
)
def test_persistence_towards_servers(minor: int, keep: bool, words: bytes) -> None:
    assert request_connection(minor, keep) == words


@pytest.mark.parametrize(("minor", "client_minor", "keep", "words"), [
    (1, 1, True, b""), (1, 1, False, b"close"), (1, 0, True, b"keep-alive"), (1, 0, False, b"close"),
    (0, 1, True, b"keep-alive"), (0, 1, False, b""), (0, 0, True, b"keep-alive"), (0, 0, False, b""),
])
def test_persistence_towards_clients(minor: int, client_minor: int, keep: bool, words: bytes) -> None:
    assert response_connection(minor, client_minor, keep) == words
