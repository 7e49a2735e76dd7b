"""Checks on real sockets and both event loops: servers that answer, refuse, hang, speak first, or reset."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from proxy.base.addresses import Address, Family
from proxy.base.clock import SystemClock
from proxy.health.checks import Checks
from proxy.health.readiness import EpollReadiness, LoopReadiness
from proxy.runtime import transitions
from proxy.runtime.backend import Backend
from proxy.runtime.check_plan import CheckPlan, SendStep
from proxy.runtime.process import Process
from proxy.runtime.server import Server

SEND = SendStep(b"GET /alive HTTP/1.0\r\n\r\n", b"GET")
OK = b"HTTP/1.0 200 OK\r\n\r\n"
RESET = struct.pack("ii", 1, 0)


class Origin:
    """A server on a free port; `act` is called with each connection."""

    def __init__(self, act: Callable[[socket.socket], None]) -> None:
        self.act = act
        self.kept: list[socket.socket] = []
        self.stopped = False
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.address = self.listening.getsockname()
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.listening.accept()
            except OSError:
                return
            connection.settimeout(10)
            try:
                self.act(connection)
            except OSError:
                connection.close()

    def stop(self) -> None:
        """Refuse from now on."""
        if not self.stopped:
            self.stopped = True
            self.listening.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.stop()
        self.listening.close()
        self.thread.join()
        for connection in self.kept:
            connection.close()

    def hang(self, connection: socket.socket) -> None:
        self.kept.append(connection)


def answer(octets: bytes) -> Callable[[socket.socket], None]:
    def act(connection: socket.socket) -> None:
        assert connection.recv(9999) == SEND.octets
        connection.sendall(octets)
        connection.close()

    return act


def speak_first(connection: socket.socket) -> None:
    connection.sendall(OK)
    connection.recv(9999)
    connection.close()


def reset(connection: socket.socket) -> None:
    connection.recv(9999)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    connection.close()


class Told:
    """Events; `seen` is set whenever something is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.seen = asyncio.Event()

    def server_event(self, server: Any, level: str, text: str) -> None:
        self.lines.append(text)
        self.seen.set()

    backend_event = server_event

    def server_changed(self, server: Any, was_up: bool, now_ms: int) -> tuple[int, int]:
        return 0, 0


@pytest.fixture
def origin() -> Iterator[Callable[[Callable[[socket.socket], None]], Origin]]:
    made: list[Origin] = []

    def make(act: Callable[[socket.socket], None]) -> Origin:
        made.append(Origin(act))
        return made[-1]

    yield make
    for one in made:
        one.close()


def run(loop_kind: str, main: Any) -> None:
    factory = pytest.importorskip("uvloop").new_event_loop if loop_kind == "uvloop" else asyncio.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(asyncio.wait_for(main, 20))


def checked(addresses: dict[str, tuple[Any, CheckPlan]]) -> Process:
    process = Process()
    backend = Backend("app", 1)
    for name, (sockaddr, plan) in addresses.items():
        server = Server(backend, name, len(backend.servers) + 1, Address(Family.IPV4, "127.0.0.1", 0))
        server.sockaddr, server.check, server.rise, server.fall = sockaddr, plan, 1, 1
        server.socket_family = socket.AF_INET if isinstance(sockaddr, tuple) else socket.AF_UNIX
        backend.servers.append(server)
    process.backends.append(backend)
    transitions.start_states(process.backends, 0)
    return process


@pytest.mark.parametrize("readiness", [EpollReadiness, LoopReadiness])
def test_every_kind_of_server(loop_kind: str, readiness: Any, origin: Any, tmp_path: Any) -> None:
    hanging = origin(lambda connection: hanging.hang(connection))
    with socket.create_server(("127.0.0.1", 0)) as closed_soon:
        closed = closed_soon.getsockname()
    http = CheckPlan(inter_ms=10_000, steps=(SEND,), log_health_checks=True)
    tcp = CheckPlan(inter_ms=10_000, log_health_checks=True)
    impatient = CheckPlan(inter_ms=300, steps=(SEND,), log_health_checks=True)      # where no answer is to come anyway
    busy = origin(answer(b"HTTP/1.1 503 Service Unavailable\r\n\r\n"))
    process = checked({
        "ok": (origin(answer(OK)).address, http), "busy": (busy.address, http), "first": (origin(speak_first).address, http),
        "hangs": (hanging.address, impatient), "opens": (hanging.address, tcp), "refuses": (closed, tcp),
        "resets": (origin(reset).address, http), "nowhere": (str(tmp_path / "no.sock"), tcp),
    })
    expected = {
        "ok": "L7OK", "busy": "L7STS", "first": "L7OK", "hangs": "L7TOUT", "opens": "L4OK", "refuses": "L4CON",
        "resets": "SOCKERR", "nowhere": "SOCKERR",
    }

    async def main() -> None:
        told = Told()
        loop = asyncio.get_running_loop()
        checks = Checks(process, told, SystemClock(), loop, lambda: 0.5, make_readiness=readiness)
        checks.start()
        servers = process.backends[0].servers
        while any(server.check_result.ended_ms == 0 for server in servers):
            await told.seen.wait()
            told.seen.clear()
        assert {server.name: server.check_result.status for server in servers} == expected
        checks.stop()
        line = 'Health check for server app/busy failed, reason: Layer7 wrong status, code: 503, info: "Service Unavailable"'
        assert any(told_line.startswith(line) for told_line in told.lines)

    run(loop_kind, main())


def test_a_server_that_dies_and_returns(loop_kind: str, origin: Any) -> None:
    first = origin(lambda connection: connection.close())
    process = checked({"s1": (first.address, CheckPlan(inter_ms=300))})
    server = process.backends[0].servers[0]

    async def main() -> None:
        told = Told()
        checks = Checks(process, told, SystemClock(), asyncio.get_running_loop(), lambda: 0.5)
        checks.start()
        first.stop()
        while not told.lines:
            await told.seen.wait()
        assert 'is DOWN, reason: Layer4 connection problem, info: "Connection refused"' in told.lines[0]
        server.sockaddr = origin(lambda connection: connection.close()).address
        while "is UP, reason: Layer4 check passed" not in told.lines[-1]:
            told.seen.clear()
            await told.seen.wait()
        checks.stop()

    run(loop_kind, main())
