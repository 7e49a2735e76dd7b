"""A world for checks: a clock that is turned by hand, a loop of timers and readiness, and a network of scripted servers."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from proxy.base.addresses import Address, Family
from proxy.health import probe_io
from proxy.health.checks import Checks
from proxy.health.readiness import LoopReadiness
from proxy.runtime import transitions
from proxy.runtime.backend import Backend
from proxy.runtime.check_plan import CheckPlan, SendStep
from proxy.runtime.process import Process
from proxy.runtime.server import Server

REFUSE, HANG = "refuse", "hang"
SEND = SendStep(b"OPTIONS / HTTP/1.0\r\n\r\n", b"OPTIONS")


class Timer:
    def __init__(self, at_ms: int, callback: Callable[[], None]) -> None:
        self.at_ms, self.callback, self.cancelled = at_ms, callback, False

    def cancel(self) -> None:
        self.cancelled = True


class FakeSocket:
    """One connection to a scripted server, whose `answer` is REFUSE, HANG, an errno for connect(), or pieces of an answer."""

    def __init__(self, world: World) -> None:
        world.sockets += 1
        self.world, self.fd = world, world.sockets + 100
        self.answer: Any = None
        self.sent = b""
        self.lingers: bytes | None = None
        self.options: list[tuple[int, int, Any]] = []       # set before connect()
        self.pieces: list[Any] = []
        self.open = True

    def fileno(self) -> int:
        return self.fd

    def bind(self, address: Any) -> None:
        if address == "bad":
            raise OSError(errno.EADDRNOTAVAIL, "no")
        self.bound = address

    def connect_ex(self, sockaddr: Any) -> int:
        self.world.attempts.append((self.world.now_ms, sockaddr))
        answer = self.world.answers.get(sockaddr, REFUSE)
        if isinstance(answer, list) and len(answer) > 1 and isinstance(answer[0], list):
            answer = answer.pop(0)
        self.answer = answer
        if isinstance(answer, int):
            return answer
        self.pieces = list(answer) if isinstance(answer, list) else []
        self.world.by_fd[self.fd] = self
        return errno.EINPROGRESS

    def getsockopt(self, level: int, name: int) -> int:
        return errno.ECONNREFUSED if self.answer == REFUSE else 0

    def getsockname(self) -> Any:
        return ("10.0.0.9", 40000)

    def setsockopt(self, level: int, name: int, value: Any) -> None:
        if name == socket.SO_LINGER and level == socket.SOL_SOCKET:
            self.lingers = value
        elif self.answer is None:
            self.options.append((level, name, value))

    def send(self, octets: bytes) -> int:
        assert self.open
        if self.world.send_room is not None:
            octets = octets[: self.world.send_room]
        if not octets:
            raise BlockingIOError(errno.EAGAIN, "full")
        self.sent += octets
        self.world.requests.append(self.sent)
        return len(octets)

    def recv(self, size: int) -> bytes:
        assert self.open
        if not self.pieces:
            raise BlockingIOError(errno.EAGAIN, "empty")
        piece = self.pieces.pop(0)
        if isinstance(piece, OSError):
            raise piece
        return bytes(piece)

    def close(self) -> None:
        self.open = False
        self.world.closed.append(self)
        self.world.by_fd.pop(self.fd, None)


class World:
    """Implements Clock, CheckLoop and Events at once."""

    def __init__(self) -> None:
        self.now_ms = 1_000_000
        self.timers: list[Timer] = []
        self.readers: dict[int, Callable[[], None]] = {}
        self.writers: dict[int, Callable[[], None]] = {}
        self.by_fd: dict[int, FakeSocket] = {}
        self.sockets = 0
        self.closed: list[FakeSocket] = []
        self.attempts: list[tuple[int, Any]] = []
        self.requests: list[bytes] = []
        self.answers: dict[Any, Any] = {}
        self.socket_error: OSError | None = None
        self.send_room: int | None = None
        self.lines: list[str] = []
        self.process = Process()
        self.checks: Checks | None = None
        self.random: Callable[[], float] = lambda: 0.5
        self.changed: list[tuple[str, bool]] = []

    # what a configuration makes

    def backend(self, name: str = "app") -> Backend:
        found = self.process.backend(name)
        if found is None:
            found = Backend(name, len(self.process.backends) + 1)
            self.process.backends.append(found)
        return found

    def server(self, name: str, plan: CheckPlan | None = None, backend: str = "app", **settings: Any) -> Server:
        home = self.backend(backend)
        number = len(home.servers) + 1
        server = Server(home, name, number, Address(Family.IPV4, f"10.0.0.{number}", 80))
        server.sockaddr, server.socket_family, server.check = (f"10.0.0.{number}", 80), socket.AF_INET, plan
        for key, value in settings.items():
            setattr(server, key, value)
        server.user_weight = server.configured_weight
        if server.track is not None:
            server.track.tracked_by.append(server)
        home.servers.append(server)
        return server

    def start(self, **settings: Any) -> Checks:
        transitions.start_states(self.process.backends, self.now_ms)
        settings.setdefault("make_readiness", LoopReadiness)
        self.checks = Checks(self.process, self, self, self, lambda: self.random(), **settings)
        self.checks.start()
        return self.checks

    def answer(self, server: Server, *pieces: Any) -> None:
        """What the server does from now on: accepts and sends these pieces, or refuses, or hangs."""
        self.answers[server.sockaddr] = pieces[0] if pieces and isinstance(pieces[0], (str, int)) else list(pieces)

    # Clock

    def monotonic_ms(self) -> int:
        return self.now_ms

    def wall_s(self) -> float:
        return 0.0

    # CheckLoop

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        timer = Timer(self.now_ms + round(delay * 1000), callback)
        self.timers.append(timer)
        return timer

    def add_reader(self, fd: int, callback: Callable[[], None]) -> None:
        self.readers[fd] = callback

    def remove_reader(self, fd: int) -> None:
        del self.readers[fd]

    def add_writer(self, fd: int, callback: Callable[[], None]) -> None:
        self.writers[fd] = callback

    def remove_writer(self, fd: int) -> None:
        del self.writers[fd]

    def call_exception_handler(self, facts: dict[str, Any]) -> None:
        raise facts["exception"]

    # Events

    def server_event(self, server: Any, level: str, text: str) -> None:
        self.lines.append(f"{level}: {text}")

    def backend_event(self, backend: Any, level: str, text: str) -> None:
        self.lines.append(f"{level}: {text}")

    def server_changed(self, server: Any, was_up: bool, now_ms: int) -> tuple[int, int]:
        self.changed.append((server.name, was_up))
        return 0, 0

    # time

    def run(self, span_ms: int) -> list[str]:
        """Let so much time pass; returns the lines told meanwhile."""
        end_ms, told = self.now_ms + span_ms, len(self.lines)
        self._network()
        while True:
            self.timers = [timer for timer in self.timers if not timer.cancelled]
            due = min((timer for timer in self.timers if timer.at_ms <= end_ms), key=lambda timer: timer.at_ms, default=None)
            if due is None:
                break
            self.timers.remove(due)
            self.now_ms = max(self.now_ms, due.at_ms)
            due.callback()
            self._network()
        self.now_ms = end_ms
        return self.lines[told:]

    def _network(self) -> None:
        """Tell whatever can go on without time passing."""
        busy = True
        while busy:
            busy = False
            for fd, callback in [*self.writers.items()]:
                connection = self.by_fd.get(fd)
                if connection is None or connection.answer == HANG or self.send_room == 0:
                    continue
                if self.writers.get(fd) is callback:
                    busy = True
                    callback()
            for fd, callback in [*self.readers.items()]:
                connection = self.by_fd.get(fd)
                if connection is not None and connection.pieces and self.readers.get(fd) is callback:
                    busy = True
                    callback()


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    made = World()

    class Module:
        AF_INET, SOCK_STREAM, SOCK_NONBLOCK = socket.AF_INET, socket.SOCK_STREAM, socket.SOCK_NONBLOCK
        SOL_SOCKET, SO_LINGER, SO_ERROR = socket.SOL_SOCKET, socket.SO_LINGER, socket.SO_ERROR
        IPPROTO_TCP, TCP_QUICKACK = socket.IPPROTO_TCP, socket.TCP_QUICKACK

        @staticmethod
        def SocketType(family: int, kind: int) -> FakeSocket:
            if made.socket_error is not None:
                raise made.socket_error
            return FakeSocket(made)

    monkeypatch.setattr(probe_io, "socket", Module)
    yield made
    if made.checks is not None:
        made.checks.stop()
    assert not made.readers
    assert not made.writers
    assert not made.by_fd, "a check left its socket open"
