"""Whatever comes in whatever pieces, and however its taker pauses: by way of the pipe it is the same as by memory."""

from __future__ import annotations

import contextlib
import select
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvloop
from hypothesis import event, given
from hypothesis import strategies as st

from proxy.core.stream.ports import ALL_OCTETS, BODY_READ_OCTETS, HEAD_READ_OCTETS, Received
from proxy.engine.piping import PIPED_OCTETS, Pipe
from tests.unit.engine.house import House, Owner, tcp_pair

PERIOD = bytes(range(251))
SIZES = st.sampled_from([1, 1000, HEAD_READ_OCTETS, PIPED_OCTETS, BODY_READ_OCTETS, 300_000]) | st.integers(1, 200_000)
UNSEEN = st.sampled_from([0, PIPED_OCTETS, ALL_OCTETS, ALL_OCTETS]) | st.integers(0, 200_000)
STEPS = st.lists(
    st.tuples(st.sampled_from(["feed", "feed", "take"]), SIZES)
    | st.tuples(st.sampled_from(["read", "read", "read", "write"]), st.just(0))
    | st.tuples(st.just("permit"), UNSEEN), min_size=5, max_size=40)


class Way(Owner):
    """Two links in a row, one sends on what the other one reads."""

    def __init__(self, house: House, is_piped: bool) -> None:
        super().__init__()
        self.pipe: Pipe = house.worker.pipe
        self.source, self.feeding = tcp_pair(house)
        self.sink, self.taking = tcp_pair(house)
        self.is_piped = is_piped
        self.piped = self.unfed = self.fed = self.came = self.permitted = 0
        self.out = bytearray()
        self.has_ended = False
        self.source.belongs_to(self)
        self.sink.belongs_to(self)
        self.do("permit", ALL_OCTETS)

    def octets(self, received: Received) -> None:
        count = len(received)
        if isinstance(received, Pipe):
            assert count <= self.permitted, "more than may pass unseen"
            self.piped += count
        self.permitted = max(0, self.permitted - count)
        self.came += count
        if not self.sink.send(received):
            self.source.pause(1)

    def drained(self) -> None:
        self.source.resume(1)

    def do(self, kind: str, number: int) -> None:
        if kind == "feed":
            self.unfed += number
            self.feed()
        elif kind == "take":
            with contextlib.suppress(BlockingIOError):
                self.out += self.taking.recv(number)
        elif kind == "read" and not self.has_ended:
            self.source.ready(select.EPOLLIN)
        elif kind == "write":
            self.sink.ready(select.EPOLLOUT)
        elif kind == "permit":
            self.source.limit_reads(BODY_READ_OCTETS)       # as much as that at once, whatever is known of the taker's room
            self.permitted = number if self.is_piped else 0
            self.source.pass_unseen(self.permitted)
        assert self.pipe.left == 0, "something has stayed in the pipe"

    def feed(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self.unfed:
                at = self.fed % len(PERIOD)
                piece = (PERIOD * (2 + self.unfed // len(PERIOD)))[at : at + self.unfed]
                sent = self.feeding.send(piece)
                self.fed += sent
                self.unfed -= sent

    def ended(self) -> None:
        self.has_ended = True

    def to_the_end(self) -> bytes:
        """All that has been sent arrives, and then the end."""
        has_shut = False
        given_up_s = time.monotonic() + 30              # the kernel may take its time to tell of room
        while not (self.has_ended and len(self.out) == self.came == self.fed and not self.sink.pending):
            assert time.monotonic() < given_up_s, f"only {len(self.out)} of {self.fed} have arrived"
            self.feed()
            if not self.unfed and not has_shut:
                has_shut = True
                self.feeding.shutdown(socket.SHUT_WR)
            self.do("read", 0)
            self.do("write", 0)
            self.do("take", 1 << 20)
        return bytes(self.out)

    def close(self) -> None:
        for link in (self.source, self.sink):
            link.abort()
        self.feeding.close()
        self.taking.close()


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    loop = uvloop.new_event_loop()
    made = House(loop)
    made.origin.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 50_000)     # pieces leave in part, and wait
    made.start()
    yield made
    made.close()
    loop.close()


@given(steps=STEPS)
def test_octets_by_the_pipe_are_the_octets_by_memory(house: House, steps: list[tuple[str, int]]) -> None:
    ways: list[Any] = [Way(house, is_piped) for is_piped in (True, False)]
    try:
        for kind, number in steps:
            for way in ways:
                way.do(kind, number)
        piped, plain = ways
        assert piped.to_the_end() == plain.to_the_end() == (PERIOD * (1 + plain.fed // len(PERIOD)))[: plain.fed]
        assert piped.told == plain.told == []
        assert plain.piped == 0
        event("piped" if piped.piped else "by memory only")
    finally:
        for way in ways:
            way.close()
