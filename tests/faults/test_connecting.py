"""Servers that refuse, flap or never answer a connection."""

from __future__ import annotations

import contextlib
import ctypes
import selectors
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.faults.crowd import Crowd
from tests.faults.figures import IS_SOAK, Judge
from tests.faults.programs import Program

REQUESTS = 3000 if IS_SOAK else 300
FLAPS = 12 if IS_SOAK else 3
DEFAULTS = """\
global
    nbthread 1
    maxconn 500
defaults
    mode http
    log 127.0.0.1:{log} local0
    option httplog
    timeout client 30s
    timeout server 30s
    timeout connect {connect}
"""
SO_ATTACH_FILTER = 26


@pytest.fixture
def syslog() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
        daemon.bind(("127.0.0.1", 0))
        daemon.settimeout(20)
        yield daemon


@pytest.fixture
def black_hole() -> Iterator[int]:
    """The port of a listening socket that answers no SYN: its filter takes no packet."""
    program = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))           # BPF: return 0 octets
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HL", 1, ctypes.addressof(program)))
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.mark.fault(2)
@pytest.mark.parametrize(("retries", "waits_s"), [(0, 0.0), (2, 0.6)])
def test_refused_without_another_server(
    program: Program, judge: Judge, syslog: socket.socket, free_port: Callable[[], int], ask: Any, retries: int, waits_s: float
) -> None:
    address = ("127.0.0.1", free_port())
    program.start(DEFAULTS.format(log=syslog.getsockname()[1], connect="300ms") + f"""
listen site
    bind 127.0.0.1:{address[1]}
    retries {retries}
    server a 127.0.0.1:{free_port()}
""")
    began_s = time.monotonic()
    assert ask(address).status == 503
    took_s = time.monotonic() - began_s
    line = next(line for line in iter(lambda: syslog.recv(4096), b"") if b"site/a" in line or b"<NOSRV>" in line)
    assert b" SC-- " in line
    assert program.row("site", "a")["wretr"] == str(retries)
    judge.in_time(f"503 after {retries} retries, beyond their waits", took_s - waits_s, 0.5, least=-0.05 if waits_s else 0.0)


@pytest.mark.fault(3)
def test_refused_with_another_server(
    program: Program, judge: Judge, syslog: socket.socket, free_port: Callable[[], int], origin: Any, crowd: Callable[..., Crowd]
) -> None:
    address = ("127.0.0.1", free_port())
    program.start(DEFAULTS.format(log=syslog.getsockname()[1], connect="2s") + f"""
listen site
    bind 127.0.0.1:{address[1]}
    option redispatch
    server a 127.0.0.1:{free_port()}
    server b 127.0.0.1:{origin("b").port}
""")
    load = crowd(address)
    load.await_more(REQUESTS)
    load.stop()
    judge.none("refused, redispatched: failed requests", load.failed, load.total)
    assert int(program.row("site", "a")["wredis"]) >= REQUESTS // 2 - len(load.seen) - 8


class Flapping:
    """A web server that comes and goes: who is connected is answered, who comes while it is away is refused."""

    def __init__(self, port: int) -> None:
        self._address = ("127.0.0.1", port)
        self._over = threading.Event()
        self._away = threading.Event()
        self._loop = threading.Thread(target=self._run)
        self._loop.start()

    def _run(self) -> None:
        listener: socket.socket | None = None
        clients: set[socket.socket] = set()
        with selectors.DefaultSelector() as watched:
            while not self._over.is_set():
                if self._away.is_set() and listener is not None:
                    watched.unregister(listener)
                    listener.close()
                    listener = None
                elif not self._away.is_set() and listener is None:
                    listener = socket.create_server(self._address, backlog=256)
                    listener.setblocking(False)
                    watched.register(listener, selectors.EVENT_READ)
                for key, _ in watched.select(0.005):
                    sock: Any = key.fileobj
                    if sock is listener:
                        with contextlib.suppress(OSError):
                            clients.add(client := listener.accept()[0])
                            watched.register(client, selectors.EVENT_READ)
                        continue
                    with contextlib.suppress(OSError):
                        if sock.recv(65536):
                            sock.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\nconnection: close\r\n\r\nf")
                    watched.unregister(sock)
                    sock.close()
                    clients.discard(sock)
        for sock in (*clients, *([listener] if listener else [])):
            sock.close()

    def go(self) -> None:
        self._away.set()

    def come(self) -> None:
        self._away.clear()

    def close(self) -> None:
        self._over.set()
        self._loop.join()


@pytest.mark.fault(3)
def test_a_server_that_flaps(
    program: Program, judge: Judge, syslog: socket.socket, free_port: Callable[[], int], origin: Any, eventually: Any,
    crowd: Callable[..., Crowd],
) -> None:
    """Who has been let in when the server's socket is closed is reset by the kernel: that is what `empty-response` is for."""
    address, port = ("127.0.0.1", free_port()), free_port()
    flapping = Flapping(port)
    try:
        program.start(DEFAULTS.format(log=syslog.getsockname()[1], connect="2s") + f"""
listen site
    bind 127.0.0.1:{address[1]}
    option redispatch
    retry-on conn-failure empty-response
    server a 127.0.0.1:{port} check inter 50ms rise 2 fall 2
    server b 127.0.0.1:{origin("b").port}
""")
        load = crowd(address)
        for _ in range(FLAPS):
            flapping.go()
            eventually(lambda: program.row("site", "a")["status"].startswith("DOWN"), "the checks to notice")
            load.await_more(20)
            flapping.come()
            eventually(lambda: program.row("site", "a")["status"].startswith("UP"), "the server to be back")
            served = int(program.row("site", "a")["hrsp_2xx"])
            eventually(lambda served=served: int(program.row("site", "a")["hrsp_2xx"]) > served + 10, "it to be asked")
        load.stop()
    finally:
        flapping.close()
    judge.none(f"a server that flapped {FLAPS} times: failed requests", load.failed, load.total)


@pytest.mark.fault(4)
def test_a_black_hole(
    program: Program, judge: Judge, syslog: socket.socket, free_port: Callable[[], int], ask: Any, origin: Any, black_hole: int
) -> None:
    alone, helped = ("127.0.0.1", free_port()), ("127.0.0.1", free_port())
    program.start(DEFAULTS.format(log=syslog.getsockname()[1], connect="1s") + f"""
listen alone
    bind 127.0.0.1:{alone[1]}
    retries 0
    server a 127.0.0.1:{black_hole}
listen helped
    bind 127.0.0.1:{helped[1]}
    retries 1
    option redispatch 1
    server a 127.0.0.1:{black_hole}
    server b 127.0.0.1:{origin("b").port}
""")
    began_s = time.monotonic()
    assert ask(alone).status == 503
    judge.in_time("timeout connect 1s, no other server: 503", time.monotonic() - began_s, 1.2, least=0.8)
    began_s = time.monotonic()
    answer = ask(helped)
    judge.in_time("timeout connect 1s, with redispatch: 200", time.monotonic() - began_s, 1.2, least=0.8)
    assert answer.status == 200
