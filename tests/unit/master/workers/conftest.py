"""A master and two workers in one process: the same configuration three times, on one board, with the lines between them."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import pytest

from proxy.build import build
from proxy.config.load import load
from proxy.engine.events import Announcer
from proxy.engine.worker import Worker
from proxy.master.workers.channel import Channel
from proxy.master.workers.orders import ORDERS, OrderFollower, OrderGiver
from proxy.runtime.process import MASTER_COLUMN, Process
from proxy.runtime.turn import Turn

HEAD = """\
defaults
    mode http
    timeout connect 1s
    timeout client 1s
    timeout server 1s
listen app
    bind 127.0.0.1:1
"""


class StoppedClock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now_ms = 1_000_000

    def monotonic_ms(self) -> int:
        return self.now_ms

    def wall_s(self) -> float:
        return 1e9


class Follower:
    """A worker, as far as orders are concerned."""

    def __init__(self, process: Process, clock: StoppedClock, number: int) -> None:
        process.take_column(number)
        self.process = process
        self.worker = Worker(process, clock)
        self.asked: list[str] = []
        self.soon: list[Callable[[], object]] = []
        self.orders = OrderFollower(
            self.worker, Announcer(self.worker.server_changed), number, lambda hard: self.asked.append(f"stop {hard}"),
            lambda: self.asked.append("memory"), lambda kind, *values: self.asked.append(f"{kind!r} {values}"))


class Crew:
    """The master's side and its workers; packets arrive at once."""

    def __init__(self, lines: str, workers: int = 2) -> None:
        self.clock = StoppedClock()
        configuration = load(text=HEAD + lines)
        self.process = build(configuration, self.clock, workers=workers)
        self.told: list[str] = []
        self.orders = OrderGiver(self.process, self._send)
        self.events = Announcer(self.orders.server_changed, lambda severity, text: self.told.append(text))
        self.followers: list[Follower] = []
        for number in range(1, workers + 1):
            process = build(configuration, self.clock)
            process.board = self.process.board
            for backend in process.backends:
                backend.balancer.turn = backend.turn = Turn(is_shared=True)
            self.followers.append(Follower(process, self.clock, number))
        for backend in self.process.backends:
            backend.turn.close()
            backend.balancer.turn = backend.turn = Turn(is_shared=True)
        self.process.take_column(MASTER_COLUMN)

    def _send(self, kind: bytes, payload: bytes) -> None:
        for follower in self.followers:
            assert kind in ORDERS
            follower.orders.take(kind, payload)

    def server(self, name: str) -> Any:
        return self.process.server("app", name)

    def close(self) -> None:
        self.process.requests.close()
        self.process.traces.close()


@pytest.fixture
def crew() -> Iterator[Callable[..., Crew]]:
    """crew(lines of the listen section): a master and two workers."""
    made: list[Crew] = []

    def make(lines: str, workers: int = 2) -> Crew:
        made.append(Crew(lines, workers))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def line() -> Iterator[tuple[Channel, Channel]]:
    """The two ends of a line."""
    first, second = map(Channel, socket.socketpair())
    yield first, second
    first.close()
    second.close()


@pytest.fixture
def rng() -> Random:
    return Random(5)
