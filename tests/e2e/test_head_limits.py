"""How large a head may be is what the configuration says: tune.bufsize, tune.maxrewrite and tune.http.maxhdr."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest

CONFIG = """
global
    tune.bufsize 4096
    tune.maxrewrite 1024
    tune.http.maxhdr 10
defaults
    mode http
    timeout connect 10s
    timeout client 60s
    timeout server 60s
frontend fe
    bind 127.0.0.1:0
    default_backend be
backend be
    server s1 127.0.0.1:{port}
"""
HEAD_MOST = 4096 - 1024         # octets, the empty line at the end included
FIELDS_MOST = 10 - 1            # the start line takes one place


def head(start_line: bytes, octets: int = 0, fields: int = 0) -> bytes:
    """A head of so many octets, or of so many fields."""
    lines = start_line + b"\r\nHost: a\r\nContent-Length: 2\r\n"
    lines += b"X: y\r\n" * (fields - 2)
    return lines + b"Z: " + b"z" * (octets - len(lines) - len(b"Z: \r\n\r\n")) + b"\r\n\r\n" if octets else lines + b"\r\n"


def status(address: Any, octets: bytes) -> bytes:
    """What a request is answered with, in three digits."""
    with socket.create_connection(address, 60) as sock:
        sock.sendall(octets)
        return sock.recv(4096)[9:12]


@pytest.mark.parametrize(("how", "wanted"), [
    ({"octets": HEAD_MOST}, b"200"), ({"octets": HEAD_MOST + 1}, b"431"),
    ({"fields": FIELDS_MOST}, b"200"), ({"fields": FIELDS_MOST + 1}, b"431"),
])
def test_of_a_request(start: Callable[..., Any], origin: Any, how: dict[str, int], wanted: bytes) -> None:
    address = start(CONFIG.format(port=origin("one").port)).address("fe")
    assert status(address, head(b"POST / HTTP/1.1", **how) + b"ok") == wanted


@pytest.mark.parametrize(("how", "wanted"), [
    ({"octets": HEAD_MOST}, b"200"), ({"octets": HEAD_MOST + 1}, b"502"),
    ({"fields": FIELDS_MOST}, b"200"), ({"fields": FIELDS_MOST + 1}, b"502"),
])
def test_of_a_response(start: Callable[..., Any], how: dict[str, int], wanted: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as client:
        client.settimeout(60)
        client.connect(start(CONFIG.format(port=server.getsockname()[1])).address("fe"))
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        asked, _ = server.accept()
        with asked:
            asked.recv(4096)
            asked.sendall(head(b"HTTP/1.1 200 OK", **how) + b"ok")
            assert client.recv(4096)[9:12] == wanted
