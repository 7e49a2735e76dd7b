"""A server that dies inside a response or while it is sent one: its client always sees that, and nobody else ever does."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException, HTTPResponse
from typing import Any

import pytest

from tests.differential.origin import Do, Expect, Origin
from tests.faults.figures import IS_SOAK, Judge
from tests.faults.programs import Program

pytestmark = pytest.mark.fault(1)
ROUNDS = 40 if IS_SOAK else 6
CLIENTS = 8
PATIENCE_S = 20.0
SEEN_WITHIN_S = 1.0
LENGTH = b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n" + bytes(30_000)
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n7530\r\n" + bytes(30_000) + b"\r\n7530\r\n" + bytes(100)
BETWEEN_CHUNKS = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n7530\r\n" + bytes(30_000) + b"\r\n"
UNTIL_CLOSE = b"HTTP/1.1 200 OK\r\n\r\n" + bytes(30_000)
HEAD = b"HTTP/1.1 200 OK\r\ncontent-le"
UPLOADED = 1 << 20
DEATHS: dict[str, Any] = {
    "/length/fin": (LENGTH, Do.CLOSE), "/length/rst": (LENGTH, Do.RESET),
    "/chunked/fin": (CHUNKED, Do.CLOSE), "/chunked/rst": (CHUNKED, Do.RESET), "/between/fin": (BETWEEN_CHUNKS, Do.CLOSE),
    "/between/rst": (BETWEEN_CHUNKS, Do.RESET), "/until-close/rst": (UNTIL_CLOSE, Do.RESET),
    "/old/fin": (CHUNKED, Do.CLOSE), "/old/rst": (CHUNKED, Do.RESET),
    "/head/fin": (HEAD, Do.CLOSE), "/head/rst": (HEAD, Do.RESET), "/nothing/fin": (Do.CLOSE,), "/nothing/rst": (Do.RESET,),
    "/upload/fin": (Expect(bytes(5000)), Do.CLOSE), "/upload/rst": (Expect(bytes(5000)), Do.RESET),
}
CONFIGURATION = """\
global
    nbthread 1
    maxconn 500
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
    http-reuse always
listen site
    bind 127.0.0.1:{port}
    server a 127.0.0.1:{server}
"""


@pytest.fixture
def dying() -> Iterator[Origin]:
    made = Origin("a", DEATHS)
    yield made
    made.close()


def fetch(address: tuple[str, int], target: str) -> tuple[str, bytes]:
    """How a request on a connection of its own went: its status when the answer was whole, else `cut`.

    That of /old is one of HTTP/1.0, which knows no chunks: a body of unknown length ends with its connection.
    """
    version = "1.0" if target.startswith("/old") else "1.1"
    method = "POST" if target.startswith("/upload") else "GET"
    with socket.create_connection(address, timeout=PATIENCE_S) as sock:
        length = f"content-length: {UPLOADED}\r\n" if method == "POST" else ""
        response = HTTPResponse(sock, method=method)
        try:
            sock.sendall(f"{method} {target} HTTP/{version}\r\nhost: test\r\n{length}\r\n".encode())
            if method == "POST":
                try:
                    sock.sendall(bytes(UPLOADED))
                except ConnectionError:
                    pass                        # what was answered meanwhile is read all the same
            response.begin()
            return str(response.status), response.read()
        except TimeoutError:
            return "hangs", b""
        except (HTTPException, ConnectionError):
            return "cut", b""
        finally:
            response.close()


def test_the_client_always_sees_it_and_nobody_else_does(
    program: Program, judge: Judge, dying: Origin, free_port: Callable[[], int]
) -> None:
    address = ("127.0.0.1", free_port())
    program.start(CONFIGURATION.format(port=address[1], server=dying.port))
    unseen: list[tuple[str, str]] = []
    poisoned: list[str] = []
    slowest_s = 0.0
    lock = threading.Lock()

    def client(number: int) -> None:
        nonlocal slowest_s
        for turn in range(ROUNDS):
            for place, target in enumerate(DEATHS):
                began_s = time.monotonic()
                outcome, _ = fetch(address, target)
                took_s = time.monotonic() - began_s
                wanted = ("502", "cut") if target.startswith(("/head", "/nothing", "/upload")) else ("cut",)
                good = f"/good/{number}/{turn}/{place}"
                answered = fetch(address, good)
                with lock:
                    slowest_s = max(slowest_s, took_s)
                    if outcome not in wanted:
                        unseen.append((target, outcome))
                    if answered != ("200", f"a {good}".encode()):
                        poisoned.append(f"after {target}: {answered}")

    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(client, range(CLIENTS)))
    deaths = CLIENTS * ROUNDS * len(DEATHS)
    judge.none("deaths that the client did not see", len(unseen), deaths)
    judge.none("good requests beside them that were spoiled", len(poisoned), deaths)
    judge.in_time("the latest that a client saw it", slowest_s, SEEN_WITHIN_S)
    assert program.row("site", "a")["scur"] == "0"
