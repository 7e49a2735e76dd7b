"""Links, attempts, acceptors and the worker over real sockets, on both loops; the clock is ours, nothing sleeps."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import resource
import select
import socket
import struct
from collections.abc import Iterator

import pytest
import uvloop

from proxy.base.addresses import Address, Family
from proxy.base.errors import StartError, Where
from proxy.config.model import Bind
from proxy.core.stream.failure import KILLED
from proxy.core.stream.ports import (
    ALL_OCTETS,
    BODY_READ_OCTETS,
    HEAD_READ_OCTETS,
    LARGE_OCTETS_A_TURN,
    LARGEST_READ_OCTETS,
    LEAST_READ_OCTETS,
)
from proxy.engine.acceptor import as_shown
from proxy.engine.handover import Inherited
from proxy.engine.link import SocketLink
from proxy.engine.listening import BindError, open_listener, open_listeners, rehearse_listeners
from proxy.engine.port_holder import who_holds
from proxy.engine.readiness import READ
from proxy.engine.starving import LOOK_MS, PUT_BY, RETRY_MS
from proxy.runtime.cells import CONN_TOT, EINT
from proxy.runtime.frontend import Frontend, Listener
from tests.conftest import descriptors
from tests.unit.engine.house import House, Owner, tcp_pair

RESET = struct.pack("ii", 1, 0)
HELLO = b"HTTP/1.0 200 OK\r\n\r\nhello"


@pytest.fixture(params=["uvloop", "asyncio"])
def loop(request: pytest.FixtureRequest) -> Iterator[asyncio.AbstractEventLoop]:
    made = uvloop.new_event_loop() if request.param == "uvloop" else asyncio.new_event_loop()
    yield made
    made.close()


@pytest.fixture
def house(loop: asyncio.AbstractEventLoop) -> Iterator[House]:
    made = House(loop).start()
    yield made
    made.close()


# links


def test_a_link_reads_what_comes_and_is_told_of_the_end(house):
    link, owner, far = house.pair()
    far.sendall(b"octets")
    far.shutdown(socket.SHUT_WR)
    house.until(lambda: owner.told)
    assert (owner.came, owner.told) == (b"octets", ["ended"])
    link.send(b"answer")
    assert far.recv(100) == b"answer"
    link.end_writing()
    house.turns()
    assert far.recv(100) == b""
    link.close()


def test_a_half_close_is_told_once_and_not_at_all_before_a_close(house):
    told = []

    class Counted(socket.socket):
        def shutdown(self, how: int) -> None:
            told.append(how)
            super().shutdown(how)

    def counted() -> tuple[SocketLink, socket.socket]:
        near, far = socket.socketpair()
        far.settimeout(5)
        house.kept.append(far)
        mine = Counted(fileno=near.detach())
        mine.setblocking(False)
        link = SocketLink(house.worker, mine)
        link.belongs_to(Owner())
        return link, far

    link, far = counted()
    link.end_writing()
    link.end_writing()
    house.turns()
    far.shutdown(socket.SHUT_WR)
    house.turns()
    assert (told, far.recv(100)) == ([socket.SHUT_WR], b"")
    link.close()
    link, far = counted()
    link.end_writing()
    link.close()
    house.turns()
    assert (told, far.recv(100)) == ([socket.SHUT_WR], b"")


def test_a_paused_link_reads_nothing_until_every_cause_is_gone(house):
    link, owner, far = house.pair()
    link.pause(1)
    link.pause(2)
    far.sendall(b"x")
    house.turns()
    link.resume(1)
    house.turns()
    assert owner.came == b""
    link.resume(2)
    house.until(lambda: owner.came)
    link.close()


def test_what_the_kernel_does_not_take_waits_and_the_owner_is_told_when_it_has_left(house):
    link, owner, far = house.pair()
    octets = os.urandom(4_000_000)
    assert not link.send(octets)
    assert not link.send(b"more")
    assert link.pending > 0
    got = bytearray()
    far.setblocking(False)

    def drain() -> object:
        try:
            got.extend(far.recv(1 << 20))
        except BlockingIOError:
            return False
        return owner.told

    house.clock.now_ms += 5
    house.until(drain)
    assert (owner.told, link.pending, link.taken_ms) == (["drained"], 0, 1_005)
    link.end_writing()
    house.turns()
    while piece := far.recv(1 << 20):
        got += piece
    assert bytes(got) == octets + b"more"
    link.close()


def test_two_pieces_leave_as_one_and_wait_as_one(house):
    link, owner, far = house.pair()
    assert link.send_both(b"head,", memoryview(b"body"))
    assert far.recv(100) == b"head,body"
    large = os.urandom(2_000_000)
    assert not link.send_both(b"one", large)
    assert not link.send_both(b"two", b"three")
    got = bytearray()
    far.setblocking(False)

    def drain() -> object:
        try:
            got.extend(far.recv(1 << 20))
        except BlockingIOError:
            return False
        return owner.told and len(got) == len(large) + 11

    house.until(drain)
    assert (bytes(got), link.pending) == (b"one" + large + b"twothree", 0)
    link.close()
    assert link.send_both(b"told to", b"nobody")


def test_reads_grow_while_the_other_side_keeps_up_and_little_is_pending_when_it_stops(house):
    source, feeding = tcp_pair(house)
    sink, taking = tcp_pair(house)
    sizes: list[int] = []

    class Relay(Owner):
        def octets(self, received: memoryview) -> None:
            sizes.append(len(received))
            if not sink.send(received):
                source.pause(1)

        def drained(self) -> None:
            source.resume(1)

    source.limit_reads(BODY_READ_OCTETS)
    relay = Relay()
    source.belongs_to(relay)
    sink.belongs_to(relay)
    zeros = bytes(1 << 20)

    def feed() -> None:
        try:
            while True:
                feeding.send(zeros)
        except BlockingIOError:
            return

    def fast() -> object:
        feed()
        try:
            while True:
                taking.recv(1 << 20)
        except BlockingIOError:
            return max(sizes, default=0) > 2 * BODY_READ_OCTETS

    def stalled() -> object:
        feed()
        return sink.pending

    house.until(fast)
    assert max(sizes) <= LARGEST_READ_OCTETS
    house.until(stalled)
    assert sink.pending <= 2 * LEAST_READ_OCTETS        # the last piece, and a little: of the room the kernel tells about
    for link in (source, sink):
        link.abort()


class Feed(Owner):
    """Sends on what is read."""

    def __init__(self, source: SocketLink, sink: SocketLink) -> None:
        super().__init__()
        self.source, self.sink = source, sink

    def octets(self, received: bytes | memoryview) -> None:
        if not self.sink.send(received):
            self.source.pause(1)

    def drained(self) -> None:
        self.source.resume(1)


def passes(house: House, feeding: socket.socket, taking: socket.socket, octets: int) -> None:
    """Let so many octets pass."""
    unsent, untaken = octets, octets

    def passed() -> bool:
        nonlocal unsent, untaken
        try:
            while unsent:
                unsent -= feeding.send(bytes(min(unsent, 1 << 20)))
        except BlockingIOError:
            pass
        try:
            while untaken:
                untaken -= len(taking.recv(1 << 20))
        except BlockingIOError:
            return False
        return True

    house.until(passed)


def flows(house: House, source: SocketLink, feeding: socket.socket, taking: socket.socket) -> None:
    """Let bodies pass until they are read in large pieces."""
    for _ in range(500):
        passes(house, feeding, taking, 1 << 20)
        if source.reads_at_once() > 2 * BODY_READ_OCTETS:
            return
    raise AssertionError("bodies are read in small pieces for ever")


def test_a_body_after_a_large_one_is_read_at_once_in_what_its_own_taker_has_room_for(house):
    source, feeding = tcp_pair(house)
    sink, taking = tcp_pair(house)
    other, _ = tcp_pair(house)
    feed = Feed(source, sink)
    source.belongs_to(feed)
    sink.belongs_to(feed)
    source.read_for(sink, ALL_OCTETS)
    assert source.reads_at_once() == BODY_READ_OCTETS           # nothing is known of this one yet
    flows(house, source, feeding, taking)
    source.limit_reads(HEAD_READ_OCTETS)
    assert source.reads_at_once() == HEAD_READ_OCTETS
    source.read_for(sink, ALL_OCTETS)
    assert source.reads_at_once() > BODY_READ_OCTETS
    source.read_for(sink, ALL_OCTETS)
    assert source.reads_at_once() == BODY_READ_OCTETS           # the body before this one was not large
    flows(house, source, feeding, taking)
    while other.send(bytes(1 << 20)):
        pass
    source.read_for(other, ALL_OCTETS)
    assert source.reads_at_once() == BODY_READ_OCTETS           # this taker has no room
    for link in (source, sink, other):
        link.abort()


def test_small_pieces_use_up_the_room_that_is_known(house):
    source, feeding = tcp_pair(house)
    sink, taking = tcp_pair(house)
    feed = Feed(source, sink)
    source.belongs_to(feed)
    sink.belongs_to(feed)
    source.limit_reads(BODY_READ_OCTETS)
    flows(house, source, feeding, taking)
    before = source.reads_at_once()
    assert before > BODY_READ_OCTETS
    passes(house, feeding, taking, 1000)
    assert source.reads_at_once() == before - 1000
    for link in (source, sink):
        link.abort()


def test_of_large_pieces_a_turn_has_only_so_many(house):
    source, feeding = tcp_pair(house)
    sink, taking = tcp_pair(house)
    feed = Feed(source, sink)
    source.belongs_to(feed)
    sink.belongs_to(feed)
    source.limit_reads(BODY_READ_OCTETS)
    flows(house, source, feeding, taking)
    assert source.reads_at_once() > BODY_READ_OCTETS
    house.worker.large_octets = LARGE_OCTETS_A_TURN
    assert source.reads_at_once() == BODY_READ_OCTETS
    house.worker.turn()
    assert source.reads_at_once() > BODY_READ_OCTETS
    for link in (source, sink):
        link.abort()


def test_a_half_close_waits_for_what_is_pending(house):
    link, _, far = house.pair()
    link.send(b"x" * 4_000_000)
    link.end_writing()
    link.end_writing()
    size = 0
    far.setblocking(False)

    def drain() -> object:
        nonlocal size
        try:
            piece = far.recv(1 << 20)
        except BlockingIOError:
            return False
        size += len(piece)
        return not piece

    house.until(drain)
    assert size == 4_000_000
    link.close()


def test_closing_waits_for_what_is_pending_and_the_owner_hears_nothing_more(house):
    link, owner, far = house.pair()
    link.send(b"x" * 4_000_000)
    link.close()
    link.close()
    assert house.worker.closing_links == {link}
    size = 0
    far.setblocking(False)

    def drain() -> object:
        nonlocal size
        try:
            piece = far.recv(1 << 20)
        except BlockingIOError:
            return False
        size += len(piece)
        return not piece

    house.until(drain)
    assert size == 4_000_000
    assert owner.told == []
    assert not house.worker.closing_links


def test_closing_is_not_patient_for_ever(house):
    link, _, far = house.pair()
    link.send(b"x" * 4_000_000)
    link.close()
    house.passes(29_000)
    assert house.worker.closing_links
    house.passes(1_100)
    assert not house.worker.closing_links
    size = 0
    while piece := far.recv(1 << 20):
        size += len(piece)
    assert size < 4_000_000


def test_a_peer_that_takes_a_little_now_and_then_is_waited_for_but_not_for_ever(house):
    link, _, far = house.pair()
    link.send(b"x" * 8_000_000)
    link.close()
    rounds = 0
    while house.worker.closing_links and rounds < 50:
        far.recv(400_000)
        house.turns(3)
        house.passes(20_000)
        rounds += 1
    assert 10 <= rounds <= 16


def test_a_reset_is_seen_even_behind_octets_that_were_read(house):
    """Under uvloop's own watching the second event would never come."""
    near = house.client()
    house.until(lambda: house.worker.sessions)
    session = next(iter(house.worker.sessions))
    owner = Owner()
    link = session.link
    house.until(lambda: house.server.served and session.stream.connection.link is not None)
    link.owner = owner
    near.sendall(b"octets")
    near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    near.close()
    house.until(lambda: "lost" in owner.told)
    assert owner.came == b"octets"
    session.lost()


def test_a_write_that_fails_is_told_after_what_the_peer_said_last(house):
    link, owner, far = house.pair()
    link.pause(1)
    far.sendall(b"last words")
    far.close()
    assert link.send(b"x")
    assert link.send(b"y"), "what cannot be sent is no reason to wait"
    house.until(lambda: owner.told)
    assert (owner.came, owner.told) == (b"last words", ["lost"])
    link.close()


def test_a_write_that_fails_after_the_peer_has_ended_is_told_too(house):
    link, owner, far = house.pair()
    far.shutdown(socket.SHUT_WR)
    house.until(lambda: owner.told)
    far.close()
    link.send(b"x")
    house.until(lambda: "lost" in owner.told)
    assert owner.told == ["ended", "lost"]
    link.abort()
    link.abort()


def test_pending_octets_of_a_peer_that_goes_are_dropped(house):
    link, owner, far = house.pair()
    link.send(b"x" * 4_000_000)
    far.close()
    house.until(lambda: "lost" in owner.told)
    assert link.pending == 0
    link.close()


def test_an_idle_link_knows_whether_its_peer_is_there(house):
    link, _, far = house.pair()
    assert link.is_alive()
    far.sendall(b"x")
    assert not link.is_alive()
    far.close()
    assert not link.is_alive()
    assert link.local_address() is None
    link.close()


def test_an_owner_that_raises_costs_its_own_stream_only(house):
    link, owner, far = house.pair()
    owner.ended = owner.octets = lambda *arguments: 1 / 0
    far.sendall(b"x")
    house.until(lambda: house.worker.broken_invariants)
    far.close()
    house.until(lambda: house.worker.broken_invariants == 2)
    assert house.log.events[0][0] == "crit"
    link.close()


# attempts and whole sessions


def test_octets_go_through_both_ways_and_a_server_that_is_away_is_refused(house):
    client = house.client()
    house.until(lambda: house.server.served)
    server, _ = house.origin.accept()
    house.kept.append(server)
    server.settimeout(5)
    client.sendall(b"question")
    house.until(lambda: readable(server))
    assert server.recv(100) == b"question"
    server.sendall(b"answer")
    house.until(lambda: readable(client))
    assert client.recv(100) == b"answer"
    server.close()
    client.close()
    house.until(lambda: not house.worker.sessions)
    house.origin.close()
    house.backend.retries = 0
    house.until(lambda: not house.worker.closing_links)
    other = house.client()
    house.until(lambda: readable(other))
    assert other.recv(1) == b""
    assert house.process.served == house.server.served == 0


def readable(one: socket.socket) -> bool:
    """Something has come."""
    return bool(select.select([one], [], [], 0)[0])


def test_what_a_client_has_said_reaches_its_server_in_the_batch_that_accepts_it(house):
    clients = [house.client() for _ in range(3)]
    for number, client in enumerate(clients):
        client.sendall(b"octets of %d" % number)
    house.worker.readiness._tell()
    heard = []
    for _ in clients:
        server, _ = house.origin.accept()
        house.kept.append(server)
        server.settimeout(5)
        heard.append(server.recv(100))
    assert heard == [b"octets of 0", b"octets of 1", b"octets of 2"]


def test_a_link_that_was_closed_at_once_hears_nothing_of_who_has_its_descriptor_now(house):
    link, owner, far = house.pair()
    far.sendall(b"octets")
    link.close()
    with socket.socket() as other:                      # the lowest free number
        link.ready(READ)
        assert other.fileno() >= 0
    assert (owner.came, owner.told) == (b"", [])


def test_a_client_that_says_nothing_yet_is_connected_and_heard_later(house):
    client = house.client()
    house.worker.readiness._tell()
    server, _ = house.origin.accept()
    house.kept.append(server)
    server.settimeout(5)
    client.sendall(b"later")
    house.turns()
    assert server.recv(100) == b"later"


def test_an_attempt_that_cannot_even_begin_is_told_later(house):
    for sockaddr, expected in ((None, "refused"), (("127.0.0.1", 1), "refused")):
        house.server.sockaddr = sockaddr
        owner = Owner()
        house.worker.connect(house.server, owner, 0, b"")
        assert owner.told == []
        house.until(lambda owner=owner: owner.told)
        assert owner.told == [expected]


def test_an_attempt_from_an_address_that_is_not_ours_is_our_own_fault(house):
    house.server.source = ("192.0.2.1", 0)
    owner = Owner()
    house.worker.connect(house.server, owner, 0, b"")
    house.until(lambda: owner.told)
    assert owner.told == ["starved"]


def test_a_cancelled_attempt_tells_nobody(house):
    owner = Owner()
    house.worker.connect(house.server, owner, 0, b"").cancel()
    house.server.sockaddr = None
    attempt = house.worker.connect(house.server, owner, 0, b"")
    attempt.cancel()
    attempt.cancel()
    house.turns()
    assert owner.told == []


def test_a_proxy_header_is_written_first_and_the_port_may_be_another(house):
    owner = Owner()
    house.server.source = ("127.0.0.2", 0)
    house.backend.tcpka = True
    port = house.server.sockaddr[1]
    house.server.sockaddr = ("127.0.0.1", 1)
    house.worker.connect(house.server, owner, port, b"PROXY")
    house.until(lambda: owner.told)
    server, peer = house.origin.accept()
    house.kept.append(server)
    assert owner.told == ["connected"]
    assert peer[0] == "127.0.0.2"
    assert server.recv(100) == b"PROXY"
    assert owner.link.local_address() == peer
    owner.link.close()


# accepting


def tear(client: socket.socket) -> None:
    """The client resets its connection."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    client.close()


def full(house: House) -> bool:
    return house.frontend.served == 1


@pytest.mark.parametrize("limit", ["process", "frontend", "listener"])
def test_a_limit_leaves_clients_in_the_backlog_until_there_is_room(house, limit):
    {"process": house.process, "frontend": house.frontend, "listener": house.listener}[limit].maxconn = 1
    first, second = house.client(), house.client()
    house.until(lambda: full(house))
    house.turns()
    assert house.frontend.served == 1
    tear(first)
    house.until(lambda: house.frontend.counters[CONN_TOT] == 2)
    tear(second)
    house.until(lambda: not house.worker.sessions)


def test_a_rate_limit_rests_for_a_moment(house):
    house.frontend.rate_limit_sessions = 1
    house.client()
    house.client()
    house.until(lambda: full(house))
    house.turns()
    assert house.frontend.served == 1
    house.passes(2_500)
    house.until(lambda: house.frontend.served == 2)


@contextlib.contextmanager
def no_descriptors(house):
    """None is free but those that uvloop takes for itself whenever it runs, whatever holes there were below."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    its_own = 2 if isinstance(house.worker.loop, uvloop.Loop) else 0
    highest = descriptors()[-1]
    taken = [os.dup(0)]
    while taken[-1] <= highest + its_own:
        taken.append(os.dup(0))
    limit = taken[-1] + 1
    for _ in range(its_own):
        os.close(taken.pop())
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for number in taken:
            os.close(number)


def test_without_descriptors_accepting_rests_and_recovers(house):
    (acceptor,) = house.worker._acceptors
    house.frontend.log = house.log
    house.client()
    with no_descriptors(house):
        house.until(lambda: not acceptor._open)
        house.turns()
        assert not acceptor._open, "no busy loop"
        assert house.log.events[0][0] == "emerg"
        house.passes(110)
        house.until(lambda: not acceptor._open)
        assert len(house.log.events) == 1, "told once a second"
        assert house.frontend.served == 0
    house.passes(110)
    house.until(lambda: house.frontend.served == 1)


def test_without_descriptors_who_connects_waits_for_one_and_who_comes_is_not_let_in(house):
    house.client()
    owners, attempts = [Owner() for _ in range(PUT_BY + 2)], []
    with no_descriptors(house):
        house.once(lambda: attempts.extend(house.worker.connect(house.server, owner, 0, b"") for owner in owners))
        for owner in owners[:PUT_BY]:       # what was put by is theirs
            house.until(lambda owner=owner: owner.told == ["connected"])
        attempts[-1].cancel()
        house.once(lambda: house.passes(RETRY_MS))
        house.turns()
        assert [owner.told for owner in owners[PUT_BY:]] == [[]] * 2
        assert house.frontend.served == 0
    house.once(lambda: house.passes(RETRY_MS))
    house.until(lambda: owners[PUT_BY].told == ["connected"])
    house.passes(110)
    house.until(lambda: house.frontend.served == 1)
    assert owners[-1].told == []
    for owner in owners[:-1]:
        owner.link.abort()


def test_so_many_clients_that_each_can_have_a_server(house):
    for _ in range(3):
        house.client()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (house.worker.starving._besides + 5, hard))
    try:
        house.passes(LOOK_MS)
        house.until(lambda: house.frontend.served == 2)
        house.turns()
        assert (house.frontend.served, house.worker.clients_max) == (2, 2)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    house.passes(LOOK_MS)
    next(iter(house.worker.sessions)).shut(KILLED)
    house.until(lambda: house.frontend.served == 2)
    assert house.worker.clients_max > 100


def test_a_client_that_has_gone_already_is_passed_over(house):
    class Aborted:
        def __init__(self, real):
            self.real, self.first = real, True

        def accept(self):
            if self.first:
                self.first = False
                raise OSError(errno.ECONNABORTED, "gone")
            return self.real.accept()

        def close(self):
            self.real.close()

    acceptor = house.worker._acceptors[0]
    acceptor.socket = Aborted(acceptor.socket)
    house.client()
    house.until(lambda: house.frontend.served == 1)


def test_pause_and_resume_of_listening(loop):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    house = House(loop, port).start()
    house.worker.pause()
    with pytest.raises(ConnectionRefusedError):
        house.client()
    house.worker.resume()
    house.client()
    house.until(lambda: house.frontend.served == 1)
    house.close()


# stopping


def test_a_soft_stop_takes_the_backlog_serves_it_and_then_is_stopped(house):
    house.frontend.maxconn = 1
    first, second = house.client(), house.client()
    house.until(lambda: full(house))
    house.worker.soft_stop()
    assert house.frontend.served == 2, "who waited is let in, whatever the limits"
    assert not house.stopped
    with pytest.raises(ConnectionRefusedError):
        house.client()
    tear(first)
    tear(second)
    house.until(lambda: house.stopped)
    assert house.stopped == [True]


def test_a_soft_stop_waits_for_the_last_octets(house):
    client = house.client()
    house.until(lambda: house.server.served)
    server, _ = house.origin.accept()
    house.kept.append(server)
    server.sendall(b"x" * 1_000_000)
    server.close()
    size = 0
    house.turns()
    house.worker.soft_stop()
    client.setblocking(False)

    def drain() -> object:
        nonlocal size
        try:
            size += len(client.recv(1 << 20))
        except BlockingIOError:
            return False
        if size == 1_000_000:
            client.close()
        return size == 1_000_000

    house.until(drain)
    house.until(lambda: house.stopped)


def test_a_hard_stop_ends_everything_now(house):
    client = house.client()
    house.until(lambda: house.frontend.served == 1)
    link, _, _ = house.pair()
    link.send(b"x" * 4_000_000)
    link.close()
    house.worker.hard_stop()
    assert house.stopped == [True]
    assert client.recv(1) == b""


def test_one_frontend_may_be_stopped(house):
    house.worker.stop_frontend(house.frontend)
    assert house.frontend.stopped
    with pytest.raises(ConnectionRefusedError):
        house.client()


def test_a_broken_invariant_ends_one_session_and_is_counted(house):
    first, second = house.client(), house.client()
    house.until(lambda: house.frontend.served == 2)
    broken, fine = list(house.worker.sessions)
    house.worker.broken(broken, ValueError("bug"))
    assert broken.closed
    assert not fine.closed
    assert house.frontend.counters[EINT] == 1
    assert house.worker.broken_invariants == 1
    first.close()
    second.close()


# listening


def bound(address: Address, **bind: object) -> tuple[Listener, socket.socket]:
    listener = Listener(Frontend("fe", 1), 1, address)
    if bind:
        defaults = {"v4v6": False, "interface": "", "transparent": False, "mss": 0, "defer_accept": False, "tfo": False,
                    "mode": None, "user": "", "group": "", "uid": None, "gid": None, "v6only": False, "backlog": 0}
        listener.bind = type("Bind", (), defaults | bind)()
    return listener, open_listener(listener)


def test_a_unix_socket_has_its_mode_and_replaces_a_stale_file(tmp_path, loop):
    path = tmp_path / "front.sock"
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(str(path))
    stale.close()
    house = House(loop, address=Address(Family.UNIX, str(path))).start()
    client = house.client()
    house.until(lambda: house.frontend.served == 1)
    session = next(iter(house.worker.sessions))
    assert (session.peer_address, session.peer_port) == ("unix:1", 0)
    client.close()
    house.close()
    _, sock = bound(Address(Family.UNIX, str(path)), mode=0o600)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["front.sock"]
    sock.close()


def test_an_abstract_socket_and_an_inherited_one():
    _, sock = bound(Address(Family.ABSTRACT, f"pyproxy-test-{os.getpid()}"))
    assert sock.getsockname() == (b"\0pyproxy-test-%d" % os.getpid()).ljust(108, b"\0")
    sock.close()
    made = socket.create_server(("127.0.0.1", 0))
    listener, sock = bound(Address(Family.DESCRIPTOR, str(made.fileno())))
    assert listener.bound == made.getsockname()
    sock.close()
    made.close()


def test_an_address_in_use_names_its_holder():
    holder = socket.socket()
    holder.bind(("127.0.0.1", 0))
    holder.listen()
    port = holder.getsockname()[1]
    with pytest.raises(BindError, match="Address already in use") as caught:
        bound(Address(Family.IPV4, "127.0.0.1", port))
    assert caught.value.address_in_use
    assert f"(pid {os.getpid()})" in caught.value.hint
    assert who_holds(port).endswith(f"(pid {os.getpid()})")
    holder.close()
    assert who_holds(port) == ""


def test_every_listener_that_fails_is_told_with_its_line_and_none_stays_open(tmp_path):
    holder = socket.create_server(("127.0.0.1", 0))
    port = holder.getsockname()[1]
    frontend = Frontend("fe", 1)
    free = Listener(frontend, 1, Address(Family.IPV4, "127.0.0.1", 0))
    taken = Listener(frontend, 2, Address(Family.IPV4, "127.0.0.1", port))
    taken.bind = Bind(taken.address, where=Where("x.cfg", 7, 2))
    lost = Listener(frontend, 3, Address(Family.UNIX, str(tmp_path / "gone" / "front.sock")))
    lost.bind = Bind(lost.address, where=Where("x.cfg", 8, 2))
    with pytest.raises(StartError) as caught:
        open_listeners([free, taken, lost], 1, Inherited())
    assert [fault.message for fault in caught.value.faults] == [
        f"Binding [x.cfg:7] for proxy fe: cannot bind socket (Address already in use) for [127.0.0.1:{port}]",
        f"Binding [x.cfg:8] for proxy fe: cannot bind UNIX socket (No such file or directory) [{lost.address.host}]",
    ]
    assert [fault.hint.split()[0] for fault in caught.value.faults] == ["the", "mkdir"]
    assert caught.value.address_in_use
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(free.bound)
    holder.close()


@pytest.mark.parametrize("number", ["987", "FILE"])
def test_a_descriptor_that_is_no_socket_is_found_by_a_check_too(number, tmp_path):
    with open(tmp_path / "file", "wb") as file:
        address = Address(Family.DESCRIPTOR, number.replace("FILE", str(file.fileno())))
        with pytest.raises(BindError, match="cannot use file descriptor") as caught:
            bound(address)
        assert "listening socket" in caught.value.hint
        with pytest.raises(StartError, match="cannot use file descriptor"):
            rehearse_listeners([Listener(Frontend("fe", 1), 1, address)])


def test_nothing_is_left_of_a_socket_that_cannot_be_put_in_its_place(tmp_path):
    (tmp_path / "front").mkdir()
    with pytest.raises(BindError, match="Is a directory"):
        bound(Address(Family.UNIX, str(tmp_path / "front")))
    with pytest.raises(BindError, match="nosuch"):
        bound(Address(Family.UNIX, str(tmp_path / "other")), user="nosuch")
    assert [entry.name for entry in tmp_path.iterdir()] == ["front"]


@pytest.mark.root
def test_a_unix_socket_is_given_away_by_number(tmp_path):
    _, sock = bound(Address(Family.UNIX, str(tmp_path / "front")), uid=65534, gid=65533)
    status = (tmp_path / "front").stat()
    assert (status.st_uid, status.st_gid) == (65534, 65533)
    sock.close()


@pytest.mark.parametrize(("words", "message"), [
    ({"interface": "nosuch0"}, "cannot bind receiver to device 'nosuch0'"), ({"mss": 1}, "cannot set MSS to 1"),
])
def test_an_option_that_the_system_refuses_is_named(words, message):
    with pytest.raises(BindError, match=message):
        bound(Address(Family.IPV4, "127.0.0.1", 0), **words)


def test_an_address_of_another_machine_is_explained():
    with pytest.raises(BindError, match="cannot bind socket") as caught:
        bound(Address(Family.IPV4, "192.0.2.1", 0))
    assert "ip addr" in caught.value.hint


def test_a_failed_bind_leaves_nothing_open(loop):
    house = House(loop)
    house.frontend.listeners.append(Listener(house.frontend, 2, Address(Family.IPV4, "192.0.2.1", 0)))
    with pytest.raises(StartError):
        house.worker.bind()
    with pytest.raises(ConnectionRefusedError):
        house.client()
    house.close()


def test_an_ipv4_client_of_an_ipv6_socket_is_shown_as_what_it_is():
    assert as_shown(("::ffff:192.0.2.1", 80, 0, 0)) == ("192.0.2.1", 80)
    assert as_shown(("::1", 80, 0, 0)) == ("::1", 80)
