"""Octets by way of a pipe: every end in the middle of a pipe-full, and a pipe that cannot be had.

The links are told by hand what is ready: no loop turns.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import select
import signal
import socket
import struct
from collections.abc import Callable, Iterator

import pytest
import uvloop

from proxy.base.clock import SystemClock
from proxy.core.stream.ports import ALL_OCTETS, BODY_READ_OCTETS, HEAD_READ_OCTETS, Received
from proxy.engine.link import SocketLink
from proxy.engine.piping import LEAST_PIPE_OCTETS, PIPE_OCTETS, PIPED_OCTETS, RETRY_MS, Pipe
from proxy.engine.tracing import TracingWorker
from proxy.runtime.process import Process
from tests.unit.engine.house import House, Owner, tcp_pair

RESET = struct.pack("ii", 1, 0)
CONTENT = bytes(range(251)) * 8000          # longer than a pipe-full; 251 is prime: what is lost or doubled shows


@pytest.fixture
def house() -> Iterator[House]:
    loop = uvloop.new_event_loop()
    made = House(loop).start()
    yield made
    made.close()
    loop.close()


def pipes() -> int:
    """How many descriptors of pipes this process has."""
    found = 0
    for fd in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):        # the one that lists them
            found += os.readlink(f"/proc/self/fd/{fd}").startswith("pipe:")
    return found


class Relay(Owner):
    """Sends on what comes, and notes which way each piece came."""

    def __init__(self, source: SocketLink, sink: SocketLink) -> None:
        super().__init__()
        self.source, self.sink = source, sink
        self.ways: list[tuple[str, int]] = []
        self.take: Callable[[Received], bool] = sink.send

    def octets(self, received: Received) -> None:
        self.ways.append(("pipe" if isinstance(received, Pipe) else "memory", len(received)))
        if not self.take(received):
            self.source.pause(1)

    def drained(self) -> None:
        self.told.append("drained")
        self.source.resume(1)

    @property
    def piped(self) -> int:
        return sum(count for way, count in self.ways if way == "pipe")


class Line:
    """Two links in a row: `feeding` --> source, sink --> `taking`; large pieces have flowed already."""

    def __init__(self, house: House, unseen: int = ALL_OCTETS) -> None:
        self.house = house
        house.origin.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 400_000)       # all that a test feeds has room there
        self.source, self.feeding = tcp_pair(house)
        self.sink, self.taking = tcp_pair(house)
        self.relay = Relay(self.source, self.sink)
        self.source.belongs_to(self.relay)
        self.sink.belongs_to(self.relay)
        self.out = b""
        self.warm()
        self.source.limit_reads(BODY_READ_OCTETS)
        self.source.pass_unseen(unseen)

    def warm(self) -> None:
        self.source.limit_reads(BODY_READ_OCTETS)
        self.feeds(bytes(PIPED_OCTETS))
        self.reads()
        self.takes()
        self.out = b""
        self.relay.ways.clear()

    def feeds(self, octets: bytes) -> None:
        """Have so much waiting at the source."""
        self.feeding.settimeout(5)
        self.feeding.sendall(octets)
        self.feeding.setblocking(False)

    def reads(self) -> None:
        """The source is told that it can be read, as long as it wants to know (it says so when a turn of the loop is over)."""
        if not self.relay.told:
            self.source.ready(select.EPOLLIN)

    def takes(self) -> None:
        """The far end takes what is there."""
        try:
            while octets := self.taking.recv(1 << 20):
                self.out += octets
        except (BlockingIOError, ConnectionResetError):
            return

    def writes(self) -> None:
        """The sink is told that it can be written to."""
        self.sink.ready(select.EPOLLOUT)

    def drains(self) -> None:
        """The far end takes all that there is, also what is pending."""
        for _ in range(1000):
            self.takes()
            self.writes()
            if not self.sink.pending:
                break
        assert self.sink.pending == 0
        self.takes()

    def close(self) -> None:
        self.source.abort()
        self.sink.abort()


@pytest.fixture
def line(house: House) -> Iterator[Line]:
    made = Line(house)
    yield made
    made.close()


def test_a_large_piece_goes_by_the_pipe_and_a_small_one_by_memory(line):
    line.feeds(CONTENT[:100_000])
    line.reads()
    line.takes()
    assert line.relay.ways == [("pipe", 100_000)]
    assert line.out == CONTENT[:100_000]
    assert line.house.worker.pipe.left == 0
    assert line.sink.pending == 0
    for _ in range(4):
        line.feeds(b"x")
        line.reads()                            # another large one was expected, four times
    line.feeds(CONTENT[:PIPED_OCTETS])
    line.reads()
    line.feeds(CONTENT[:PIPED_OCTETS])
    line.reads()
    assert [way for way, _ in line.relay.ways] == ["pipe"] * 5 + ["memory", "pipe"]


def test_before_large_pieces_have_come_or_where_each_octet_is_looked_at_nothing_is_piped(house):
    line = Line(house, unseen=0)
    line.feeds(CONTENT[:100_000])
    line.reads()
    assert line.relay.ways == [("memory", 100_000)]
    line.source.pass_unseen(ALL_OCTETS)
    line.source.limit_reads(BODY_READ_OCTETS)       # said anew: nothing may pass unseen
    line.feeds(CONTENT[:100_000])
    line.reads()
    assert line.relay.piped == 0
    line.close()


def test_of_a_body_with_a_length_no_more_than_that_is_piped_and_what_is_behind_it_comes_in_order(line):
    line.source.pass_unseen(150_000)
    line.feeds(CONTENT[:200_000])
    while sum(count for _, count in line.relay.ways) < 200_000:
        line.reads()
        line.takes()
    assert line.relay.piped <= 150_000
    assert ("pipe", BODY_READ_OCTETS) in line.relay.ways
    assert line.out == CONTENT[:200_000]


def test_a_body_that_ends_in_the_pipe_is_filled_to_its_end(line):
    """Whoever keeps the connection has to ask the kernel whether there is more."""
    line.source.pass_unseen(100_000)
    line.feeds(CONTENT[:100_001])
    line.reads()
    assert line.relay.ways == [("pipe", 100_000)]
    assert line.source.is_filled
    assert not line.source.is_alive()
    line.reads()
    assert line.relay.ways[1:] == [("memory", 1)]
    assert not line.source.is_filled


def test_what_the_taker_does_not_take_is_pending_in_memory_and_the_rest_follows_in_order(house):
    line = Line(house)
    filled = 0
    while line.sink.send(b"-" * 16384):
        filled += 16384
    filled += 16384
    line.source.limit_reads(BODY_READ_OCTETS)
    line.source.pass_unseen(ALL_OCTETS)
    line.feeds(CONTENT[:100_000])
    line.reads()
    assert line.relay.ways == [("pipe", 100_000)]
    assert house.worker.pipe.left == 0
    waiting = line.sink.pending
    assert waiting > 100_000                        # all of it waits behind what waits already
    line.taking.settimeout(5)
    while len(line.out) < filled // 2:
        line.out += line.taking.recv(1 << 20)
    line.taking.setblocking(False)
    line.feeds(CONTENT[:50_000])
    line.reads()                                    # although there is room now
    assert line.sink.pending == waiting
    line.source.resume(1)
    line.reads()
    assert line.sink.pending == waiting + 50_000
    line.drains()
    assert line.out == b"-" * filled + CONTENT[:100_000] + CONTENT[:50_000]
    assert line.relay.told == ["drained"]
    line.close()


def test_a_taker_with_a_little_room_takes_that_and_the_rest_is_pending(house):
    line = Line(house)
    sizes = []
    line.source.limit_reads(BODY_READ_OCTETS)
    for _ in range(1000):
        if line.sink.pending:
            break
        line.source.limit_reads(BODY_READ_OCTETS)   # as if nothing were known of the taker's room
        line.source.pass_unseen(ALL_OCTETS)
        line.feeds(CONTENT[:100_000])
        line.reads()
        sizes.append(line.sink.pending)
    assert 0 < sizes[-1] <= 100_000
    assert line.relay.ways[-1] == ("pipe", 100_000)
    assert house.worker.pipe.left == 0
    line.drains()
    assert line.out == CONTENT[:100_000] * len(sizes)
    line.close()


def test_a_taker_that_has_reset_the_connection_costs_its_own_octets_only(house):
    line, other = Line(house), Line(house)
    line.taking.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    line.taking.close()
    line.feeds(CONTENT[:100_000])
    line.reads()
    assert line.relay.ways == [("pipe", 100_000)]
    assert house.worker.pipe.left == 0
    line.sink.ready(select.EPOLLIN)
    assert line.relay.told == ["lost"]
    other.feeds(CONTENT[:100_000])
    other.reads()
    other.takes()
    assert other.relay.ways == [("pipe", 100_000)]
    assert other.out == CONTENT[:100_000]
    line.close()
    other.close()


@pytest.mark.parametrize("how", ["half-close", "reset"])
def test_what_came_before_an_end_is_sent_on_and_the_end_is_told(line, how):
    line.feeds(CONTENT[:100_000])
    if how == "reset":
        line.feeding.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        line.feeding.close()
    else:
        line.feeding.shutdown(socket.SHUT_WR)
    for _ in range(3):
        line.reads()
        line.takes()
    assert line.relay.told == ["lost" if how == "reset" else "ended"]
    if how == "half-close":
        assert line.relay.ways[0] == ("pipe", 100_000)
    assert line.out == CONTENT[:sum(count for _, count in line.relay.ways)]


def test_an_urgent_octet_is_passed_over_as_without_a_pipe(line):
    """splice stops in front of it for ever: who would wait for the pipe would wait, and be woken, for ever."""
    line.feeds(CONTENT[:50_000])
    line.feeding.send(b"!", socket.MSG_OOB)
    line.feeds(CONTENT[50_000:100_000])
    line.feeding.shutdown(socket.SHUT_WR)
    for _ in range(20):
        line.reads()
        line.takes()
    assert line.out == CONTENT[:100_000]
    assert line.relay.told == ["ended"]


def test_where_sigpipe_would_end_the_process_nothing_is_piped(line):
    before = signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        line.feeds(CONTENT[:100_000])
        line.reads()
        assert line.relay.ways == [("memory", 100_000)]
    finally:
        signal.signal(signal.SIGPIPE, before)
    line.feeds(CONTENT[:100_000])
    line.reads()
    assert line.relay.ways[1:] == [("pipe", 100_000)]


def test_a_taker_that_is_closed_gets_nothing_although_its_descriptor_is_somebody_elses_now(house):
    line = Line(house)
    line.sink.abort()
    other = Line(house)                             # has the lowest descriptors that are free
    line.feeds(CONTENT[:100_000])
    line.reads()
    assert line.relay.ways == [("pipe", 100_000)]
    assert other.source.is_alive()                  # there and silent
    assert other.sink.is_alive()
    for far in (other.feeding, other.taking):
        with pytest.raises(BlockingIOError):
            far.recv(1)
    assert house.worker.pipe.left == 0
    line.close()
    other.close()


def test_octets_that_nobody_takes_are_gone_with_the_event(line):
    line.relay.take = lambda received: True
    line.feeds(CONTENT[:100_000])
    line.reads()
    assert line.house.worker.pipe.left == 0
    line.relay.take = line.sink.send
    line.feeds(b"-" * 100_000)
    line.reads()
    line.takes()
    assert [way for way, _ in line.relay.ways] == ["pipe", "pipe"]
    assert line.out == b"-" * 100_000


def test_octets_for_nobody_do_not_stay_in_the_pipe(line):
    line.source.owner = None
    line.feeds(CONTENT[:100_000])
    line.reads()
    assert line.house.worker.pipe.left == 0


def test_an_owner_that_fails_leaves_an_empty_pipe(line):
    line.relay.take = lambda received: 1 / 0
    line.feeds(CONTENT[:100_000])
    line.reads()
    assert line.house.worker.broken_invariants == 1
    assert line.house.worker.pipe.left == 0


def test_who_looks_at_octets_has_them_and_they_are_sent_all_the_same(line):
    seen = []

    def look(received: Received) -> bool:
        seen.append((received[:3], bytes(received), len(received)))
        return line.sink.send(received)

    line.relay.take = look
    line.feeds(CONTENT[:100_000])
    line.reads()
    line.takes()
    assert line.relay.piped == 100_000
    assert seen == [(CONTENT[:3], CONTENT[:100_000], 100_000)]
    assert line.out == CONTENT[:100_000]


def test_after_large_bodies_a_head_is_read_alone(line):
    for _ in range(10):
        line.feeds(CONTENT[:BODY_READ_OCTETS])
        line.reads()
        line.takes()
    assert line.relay.piped == 10 * BODY_READ_OCTETS
    assert line.source.reads_at_once() > BODY_READ_OCTETS       # the taker's kernel has told what it has room for
    line.source.read_for(line.sink, 0)
    assert line.source.reads_at_once() == HEAD_READ_OCTETS
    line.house.worker.pipe.give_up()
    line.feeds(CONTENT[:BODY_READ_OCTETS])
    line.source.limit_reads(BODY_READ_OCTETS)
    line.reads()
    line.source.read_for(line.sink, 0)
    assert line.source.reads_at_once() >= BODY_READ_OCTETS      # there is no pipe for what is behind it


# a pipe that cannot be had, or not as large


def pipe_of(content: bytes, now_ms: int = 0) -> tuple[Pipe, int]:
    """A pipe that is asked to take these octets from a socket, and how many it took."""
    pipe = Pipe()
    near, far = socket.socketpair()
    with near, far:
        far.sendall(content)
        return pipe, pipe.fill(near.fileno(), len(content), now_ms)


def test_a_pipe_has_its_descriptors_from_the_first_large_piece_on_until_the_worker_stops(house):
    before = pipes()
    line = Line(house)
    assert pipes() == before
    line.feeds(CONTENT[:100_000])
    line.reads()
    line.feeds(CONTENT[:100_000])
    line.reads()
    line.close()
    assert pipes() == before + 2
    house.close()
    assert pipes() == before


def test_without_descriptors_there_is_none_for_a_while(monkeypatch):
    pipe, real = Pipe(), os.pipe2
    asked = []

    def none_left(flags: int) -> tuple[int, int]:
        asked.append(flags)
        raise OSError(errno.EMFILE, "too many open files")

    monkeypatch.setattr(os, "pipe2", none_left)
    near, far = socket.socketpair()
    with near, far:
        far.sendall(b"octets")
        assert pipe.fill(near.fileno(), 6, 5_000) == 0
        assert pipe.fill(near.fileno(), 6, 5_000 + RETRY_MS - 1) == 0
        assert len(asked) == 1
        monkeypatch.setattr(os, "pipe2", real)
        assert pipe.fill(near.fileno(), 6, 5_000 + RETRY_MS) == 6
        assert bytes(pipe) == b"octets"
    pipe.clear()
    pipe.give_up()


@pytest.mark.parametrize("granted", [PIPE_OCTETS // 2, LEAST_PIPE_OCTETS, 0])
def test_where_pages_are_used_up_the_pipe_is_smaller_or_not_there(granted, monkeypatch):
    real = fcntl.fcntl

    def limited(fd: int, command: int, size: int) -> int:
        if command == fcntl.F_SETPIPE_SZ and size > granted:
            raise OSError(errno.EPERM, "not permitted")
        return real(fd, command, size)

    monkeypatch.setattr(fcntl, "fcntl", limited)
    before = pipes()
    pipe, count = pipe_of(b"octets")
    assert count == (6 if granted else 0)
    assert not pipe.is_given_up
    if granted:
        assert pipe.size == granted
        pipe.rest()
    pipe.give_up()
    assert pipes() == before


def test_what_cannot_be_spliced_gives_the_pipe_up_for_good_and_nothing_is_lost(tmp_path):
    before = pipes()
    pipe = Pipe()
    with select.epoll() as epoll:
        assert pipe.fill(epoll.fileno(), 100, 0) == 0       # EINVAL
    assert pipe.is_given_up
    assert pipes() == before
    pipe, count = pipe_of(CONTENT[:100_000])
    assert count == 100_000
    appending = os.open(tmp_path / "file", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    assert pipe.pour(appending) == 100_000                  # EINVAL
    os.close(appending)
    assert pipe.is_given_up
    assert pipe.rest() == CONTENT[:100_000]
    pipe.clear()
    assert pipes() == before


def test_errors_of_the_connection_are_the_connections(house):
    pipe, count = pipe_of(b"octets")
    near, far = socket.socketpair()
    far.close()
    with near, pytest.raises(BrokenPipeError):
        pipe.pour(near.fileno())
    assert not pipe.is_given_up
    assert pipe.left == count == 6
    pipe.clear()
    pipe.give_up()


def test_a_pipe_that_is_given_up_while_it_is_full_keeps_its_octets_until_the_event_is_over():
    before = pipes()
    pipe, _ = pipe_of(b"octets")
    pipe.give_up()
    assert bytes(pipe) == b"octets"
    pipe.clear()
    assert pipes() == before
    assert len(pipe) == 0


def test_octets_that_have_been_sent_are_not_there_any_more():
    pipe, _ = pipe_of(b"octets")
    near, far = socket.socketpair()
    with near, far:
        assert pipe.pour(near.fileno()) == 0
        assert far.recv(10) == b"octets"
    with pytest.raises(AssertionError, match="have been sent"):
        bytes(pipe)
    pipe.clear()
    pipe.give_up()


def test_who_looks_at_everything_pipes_nothing():
    assert TracingWorker(Process(), SystemClock(), lambda line: None).pipe.is_given_up
