"""Servers that send or take much, or nothing, as raw sockets: no body is ever kept."""

from __future__ import annotations

import contextlib
import hashlib
import random
import socket
import threading

from tests.e2e.conftest import PATIENCE_S

PIECE = random.Random(1).randbytes(1 << 20)
PIECES = 128
TRANSFER = PIECES * len(PIECE)
GIB = 1 << 30


def piece(number: int) -> bytes:
    """One MiB of a transfer: no two of them are alike, so that one that is lost, doubled or out of turn shows."""
    return number.to_bytes(8, "big") + PIECE[8:]


def fingerprint() -> bytes:
    """What a whole transfer of 128 MiB hashes to."""
    hashed = hashlib.blake2b()
    for number in range(PIECES):
        hashed.update(piece(number))
    return hashed.digest()


def download(client: socket.socket) -> bytes:
    """The hash of the body of a whole transfer."""
    hashed, left, head = hashlib.blake2b(), TRANSFER, b""
    while b"\r\n\r\n" not in head:
        head += client.recv(4096)
    head, _, rest = head.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK"), head
    while True:
        hashed.update(rest)
        left -= len(rest)
        if not left:
            return hashed.digest()
        rest = client.recv(min(1 << 18, left))
        assert rest, f"the transfer was cut {left} octets before its end"


def upload(client: socket.socket) -> bytes:
    """The hash that the server answers with."""
    for number in range(PIECES):
        client.sendall(piece(number))
    answer = b""
    while len(answer.partition(b"\r\n\r\n")[2]) < 64:
        octets = client.recv(4096)
        assert octets, f"only {answer!r}"
        answer += octets
    return answer.partition(b"\r\n\r\n")[2]


class Depot:
    """GET /gib: 1 GiB as fast as it is taken; GET /whole: a transfer; POST /whole: takes one and answers with its fingerprint;
    any other POST is never read."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port: int = self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._closing = False
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._go(self._accept)

    def _go(self, target: object, *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            with self._lock:
                if self._closing:
                    connection.close()
                    return
                self._open.add(connection)
            self._go(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        try:
            while self._answer(connection):
                pass
        except OSError:
            pass                        # a proxy that leaves is part of the tests
        finally:
            with self._lock:
                self._open.discard(connection)
                connection.close()

    def _answer(self, connection: socket.socket) -> bool:
        head = b""
        while b"\r\n\r\n" not in head:
            octets = connection.recv(4096)
            if not octets:
                return False
            head += octets
        head, _, rest = head.partition(b"\r\n\r\n")
        if head.startswith(b"GET /gib"):
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % GIB)
            for _ in range(GIB >> 20):
                connection.sendall(PIECE)
        elif head.startswith(b"GET /whole"):
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % TRANSFER)
            for number in range(PIECES):
                connection.sendall(piece(number))
        elif head.startswith(b"POST /whole"):
            hashed, left = hashlib.blake2b(rest), TRANSFER - len(rest)
            while left:
                octets = connection.recv(min(1 << 18, left))
                if not octets:
                    return False
                hashed.update(octets)
                left -= len(octets)
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 64\r\n\r\n" + hashed.digest())
        elif head.startswith(b"POST"):
            self._over.wait()
            return False
        else:
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        return True

    def close(self) -> None:
        with self._lock:
            self._closing = True
            for connection in self._open:
                with contextlib.suppress(OSError):      # the proxy has left
                    connection.shutdown(socket.SHUT_RDWR)
        self._over.set()
        socket.create_connection(("127.0.0.1", self.port), PATIENCE_S).close()
        for thread in self._threads:
            thread.join()
        self._listener.close()
