"""A worker with real sockets, whose clock and far ends are the test's."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from proxy.base.addresses import Address, Family
from proxy.core.balance import Farm, make_balancer
from proxy.core.stream.ports import Connector, Received
from proxy.engine.link import SocketLink
from proxy.engine.worker import Worker
from proxy.runtime.backend import Backend
from proxy.runtime.frontend import Frontend, Listener
from proxy.runtime.process import Process
from proxy.runtime.server import Server
from proxy.runtime.transitions import start_states
from tests.conftest import descriptors


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now_ms = 1_000

    def monotonic_ms(self) -> int:
        return self.now_ms

    def wall_s(self) -> float:
        return self.now_ms / 1000


class Owner(Connector):
    """An owner that keeps what it is told."""

    def __init__(self) -> None:
        Connector.__init__(self)
        self.told: list[str] = []
        self.came = b""

    def octets(self, received: Received) -> None:
        self.came += bytes(received)

    def ended(self) -> None:
        self.told.append("ended")

    def lost(self) -> None:
        self.told.append("lost")

    def drained(self) -> None:
        self.told.append("drained")

    def connected(self, link: SocketLink) -> None:
        self.told.append("connected")
        self.link = link

    def connect_failed(self, refused: bool) -> None:
        self.told.append("refused" if refused else "starved")


class Events:
    def __init__(self) -> None:
        self.events: list[tuple[str, str]] = []
        self.early = False

    def event(self, level: str, text: str) -> None:
        self.events.append((level, text))

    def record(self, record: object) -> None:
        return None


class House:
    """A worker with one TCP frontend on the loopback and one server that the test plays."""

    def __init__(self, loop: asyncio.AbstractEventLoop, port: int = 0, address: Address | None = None) -> None:
        descriptors()           # those of what is garbage would come free in the middle of a test that counts them
        self.loop, self.clock = loop, Clock()
        self.process = Process()
        self.process.maxconn = 100
        self.log = self.process.log = Events()
        self.frontend, self.backend = Frontend("fe", 1), Backend("be", 2)
        self.frontend.is_http = self.backend.is_http = False
        self.frontend.backend = self.backend
        self.listener = Listener(self.frontend, 1, address or Address(Family.IPV4, "127.0.0.1", port))
        self.frontend.listeners = [self.listener]
        self.backend.timeout_connect_ms = 5_000
        self.backend.balancer = make_balancer("roundrobin", random=lambda bound: 0)
        self.origin = socket.create_server(("127.0.0.1", 0))
        self.origin.settimeout(5)
        self.server = Server(self.backend, "s", 1, Address(Family.IPV4, *self.origin.getsockname()))
        self.server.sockaddr, self.server.socket_family = self.origin.getsockname(), socket.AF_INET
        self.backend.servers = [self.server]
        self.process.frontends, self.process.backends = [self.frontend], [self.backend]
        self.backend.farm = Farm(self.backend)
        start_states([self.backend], self.clock.now_ms)
        self.worker = Worker(self.process, self.clock)
        self.stopped: list[bool] = []
        self.worker.on_stopped = lambda: self.stopped.append(True)
        self.kept: list[socket.socket] = []

    def start(self) -> House:
        self.worker.bind()
        self.worker.start(self.loop)
        return self

    def until(self, done: Callable[[], object]) -> None:
        """Let the loop turn until something is so, for half a minute at most."""

        async def turns() -> None:
            while not done():
                await asyncio.sleep(0)

        self.loop.run_until_complete(asyncio.wait_for(turns(), 30))

    def turns(self, count: int = 30) -> None:
        """Let the loop turn a few times, for what must not happen."""

        async def turns() -> None:
            for _ in range(count):
                await asyncio.sleep(0)

        self.loop.run_until_complete(turns())

    def once(self, work: Callable[[], object]) -> None:
        """Do something while the loop runs."""
        done: list[object] = []
        self.until(lambda: done or done.append(work()))

    def passes(self, milliseconds: int) -> None:
        """Time passes, and the timers are told."""
        self.clock.now_ms += milliseconds
        self.worker.turn()
        self.worker.timers.advance(self.clock.now_ms)

    def client(self) -> socket.socket:
        made = socket.socket(socket.AF_UNIX if isinstance(self.listener.bound, (str, bytes)) else socket.AF_INET)
        self.kept.append(made)
        made.settimeout(5)
        made.connect(self.listener.bound)
        return made

    def pair(self) -> tuple[SocketLink, Owner, socket.socket]:
        near, far = socket.socketpair()
        near.setblocking(False)
        far.settimeout(5)
        self.kept.append(far)
        link, owner = SocketLink(self.worker, near), Owner()
        link.belongs_to(owner)
        return link, owner, far

    def close(self) -> None:
        if self.worker.loop is not None and not self.stopped:
            self.worker.hard_stop()
        self.worker.unbind()
        for made in (*self.kept, self.origin):
            made.close()


def tcp_pair(house: House) -> tuple[SocketLink, socket.socket]:
    """A link over TCP on the loopback, and its far end."""
    far = socket.create_connection(house.origin.getsockname())
    near, _ = house.origin.accept()
    near.setblocking(False)
    far.setblocking(False)
    house.kept.append(far)
    return SocketLink(house.worker, near), far
