"""Machine code and sources are one program: system calls on sockets, and turns."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import signal
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.property.sources import both_builds, compiled, from_sources

NAMES = ("proxy.engine.calls", "proxy.runtime.turn")
SOURCES, MACHINE = from_sources(*NAMES), compiled(*NAMES)
BUILDS = (SOURCES, MACHINE)
SIZES = st.sampled_from([0, 1, 2, 100, 16383, 16384, 16385, 65536, 300_000]) | st.integers(0, 70_000)
SCRATCH = 65536

pytestmark = both_builds


def outcome(call: Callable[..., Any], *arguments: Any) -> Any:
    """What a call gives, or which error of the system it raises."""
    try:
        return call(*arguments)
    except OSError as error:
        return type(error), error.errno


class Pair:
    """Two sockets that are connected, and one build's way to use them."""

    def __init__(self, build: Any) -> None:
        self.calls = build.calls
        self.ends = socket.socketpair()
        for end in self.ends:
            end.setblocking(False)
        self.scratch = self.calls.Scratch(SCRATCH)
        self.pipe = os.pipe2(os.O_NONBLOCK)

    def close(self) -> None:
        for end in self.ends:
            end.close()
        for end in self.pipe:
            os.close(end)

    def do(self, kind: str, side: int, size: int) -> Any:
        end = self.ends[side]
        fd = end.fileno()
        if kind == "send":
            return outcome(self.calls.send, end, fd, bytes(index & 255 for index in range(min(size, 300))) * (1 + size // 300))
        if kind == "send view":
            return outcome(self.calls.send, end, fd, memoryview(bytes(size)))
        if kind == "send both":
            return outcome(self.calls.send_both, end, fd, b"head", memoryview(bytes(size)))
        if kind == "fill":
            return outcome(self.calls.splice, fd, self.pipe[1], size)
        if kind == "pour":
            return outcome(self.calls.splice, self.pipe[0], fd, size)
        if kind == "room":
            return outcome(self.calls.room, end, fd)
        if kind == "receive":
            got = outcome(self.calls.receive, end, fd, self.scratch, min(max(1, size), SCRATCH))
            return (type(got), bytes(got)) if isinstance(got, bytes | memoryview) else got
        if kind == "end":
            return outcome(end.shutdown, socket.SHUT_WR)
        self.calls.close(end)
        return self.calls.descriptor(end)


@given(st.lists(st.tuples(
    st.sampled_from(["send", "send", "send view", "send both", "fill", "fill", "pour", "room", "receive", "receive", "receive",
                     "end", "close"]),
    st.integers(0, 1), SIZES), max_size=10))
def test_octets_come_and_go_alike(steps: list[tuple[str, int, int]]) -> None:
    pairs = [Pair(build) for build in BUILDS]
    try:
        for kind, side, size in steps:
            if pairs[0].ends[side].fileno() < 0:
                continue
            theirs, ours = (pair.do(kind, side, size) for pair in pairs)
            assert theirs == ours, (kind, side, size)
    finally:
        for pair in pairs:
            pair.close()


@pytest.mark.parametrize("build", BUILDS, ids=["sources", "machine code"])
def test_what_cannot_be_spliced_is_an_error(build: Any) -> None:
    read, write = os.pipe2(os.O_NONBLOCK)
    try:
        with select.epoll() as epoll:
            assert outcome(build.calls.splice, epoll.fileno(), write, 100) == (OSError, errno.EINVAL)
        assert outcome(build.calls.splice, 1 << 20, write, 100) == (OSError, errno.EBADF)
        with pytest.raises((ValueError, OSError)):
            build.calls.splice(read, write, -1)
    finally:
        os.close(read)
        os.close(write)


@pytest.mark.parametrize("build", BUILDS, ids=["sources", "machine code"])
def test_whether_sigpipe_is_ignored_is_known(build: Any) -> None:
    before = signal.getsignal(signal.SIGPIPE)
    try:
        for disposition, is_ignored in ((signal.SIG_DFL, False), (signal.SIG_IGN, True), (lambda *_: None, False)):
            signal.signal(signal.SIGPIPE, disposition)
            assert build.calls.ignores_sigpipe() is is_ignored
    finally:
        signal.signal(signal.SIGPIPE, before)


@pytest.fixture(scope="module")
def watched() -> Iterator[list[int]]:
    """Descriptors: two that can be read, two that cannot, one that is closed, one that cannot be watched."""
    pipes = [os.pipe() for _ in range(3)]
    for _, write in pipes[:2]:
        os.write(write, b"x")
    file = os.memfd_create("regular")
    yield [pipes[0][0], pipes[1][0], pipes[2][0], pipes[2][1], 1 << 20, file]
    os.close(file)
    for pipe in pipes:
        for fd in pipe:
            os.close(fd)


EVENTS = st.sampled_from([0, select.EPOLLIN, select.EPOLLOUT, select.EPOLLIN | select.EPOLLOUT])
POLLED = st.lists(
    st.tuples(st.sampled_from(["add", "add", "change"]), st.integers(0, 5), EVENTS)
    | st.tuples(st.just("remove"), st.integers(0, 5)) | st.tuples(st.just("wait"), st.integers(1, 300)), max_size=12)


@given(steps=POLLED)
def test_what_is_ready_is_told_alike(watched: list[int], steps: list[tuple[Any, ...]]) -> None:
    polls = [build.calls.Poll() for build in BUILDS]
    try:
        for kind, *what in steps:
            if kind == "wait":
                counts = [poll.wait(what[0]) for poll in polls]
                assert counts[0] == counts[1]
                told = [[(poll.ready_fd(at), poll.ready_events(at)) for at in range(counts[0])] for poll in polls]
                assert sorted(told[0]) == sorted(told[1]) or counts[0] == what[0]       # which ones, where not all were asked for
                for poll in polls:
                    with pytest.raises(IndexError):
                        poll.ready_fd(counts[0])
            else:
                theirs, ours = (outcome(getattr(poll, kind), watched[what[0]], *what[1:]) for poll in polls)
                assert theirs == ours, (kind, what)
    finally:
        for poll in polls:
            poll.close()


@pytest.fixture(scope="module")
def servers() -> Iterator[list[tuple[int, Any, socket.socket | None]]]:
    """Where one can connect to, by family; without a listening socket: where nobody is."""
    found: list[tuple[int, Any, socket.socket | None]] = []
    with contextlib.ExitStack() as stack:
        for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"), (socket.AF_UNIX, "")):
            listening = stack.enter_context(socket.socket(family, socket.SOCK_STREAM))
            listening.bind(f"\0twins-{os.getpid()}" if family == socket.AF_UNIX else (host, 0))
            found.append((family, listening.getsockname(), listening))
            listening.listen(16)
            listening.setblocking(False)
        refusing = stack.enter_context(socket.socket())
        refusing.bind(("127.0.0.1", 0))                 # not listening
        found.append((socket.AF_INET, refusing.getsockname(), None))
        found.append((socket.AF_INET, ("127.1", found[0][1][1]), found[0][2]))
        found.append((socket.AF_INET6, ("::1", found[1][1][1]), found[1][2]))
        yield found


def met(build: Any, family: int, address: Any, listening: socket.socket | None, keepalive: bool) -> Any:
    """Connect, accept, say a word each way: what that shows."""
    calls = build.calls
    begun = outcome(calls.begin_connect, family, address, keepalive)
    if not isinstance(begun, tuple) or not isinstance(begun[1], int) or isinstance(begun[0], type):
        return begun
    mine, error = begun
    shown = [error]
    try:
        if listening is None or error:
            return shown
        theirs, peer = calls.accept(listening, listening.fileno())
        assert calls.accept(listening, listening.fileno()) is None
        scratch = calls.Scratch(100)
        shown += [os.get_blocking(calls.descriptor(end)) for end in (mine, theirs)]
        shown += [os.get_inheritable(calls.descriptor(end)) for end in (mine, theirs)]
        if family != socket.AF_UNIX:        # whose names nobody asks for
            shown += [len(peer), peer == mine.getsockname(), theirs.getsockname() == listening.getsockname()]
            shown += [mine.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE),
                      mine.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)]
        shown.append(calls.send(mine, calls.descriptor(mine), b"hello"))
        shown.append(calls.receive(theirs, calls.descriptor(theirs), scratch, 100))
        shown.append(calls.receive(mine, calls.descriptor(mine), scratch, 100))
        theirs.shutdown(socket.SHUT_RDWR)
        shown.append(calls.receive(mine, calls.descriptor(mine), scratch, 100))
        calls.close(theirs)
        shown += [calls.descriptor(theirs), outcome(calls.accept, mine, calls.descriptor(mine))]
        return shown
    finally:
        mine.close()


@given(number=st.integers(0, 5), keepalive=st.booleans())
def test_connections_are_made_and_taken_alike(
    servers: list[tuple[int, Any, socket.socket | None]], number: int, keepalive: bool,
) -> None:
    assert met(SOURCES, *servers[number], keepalive) == met(MACHINE, *servers[number], keepalive)


@pytest.fixture(scope="module")
def daemons() -> Iterator[list[tuple[socket.socket, Any]]]:
    """Where datagrams can be sent to: sockets that receive them, and how they are addressed."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as four, socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as six:
        four.bind(("127.0.0.1", 0))
        six.bind(("::1", 0))
        for daemon in (four, six):
            daemon.setblocking(False)
        port = four.getsockname()[1]
        whole = six.getsockname()
        yield [(four, ("127.0.0.1", port)), (four, ("127.1", port)), (six, whole[:2]), (six, whole)]


@given(place=st.integers(0, 3), size=st.sampled_from([0, 1, 100, 9000, 65_507, 65_508, 100_000]) | st.integers(0, 2000))
def test_datagrams_are_sent_alike(daemons: list[tuple[socket.socket, Any]], place: int, size: int) -> None:
    daemon, address = daemons[place]
    received = []
    for build in BUILDS:
        with socket.socket(daemon.family, socket.SOCK_DGRAM) as sock:
            receiver = build.calls.Receiver(daemon.family, address)
            told = outcome(build.calls.send_datagram, sock, sock.fileno(), bytes(size), receiver)
            received.append((told, None if told else daemon.recv(1 << 17)))
    assert received[0] == received[1]


@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["take", "now", "pin"]), st.integers(0, 1 << 40)), max_size=12))
def test_turns_are_counted_alike(steps: list[tuple[int, str, int]]) -> None:
    turns = [[build.turn.Turn(), *build.turn.shared_turns(2)] for build in BUILDS]
    try:
        for place, kind, number in steps:
            if kind == "pin":
                for kept in turns:
                    kept[place].pinned = number if number & 1 else None
            elif kind == "take":
                count = 1 + number % 100
                assert turns[0][place].take(count) == turns[1][place].take(count)
            assert turns[0][place].now() == turns[1][place].now()
            assert turns[0][place].is_shared == turns[1][place].is_shared
    finally:
        for kept in turns:
            for turn in kept:
                turn.close()
