"""A load balancer without sockets: octets in, octets out, a clock that only moves when told.

    lab = Lab(servers=2)
    client = lab.client()
    client.sends(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
    server = lab.attempt().accepted()           # the connection the stream asked for
    assert server.received() == b"GET / ..."
    server.sends(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
    assert client.received() == b"HTTP/1.1 200 OK..."
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from proxy.base.addresses import Address, Family
from proxy.core.balance import Farm, make_balancer
from proxy.core.pool import IdlePool
from proxy.core.stream.opening import HeaderIntake, limits_of, new_session
from proxy.core.stream.ports import BODY_READ_OCTETS, Host, Link, Received, Unseen
from proxy.core.stream.session import Session
from proxy.runtime.backend import Backend
from proxy.runtime.cells import (
    CELL_NAMES,
    CONN_CUR,
    H1_OPEN_CONNECTIONS,
    H1_OPEN_STREAMS,
    IDLE_CUR,
    QCUR,
    SAFE_CUR,
    SCUR,
    USED_CUR,
)
from proxy.runtime.frontend import Frontend, Listener
from proxy.runtime.log import LogRecord
from proxy.runtime.process import Process
from proxy.runtime.server import Server
from proxy.runtime.transitions import start_states

START_MS = 1_000_000
COUNTED = """stot dreq dresp ereq econ eresp wretr wredis lbtot hrsp_1xx hrsp_2xx hrsp_3xx hrsp_4xx hrsp_5xx hrsp_other req_tot
    cli_abrt
    srv_abrt intercepted connect reuse"""
ROOM = 1 << 30


class Veiled(Unseen):
    """Octets that may pass unseen; they are good for the call that hands them over, and only once."""

    def __init__(self, octets: bytes) -> None:
        self.octets = octets
        self.is_over = False

    def __len__(self) -> int:
        return len(self.octets)

    def __bytes__(self) -> bytes:
        assert not self.is_over, "asked for when they were gone"
        return self.octets

    def __getitem__(self, part: slice) -> bytes:
        return bytes(self)[part]

    def passed(self) -> int:
        return len(self.octets) if self.is_over else 0


class FakeLink(Link):
    """A link whose kernel takes `room` octets and whose far end is the test.

    What the far end sends waits while the owner has paused reading, as it would in the kernel. Where octets may pass unseen,
    every other read is of such.
    """

    def __init__(self, lab: Lab) -> None:
        Link.__init__(self)
        self.lab = lab
        lab.links.append(self)
        self.inbox = bytearray()
        self.peer_ended = False
        self.told_end = False
        self.out = bytearray()
        self.waiting = bytearray()
        self.room = ROOM
        self.paused = 0
        self.ended = False
        self.closed = False
        self.aborted = False
        self.broken = False
        self.alive = True
        self.read_max = 0
        self.unseen = 0
        self.veils = True

    # what streams ask

    def send(self, octets: Received) -> bool:
        assert not self.closed, "sent on a closed link"
        if isinstance(octets, Unseen):
            veiled, octets = octets, bytes(octets)
            veiled.is_over = True               # now they are gone
        if self.broken:
            self.lab.soon(self._tell_lost)
            return True
        self.waiting += octets
        self._flow()
        return not self.waiting

    def send_both(self, first: bytes, then: bytes | memoryview) -> bool:
        return self.send(first + then)

    def _flow(self) -> None:
        taken = min(self.room, len(self.waiting))
        self.out += self.waiting[:taken]
        del self.waiting[:taken]
        self.room -= taken
        self.pending = len(self.waiting)

    def pause(self, cause: int) -> None:
        self.paused |= cause

    def resume(self, cause: int) -> None:
        if self.paused & cause:
            self.paused &= ~cause
            self.lab.soon(self._deliver)

    def limit_reads(self, octets: int) -> None:
        self.read_max = octets
        self.unseen = 0

    def read_for(self, taker: Link, unseen: int) -> None:
        self.read_max = BODY_READ_OCTETS
        self.unseen = unseen

    def pass_unseen(self, octets: int) -> None:
        self.unseen = octets

    def takes_at_once(self) -> int:
        return 0 if self.waiting else self.room

    def end_writing(self) -> None:
        assert not self.closed, "ended a closed link"
        self.ended = True

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = self.aborted = True

    def is_alive(self) -> bool:
        return self.alive and not self.inbox

    def local_address(self) -> tuple[str, int] | None:
        return ("10.0.0.9", 40000)

    # what the test does at the far end

    def sends(self, octets: bytes) -> None:
        """The peer sends; each read is as large as the owner allows."""
        assert not self.peer_ended
        self.inbox += octets
        self._deliver()
        self.lab.settle()

    def _deliver(self) -> None:
        """Tell the owner what has come, as far as it wants to know."""
        while self.inbox and not self.paused and not self.closed:
            self.veils = self.unseen > 0 and not self.veils
            most = min(self.read_max, self.unseen) if self.veils else self.read_max
            piece = bytes(self.inbox[:most])
            del self.inbox[:most]
            self.is_filled = len(piece) == most
            self.unseen = max(0, self.unseen - len(piece))
            received = Veiled(piece) if self.veils else memoryview(piece)
            self.owner.octets(received)
            if isinstance(received, Veiled):
                received.is_over = True
        if self.peer_ended and not self.told_end and not self.inbox and not self.paused and not self.closed:
            self.told_end = True
            self.owner.ended()

    def ends(self) -> None:
        """The peer half-closes."""
        self.peer_ended = True
        self._deliver()
        self.lab.settle()

    def breaks(self) -> None:
        """The peer resets the connection: what it sent before and was not read is lost."""
        if self.closed:
            return
        self.inbox.clear()
        self.waiting.clear()
        self.peer_ended = self.told_end = self.broken = True
        self.owner.lost()
        self.lab.settle()

    def _tell_lost(self) -> None:
        if not self.closed:
            self.owner.lost()

    def takes(self, room: int = ROOM) -> None:
        """The peer reads: there is room for so many octets."""
        self.room = room
        had = bool(self.waiting)
        if had and room:
            self.taken_ms = self.lab.now_ms
        self._flow()
        if had and not self.waiting and not self.closed:
            self.owner.drained()
            self.lab.settle()

    def received(self) -> bytes:
        """What has come to the peer since last time."""
        octets = bytes(self.out)
        self.out.clear()
        return octets


class FakeAttempt:
    """A connection attempt that ends as the test wants."""

    def __init__(self, lab: Lab, server: Server, owner: Any, port: int, early: bytes) -> None:
        self.lab, self.server, self.owner, self.port, self.early = lab, server, owner, port, early
        self.cancelled = False
        self.is_over = False

    def accepted(self) -> FakeLink:
        """The server accepts."""
        assert not self.cancelled
        self.is_over = True
        link = FakeLink(self.lab)
        link.owner = self.owner
        link.out += self.early
        self.owner.connected(link)
        self.lab.settle()
        return link

    def refused(self) -> None:
        """Nobody listens there."""
        assert not self.cancelled
        self.is_over = True
        self.owner.connect_failed(True)
        self.lab.settle()

    def starved(self) -> None:
        """We have no descriptor or port left."""
        self.is_over = True
        self.owner.connect_failed(False)
        self.lab.settle()

    def cancel(self) -> None:
        assert not self.is_over
        self.cancelled = self.is_over = True


class Journal:
    """A log that keeps its records."""

    early = False

    def __init__(self) -> None:
        self.records: list[LogRecord] = []
        self.events: list[tuple[str, str]] = []

    def record(self, record: LogRecord) -> None:
        self.records.append(record)

    def refusal(self, record: LogRecord, cause: str) -> None:
        self.records.append(record)

    def event(self, level: str, text: str) -> None:
        self.events.append((level, text))


class Lab(Host):
    """One frontend, one backend, `servers` servers named s0, s1, …; the streams' host."""

    def __init__(self, servers: int = 1, mode: str = "http", algorithm: str = "roundrobin", argument: str = "") -> None:
        Host.__init__(self, Process(), START_MS)
        self.attempts: list[FakeAttempt] = []
        self.links: list[FakeLink] = []
        self.all_attempts: list[FakeAttempt] = []
        self.sessions: list[Session] = []
        self.broken_ones: list[BaseException] = []
        self._soon: list[Callable[[], None]] = []
        self.process.maxconn = 1000
        self.log = Journal()
        self.frontend = Frontend("fe", 1)
        self.backend = Backend("be", 2)
        self.frontend.is_http = self.backend.is_http = mode == "http"
        self.frontend.backend = self.backend
        self.frontend.log = self.log
        self.listener = Listener(self.frontend, 1, Address(Family.IPV4, "127.0.0.1", 80))
        self.frontend.listeners = [self.listener]
        self.frontend.timeout_client_ms = self.backend.timeout_server_ms = 30_000
        self.backend.timeout_connect_ms = 5_000
        self.backend.balancer = make_balancer(algorithm, argument=argument, random=lambda bound: 0)
        for index in range(servers):
            self._add_server(index)
        self.process.frontends, self.process.backends = [self.frontend], [self.backend]
        self.backend.farm = Farm(self.backend)
        start_states([self.backend], self.now_ms)

    def _add_server(self, index: int) -> None:
        server = Server(self.backend, f"s{index}", index + 1, Address(Family.IPV4, "127.0.0.1", 8000 + index))
        server.sockaddr = ("127.0.0.1", 8000 + index)
        server.index = index
        server.idle = IdlePool(server, self.timers)
        self.backend.servers.append(server)

    @property
    def server(self) -> Server:
        return self.backend.servers[0]

    # the host

    def wall_s(self) -> float:
        return 1_700_000_000 + (self.now_ms - START_MS) / 1000

    def connect(self, server: Server, owner: Any, port: int, early: bytes) -> FakeAttempt:
        attempt = FakeAttempt(self, server, owner, port, early)
        self.attempts.append(attempt)
        self.all_attempts.append(attempt)
        return attempt

    def session_over(self, session: Session) -> None:
        self.sessions.remove(session)
        self.process.served -= 1

    def session_replaced(self, old: Session, new: Session) -> None:
        self.sessions[self.sessions.index(old)] = new
        link: Any = new.link
        link.owner = new

    def soon(self, callback: Callable[[], None]) -> None:
        self._soon.append(callback)

    def broken(self, where: object, error: BaseException) -> None:
        self.broken_ones.append(error)

    # the test's handles

    def settle(self) -> None:
        """Do what was put off to the end of the turn."""
        while self._soon:
            callbacks, self._soon = self._soon, []
            for callback in callbacks:
                callback()
        self.turns += 1

    def client(self, peer: tuple[str, int] = ("10.1.1.1", 5000)) -> FakeLink:
        """A client connects."""
        link = FakeLink(self)
        limits = limits_of(self.process.bufsize, self.process.maxrewrite, self.process.http_maxhdr)
        make = HeaderIntake if self.listener.accept_proxy else new_session
        session = make(self, self.listener, link, peer, ("10.0.0.1", 80), limits)
        link.owner = session
        self.sessions.append(session)
        self.process.served += 1
        session.begin()
        self.settle()
        return link

    def attempt(self) -> FakeAttempt:
        """The connection that was asked for, oldest first."""
        return self.attempts.pop(0)

    @property
    def asked(self) -> list[FakeAttempt]:
        """The connections that are being asked for."""
        return [attempt for attempt in self.attempts if not attempt.is_over]

    def records(self) -> list[LogRecord]:
        """What was logged since last time."""
        records, self.log.records = self.log.records, []
        return records

    def logged(self) -> tuple[bytes, int]:
        """Termination state and status of the one stream that was logged since last time."""
        (record,) = self.records()
        return record.termination, record.status

    def counted(self, place: Frontend | Backend | Server) -> dict[str, int]:
        """The counters of a row that are not zero, save times, rates, octets and peaks."""
        row = place.counters
        return {name: row[index] for index, name in enumerate(CELL_NAMES) if row[index] and name in COUNTED.split()}

    def advance(self, milliseconds: int) -> None:
        """Let time pass, telling every deadline on its way."""
        end_ms = self.now_ms + milliseconds
        while True:
            next_ms = self.timers.next_ms()
            if not next_ms or next_ms > end_ms:
                break
            self.now_ms = max(self.now_ms, next_ms)
            self.timers.advance(self.now_ms)
            self.settle()
        self.now_ms = end_ms

    def assert_at_rest(self) -> None:
        """Nothing is left behind: no session, slot, place in line, link, attempt, timer, gauge, broken invariant."""
        assert not self.sessions
        assert not self.broken_ones
        assert not self._soon
        assert (self.process.served, self.frontend.served, self.listener.served) == (0, 0, 0)
        assert (self.backend.served, self.backend.sessions, len(self.backend.queue)) == (0, 0, 0)
        idle = {id(link) for server in self.backend.servers for link in self._at_rest(server)}
        assert {id(link) for link in self.links if not link.closed} == idle
        assert all(attempt.is_over for attempt in self.all_attempts)
        assert {type(entry) for entries in self.timers._slots.values() for entry in entries} <= {IdlePool}
        assert self.frontend.counters[CONN_CUR] == self.frontend.counters[SCUR] == self.listener.counters[SCUR] == 0
        for place in (self.frontend, self.backend):
            assert place.counters[H1_OPEN_STREAMS] == 0
        assert self.frontend.counters[H1_OPEN_CONNECTIONS] == 0
        assert self.backend.counters[H1_OPEN_CONNECTIONS] == (len(idle) if self.backend.is_http else 0)
        assert self.backend.counters[SCUR] == self.backend.counters[QCUR] == 0

    def _at_rest(self, server: Server) -> list[FakeLink]:
        """Check a server's gauges; gives the links of its idle connections."""
        assert (server.served, len(server.queue)) == (0, 0)
        row = server.counters
        assert row[SCUR] == row[QCUR] == row[USED_CUR] == 0
        assert row[IDLE_CUR] + row[SAFE_CUR] == len(server.idle.connections)
        return [connection.link for connection in server.idle.connections]


def get(path: str = "/", *fields: str, version: str = "1.1") -> bytes:
    """A GET request."""
    lines = [f"GET {path} HTTP/{version}", *([] if version == "1.0" else ["host: a"]), *fields]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def ok(body: bytes = b"ok", *fields: str, status: str = "200 OK") -> bytes:
    """A response of known length."""
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", *fields]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body
