"""Large bodies through a running proxy, by the pipe and without it: whole, counted exactly, and cut where they were cut."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator

import pytest

from proxy import Proxy
from proxy.runtime.cells import SPLICED_OUT
from tests.e2e.conftest import PATIENCE_S
from tests.faults.peers import PIECE, TRANSFER, Depot, download, fingerprint, upload

CONFIGURATION = """\
global
    {line}
defaults
    mode {mode}
    timeout connect 5s
    timeout client 60s
    timeout server 60s
listen site
    bind 127.0.0.1:0
    server a 127.0.0.1:{server}
"""
RESET = struct.pack("ii", 1, 0)
HALF = 8 * len(PIECE)


@pytest.fixture
def depot() -> Iterator[Depot]:
    made = Depot()
    yield made
    made.close()


def spliced(running: Proxy) -> int:
    """How many octets have been sent without a copy."""
    return running._ask(lambda instance: int(instance.process.counters[SPLICED_OUT]))


@pytest.mark.parametrize("mode", ["http", "tcp"])
@pytest.mark.parametrize("way", ["download", "upload"])
def test_128_mebibytes_arrive_whole_twice(depot: Depot, loop_kind: str, mode: str, way: str) -> None:
    with Proxy(CONFIGURATION.format(mode=mode, line="", server=depot.port), loop=loop_kind) as running:
        with socket.create_connection(running.address("site"), PATIENCE_S) as client:
            for _ in range(2):
                if way == "download":
                    client.sendall(b"GET /whole HTTP/1.1\r\nhost: a\r\n\r\n")
                    assert download(client) == fingerprint()
                else:
                    client.sendall(b"POST /whole HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n" % TRANSFER)
                    assert upload(client) == fingerprint()
        running.wait_until(lambda each: each.counters("site")["scur"] == 0)
        assert spliced(running) > TRANSFER
        asked = b"GET /whole HTTP/1.1\r\nhost: a\r\n\r\n"
        told = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % TRANSFER
        sent, came = len(asked), len(told) + TRANSFER
        if way == "upload":
            asked = b"POST /whole HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n" % TRANSFER
            sent, came = len(asked) + TRANSFER, len(b"HTTP/1.1 200 OK\r\ncontent-length: 64\r\n\r\n") + 64
        for service in ("FRONTEND", "BACKEND", "a"):
            counted = running.counters("site", service)
            assert (counted["bin"], counted["bout"]) == (2 * sent, 2 * came), service
        for service in ("FRONTEND", "BACKEND"):
            counted = running.counters("site", service)
            sends = (service == "BACKEND") == (way == "upload")
            assert (counted["h1_spliced_bytes_out"] == spliced(running)) == (mode == "http" and sends), service
            assert (counted["h1_spliced_bytes_in"] > TRANSFER) == (mode == "http" and not sends), service


def test_nosplice_is_heeded(depot: Depot) -> None:
    with Proxy(CONFIGURATION.format(mode="http", line="nosplice", server=depot.port)) as running:
        with socket.create_connection(running.address("site"), PATIENCE_S) as client:
            client.sendall(b"GET /whole HTTP/1.1\r\nhost: a\r\n\r\n")
            assert download(client) == fingerprint()
        assert spliced(running) == 0


class Cutting:
    """A server that answers with this head and HALF of a body, and resets the connection."""

    def __init__(self, head: bytes) -> None:
        self._head = head
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        connection, _ = self._listener.accept()
        connection.recv(4096)
        connection.sendall(self._head)
        for _ in range(HALF // len(PIECE)):
            connection.sendall(PIECE)
        connection.recv(1)                      # until the client has all of it, and says so
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        connection.close()

    def close(self) -> None:
        self._thread.join()
        self._listener.close()


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (2 * HALF), b"HTTP/1.1 200 OK\r\n\r\n"],
                         ids=["of a length", "until the end"])
def test_a_body_that_is_cut_is_seen_to_be_cut(head: bytes) -> None:
    server = Cutting(head)
    with Proxy(CONFIGURATION.format(mode="http", line="", server=server.port)) as running, \
            socket.create_connection(running.address("site"), PATIENCE_S) as client:
        client.sendall(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\n\r\n")
        came = b""
        while b"\r\n\r\n" not in came:
            came += client.recv(4096)
        left = HALF - len(came.partition(b"\r\n\r\n")[2])
        while left:
            left -= len(client.recv(min(left, 1 << 20)))
        client.sendall(b"x")
        if b"content-length" in head:
            assert client.recv(1) == b""
        else:
            with pytest.raises(ConnectionResetError):
                client.recv(1)
        assert spliced(running) > 0
    server.close()


def test_a_client_that_resets_in_the_middle_leaves_nothing_behind(depot: Depot) -> None:
    with Proxy(CONFIGURATION.format(mode="http", line="", server=depot.port)) as running:
        for _ in range(3):
            with socket.create_connection(running.address("site"), PATIENCE_S) as client:
                client.sendall(b"GET /whole HTTP/1.1\r\nhost: a\r\n\r\n")
                for _ in range(20):
                    assert client.recv(1 << 20)
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        running.wait_until(lambda each: each.counters("site", "a")["scur"] == 0)
        assert running.counters("site")["eint"] == 0
        with socket.create_connection(running.address("site"), PATIENCE_S) as client:
            client.sendall(b"GET /whole HTTP/1.1\r\nhost: a\r\n\r\n")
            assert download(client) == fingerprint()
