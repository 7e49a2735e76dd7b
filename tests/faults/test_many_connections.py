"""More connections than usual, and more than there are descriptors."""

from __future__ import annotations

import asyncio
import resource
import select
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.faults.crowd import Crowd
from tests.faults.figures import IS_SOAK, Judge
from tests.faults.programs import Program
from tests.faults.test_slow_peers import KIB, calm
from tests.soak.loads import Client, drive, opened
from tests.soak.stage import Origin

CONNECTIONS = 9_500
AT_A_TIME = 250
ROUNDS = 2
DESCRIPTORS = 256
CLIENTS = 600
WINDOW_S = 3.0
CONFIGURATION = """\
global
    nbthread 1
    {maxconn}
defaults
    mode http
    timeout connect 20s
    timeout client 600s
    timeout server 600s
    timeout queue 60s
listen site
    bind 127.0.0.1:{port}
    server a 127.0.0.1:{server}
"""


@pytest.fixture(scope="module")
def web() -> Iterator[Origin]:
    """A web server in a process of its own."""
    with Origin() as made:
        yield made


@pytest.mark.soak
@pytest.mark.fault(7)
def test_9500_keep_alive_connections(
    program: Program, judge: Judge, free_port: Callable[[], int], web: Origin, crowd: Callable[..., Crowd]
) -> None:
    address = ("127.0.0.1", free_port())
    program.start(CONFIGURATION.format(maxconn="maxconn 9700", port=address[1], server=web.port))
    load = crowd(address, clients=32, keep=True)
    load.await_more(20_000)
    load.stop()
    calm(program)
    before, grown, failed = program.rss_octets(), 0, 0

    async def around() -> None:
        nonlocal grown, failed
        clients: list[Client] = []
        for _ in range(0, CONNECTIONS, AT_A_TIME):
            clients += await asyncio.gather(*(opened(address[1]) for _ in range(AT_A_TIME)))
        for _ in range(ROUNDS):
            for first in range(0, CONNECTIONS, AT_A_TIME):
                answers = [client.ask() for client in clients[first:first + AT_A_TIME]]
                failed += sum(isinstance(each, Exception) for each in await asyncio.gather(*answers, return_exceptions=True))
        calm(program)
        grown = program.rss_octets() - before
        for client in clients:
            failed += client.ended.done()
            client.transport.close()
        await asyncio.gather(*(client.ended for client in clients))

    drive(around())
    judge.none("failed", failed, CONNECTIONS * ROUNDS)
    judge.at_most("memory a connection", grown / CONNECTIONS / KIB, 12 if program.kind == "pure" else 4, "KiB")


def limited() -> None:
    """In the process that becomes the program: so many descriptors, and no way to get more."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))


async def everybody(address: tuple[str, int], clients: int) -> int:
    """So many clients at a time, each with one request on a connection of its own; how many were not served."""
    async def one() -> bool:
        reader, writer = await asyncio.open_connection(*address)
        try:
            writer.write(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
            return not (await reader.read()).startswith(b"HTTP/1.1 200 ")
        except OSError:
            return True
        finally:
            writer.transport.abort()

    async with asyncio.timeout(120):
        return sum(await asyncio.gather(*(one() for _ in range(clients))))


@pytest.mark.fault(11)
def test_more_clients_than_descriptors(
    program: Program, judge: Judge, free_port: Callable[[], int], web: Origin, eventually: Any
) -> None:
    """The limit comes while it runs, so that it is met where it hurts: not by a maxconn that was computed from it."""
    address = ("127.0.0.1", free_port())
    program.start(CONFIGURATION.format(maxconn="maxconn 2000", port=address[1], server=web.port))
    for pid in program.pids:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))
    rounds = 5 if IS_SOAK else 2
    failed = sum(asyncio.run(everybody(address, CLIENTS)) for _ in range(rounds))
    judge.none(f"{CLIENTS} clients at a time, {rounds} times: not served", failed, CLIENTS * rounds)
    idle = [socket.create_connection(address, timeout=60) for _ in range(CLIENTS)]
    try:
        window_s = WINDOW_S if IS_SOAK else 0.2
        used_s = program.cpu_s()
        select.select([], [], [], window_s)
        used_s = program.cpu_s() - used_s
        judge.in_time("CPU while starved", used_s / window_s * 100, 5, "%")
        waiting = socket.create_connection(address, timeout=60)
        idle.append(waiting)
        waiting.sendall(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
    finally:
        for sock in idle[:-1]:
            sock.close()
    began_s = time.monotonic()
    with waiting:
        assert waiting.recv(12) == b"HTTP/1.1 200"
    judge.in_time("served again after the others have left", time.monotonic() - began_s, 1.0)
