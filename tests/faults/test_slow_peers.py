"""Clients that take for ever to ask, and those on either side who never read."""

from __future__ import annotations

import asyncio
import select
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.faults.crowd import Crowd, opened
from tests.faults.figures import IS_SOAK, Judge
from tests.faults.peers import GIB, TRANSFER, Depot, download, fingerprint, upload
from tests.faults.programs import Program

KIB = 1 << 10
SLOW = 500 if IS_SOAK else 60
DRIP_S = 0.5
TRANSFERS = 16
WINDOW_S = 3.0
CONFIGURATION = """\
global
    nbthread 1
    maxconn 2000
defaults
    mode {mode}
    timeout connect 5s
    timeout client 600s
    timeout server 600s
    {line}
listen site
    bind 127.0.0.1:{port}
    server a 127.0.0.1:{server}
"""


@pytest.fixture
def depot() -> Iterator[Depot]:
    made = Depot()
    yield made
    made.close()


async def slow_client(address: tuple[str, int]) -> tuple[bytes, float]:
    """Send a field now and then until something is said; what was said first, and after how long."""
    reader, writer = await opened(address)
    began_s = time.monotonic()
    writer.write(b"GET / HTTP/1.1\r\nhost: slow\r\n")
    said = asyncio.ensure_future(reader.read(1000))
    try:
        while not (await asyncio.wait([said], timeout=DRIP_S))[0]:
            writer.write(b"x: y\r\n")
            if time.monotonic() - began_s > 60:
                said.cancel()
                return b"nothing", 60.0
        return said.result()[:12], time.monotonic() - began_s
    finally:
        writer.transport.abort()


@pytest.mark.fault(5)
def test_slow_headers(
    program: Program, judge: Judge, free_port: Callable[[], int], depot: Depot, crowd: Callable[..., Crowd]
) -> None:
    address = ("127.0.0.1", free_port())
    program.start(CONFIGURATION.format(mode="http", line="timeout http-request 3s", port=address[1], server=depot.port))
    load = crowd(address, clients=4, keep=True, pause_s=0.02)
    load.await_more(600)
    before = len(load.times_s)
    before_s = load.p99_s()

    async def slow() -> list[tuple[bytes, float]]:
        return await asyncio.gather(*(slow_client(address) for _ in range(SLOW)))

    answers = asyncio.run(slow())
    during_s = load.p99_s(before)
    load.stop()
    judge.all(f"of {SLOW} slow clients, those who got 408", sum(said == b"HTTP/1.1 408" for said, _ in answers), SLOW)
    judge.in_time("the latest 408", max(after_s for _, after_s in answers), 5.0, least=2.8)
    judge.none("requests of others that failed", load.failed, load.total)
    judge.tell("p99 of others before", f"{before_s * 1000:.1f} ms")
    judge.in_time("p99 of others meanwhile", during_s * 1000, max(20.0, 2 * before_s * 1000), "ms",
                  bound="≤ twice before, or 20 ms")


def calm(program: Program) -> None:
    """Wait until the program has nothing to do any more."""
    used, readings = -1.0, 0
    for _ in range(1200):
        now = program.cpu_s()
        readings = readings + 1 if now == used else 0
        if readings == 10:
            return
        used = now
        select.select([], [], [], 0.05)
    raise AssertionError("the program does not come to rest")


def pushed_by(client: socket.socket) -> int:
    """Send until the kernel takes no more; how much that was."""
    total = 0
    while True:
        try:
            total += client.send(bytes(1 << 16))
        except BlockingIOError:
            return total


@pytest.mark.soak
@pytest.mark.fault(6)
@pytest.mark.parametrize("mode", ["http", "tcp"])
@pytest.mark.parametrize("way", ["download", "upload"])
def test_who_does_not_read(
    program: Program, judge: Judge, free_port: Callable[[], int], depot: Depot, crowd: Any, mode: str, way: str
) -> None:
    address = ("127.0.0.1", free_port())
    program.start(CONFIGURATION.format(mode=mode, line="", port=address[1], server=depot.port))
    load = crowd(address, keep=True)
    load.await_more(5000)
    load.stop()
    calm(program)
    before = program.rss_octets()
    head = b"GET /gib HTTP/1.1\r\nhost: a\r\n\r\n"
    if way == "upload":
        head = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n" % GIB
    clients = [socket.create_connection(address) for _ in range(TRANSFERS)]
    try:
        for client in clients:
            client.sendall(head)
            client.setblocking(False)
        pushed = 1
        while way == "upload" and pushed:
            pushed = sum(pushed_by(client) for client in clients)
            calm(program)
        calm(program)
        each = (program.rss_octets() - before) / TRANSFERS
        used_s = program.cpu_s()
        select.select([], [], [], WINDOW_S)
        used_s = program.cpu_s() - used_s
    finally:
        for client in clients:
            client.close()
    judge.at_most(f"{mode} {way}: memory a stalled transfer", each / KIB, 128, "KiB")
    judge.in_time(f"{mode} {way}: CPU while stalled", used_s / WINDOW_S * 100, 0.5, "%")
    with socket.create_connection(address, timeout=60) as client:
        if way == "download":
            client.sendall(b"GET /whole HTTP/1.1\r\nhost: a\r\n\r\n")
            intact = download(client) == fingerprint()
        else:
            client.sendall(b"POST /whole HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n" % TRANSFER)
            intact = upload(client) == fingerprint()
    judge.all(f"{mode} {way}: 128 MiB afterwards, intact", int(intact), 1)
