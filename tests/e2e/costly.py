"""Inputs that cost much for what they are, a server that takes them, and a neighbour who should not notice."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

PATIENCE_S = 60.0
HEAD = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
TARGET = b"GET /%s HTTP/1.1\r\nHost: a\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
LARGE_CHUNK = b"%x\r\n" % (4 << 20) + bytes(4 << 20) + b"\r\n"
EXTENSION = b"5;" + b"e" * 4000 + b"\r\nhello\r\n"


def one_octet_chunks(number: int) -> bytes:
    return b"1\r\nx\r\n" * number + b"0\r\n\r\n"


class Sink:
    """A server that reads each request to its end and answers it.

    /chunks-N by so many chunks, /hints-N behind so many hints, /interims-N behind so many of the shortest interim responses.
    """

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.peers: list[socket.socket] = []
        self.threads = [threading.Thread(target=self.accept)]
        self.threads[0].start()

    def accept(self) -> None:
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.peers.append(peer)
            self.threads.append(threading.Thread(target=self.serve, args=(peer,)))
            self.threads[-1].start()

    def serve(self, peer: socket.socket) -> None:
        octets = b""
        with peer:
            while True:
                try:
                    more = peer.recv(1 << 18)
                    if not more:
                        return
                    octets += more
                    while (end := self.end_of_request(octets)) > 0:
                        peer.sendall(self.answer(octets[:60]))
                        octets = octets[end:]
                except OSError:
                    return

    @staticmethod
    def end_of_request(octets: bytes) -> int:
        head = octets.find(b"\r\n\r\n") + 4
        if head < 4 or not octets.startswith(b"POST"):
            return head if head >= 4 else 0
        return len(octets) if octets.endswith(b"0\r\n\r\n") and len(octets) > head else 0

    @staticmethod
    def answer(start: bytes) -> bytes:
        what, _, number = start.split(b" ")[1].partition(b"-")
        if what == b"/chunks":
            return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + one_octet_chunks(int(number))
        if what == b"/hints":
            return b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * int(number) + OK
        if what == b"/interims":
            return b"HTTP/1.1 102 P\r\n\r\n" * int(number) + OK
        return OK

    def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.threads[0].join()
        for peer in self.peers:
            if peer.fileno() >= 0:
                with contextlib.suppress(OSError):
                    peer.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join()


class Neighbour(threading.Thread):
    """Another client, which asks and asks until it is told to stop; `served` answers came, the slowest after `worst_s`."""

    def __init__(self, address: Any) -> None:
        super().__init__()
        self.address = address
        self.served = 0
        self.worst_s = 0.0
        self.failure = ""
        self.over = threading.Event()
        self.start()

    def run(self) -> None:
        try:
            with socket.create_connection(self.address, PATIENCE_S) as sock:
                while not self.over.is_set():
                    asked_s = time.monotonic()
                    sock.sendall(TARGET % b"neighbour")
                    received = b""
                    while not received.endswith(b"ok"):
                        more = sock.recv(4096)
                        if not more:
                            raise OSError("closed")
                        received += more
                    self.worst_s = max(self.worst_s, time.monotonic() - asked_s)
                    self.served += 1
        except OSError as error:
            self.failure = str(error)

    def stop(self) -> None:
        self.over.set()
        self.join()


def exchange(address: Any, pieces: list[bytes], until: Callable[[bytearray], bool]) -> bytes:
    """Send the pieces, one segment each, and read at the same time until it is enough, or the end."""
    received = bytearray()
    with socket.create_connection(address, PATIENCE_S) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def send() -> None:
            try:
                for piece in pieces:
                    sock.sendall(piece)
            except OSError:
                return                          # refused: what is awaited comes all the same

        sender = threading.Thread(target=send)
        sender.start()
        try:
            while not until(received):
                try:
                    more = sock.recv(1 << 18)
                except ConnectionResetError:
                    break
                if not more:
                    break
                received += more
        finally:
            with contextlib.suppress(OSError):      # it may have been reset meanwhile
                sock.shutdown(socket.SHUT_RDWR)
            sender.join()
    return bytes(received)


def ends_with(octets: bytes) -> Callable[[bytearray], bool]:
    return lambda received: received.endswith(octets)


def counts(octets: bytes, times: int) -> Callable[[bytearray], bool]:
    return lambda received: received.count(octets) >= times


def segments(octets: bytes, number: int) -> list[bytes]:
    size = len(octets) // number
    return [octets[at:at + size] for at in range(0, len(octets), size)]


class Input(NamedTuple):
    """What a client sends, piece by piece, when it has got all, and how that begins."""

    pieces: list[bytes]
    until: Callable[[bytearray], bool]
    begins: bytes


def never(received: bytearray) -> bool:
    return False


def long_head(octets: int) -> bytes:
    """A head of about so many octets in 91 fields."""
    value = b"v" * (octets // 90 - 8)
    return b"GET / HTTP/1.1\r\nHost: a\r\n" + b"".join(b"X-%02d: %s\r\n" % (name, value) for name in range(90)) + b"\r\n"


def cookies(number: int) -> bytes:
    """A request with so many cookies in one field, the last of them called `wanted`."""
    pairs = b"".join(b"c%d=x; " % name for name in range(number))
    return b"GET / HTTP/1.1\r\nHost: a\r\nCookie: " + pairs + b"wanted=1\r\n\r\n"


def inputs(scale: int = 1) -> dict[str, Input]:
    """The inputs that every proxy takes or refuses, once or `scale` times as large."""
    chunks, requests = 200_000 * scale, 5000 * scale
    behind = HEAD + b"0\r\n\r\n" + TARGET % b"monitor" * requests
    return {
        "one-octet-chunks": Input([HEAD, one_octet_chunks(chunks)], ends_with(b"ok"), b"HTTP/1.1 200 "),
        "one-octet-chunks-back": Input([TARGET % b"chunks-%d" % chunks], ends_with(b"\r\n0\r\n\r\n"), b"HTTP/1.1 200 "),
        "smallest-extensions": Input(
            [HEAD, LARGE_CHUNK, b"1;\r\nx\r\n" * (chunks // 2), b"0\r\n\r\n"], ends_with(b"ok"), b"HTTP/1.1 200 "),
        "endless-extension": Input([HEAD, b"5;a=" + b"b" * 1_000_000 * scale], never, b"HTTP/1.1 400 "),
        "many-extensions": Input([HEAD, EXTENSION * 500 * scale, b"0\r\n\r\n"], ends_with(b"ok"), b"HTTP/1.1 200 "),
        "head-in-6000-segments": Input(segments(long_head(14_000), 6000) * scale, counts(b"ok", scale), b"HTTP/1.1 200 "),
        "pipelined-requests": Input([TARGET % b"x" * requests], counts(b"\r\n\r\nok", requests), b"HTTP/1.1 200 "),
        "pipelined-behind-a-body": Input([behind], counts(b"200 OK", requests + 1), b"HTTP/1.1 200 "),
        "interim-responses": Input([TARGET % b"hints-%d" % requests], ends_with(b"ok"), b"HTTP/1.1 103 "),
        "shortest-interim-responses": Input([TARGET % b"interims-%d" % (6 * requests)], ends_with(b"ok"), b"HTTP/1.1 102 "),
        "cookies-beyond-the-buffer": Input([cookies(100_000 * scale)], never, b"HTTP/1.1 431 "),
    }
