"""Queues of several workers: the oldest stream anywhere is served first, and nobody is forgotten."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.base.addresses import Address, Family
from proxy.core import queue
from proxy.core.balance import Farm, make_balancer
from proxy.core.balance.bounded import bounded_shares
from proxy.runtime.backend import Backend
from proxy.runtime.board import Board, merged
from proxy.runtime.cells import QCUR, QMAX, QUEUE_HEAD_MS, SCUR
from proxy.runtime.process import Process, row_key
from proxy.runtime.server import Server


class Waiting:
    """A stream that waits, or holds a slot."""

    def __init__(self, worker: Worker, name: str) -> None:
        self.worker, self.name = worker, name
        self.queued_in: Any = None
        self.queued_at_ms = self.queue_mark = self.server_queue = self.backend_queue = 0

    def slot_granted(self, server: Server) -> None:
        self.worker.granted.append(self.name)
        server.served += 1
        server.counters[SCUR] = server.served

    def server_gone(self, server: Server) -> None:
        raise AssertionError("no server goes here")


class Worker:
    """One worker's objects on a common board, and its part of the neighbours' calls."""

    def __init__(self, board: Board, number: int, **limits: int) -> None:
        self.number = number
        self.called: list[int] = []
        self.looking: list[Backend] = []
        self.granted: list[str] = []
        process = self.process = build(**limits)
        process.board = board
        process.take_column(number)
        self.backend = process.backends[0]
        self.backend.neighbours = self
        self.server = self.backend.servers[0]

    def call(self, number: int) -> None:
        self.called.append(number)

    def waits(self, backend: Backend) -> None:
        self.looking.append(backend)

    def comes(self, name: str, now_ms: int, pinned: bool = False) -> Waiting:
        stream = Waiting(self, name)
        assert queue.enqueue(stream, self.backend, self.server if pinned else None, now_ms)
        return stream

    def ends(self) -> None:
        self.server.served -= 1
        self.server.counters[SCUR] = self.server.served
        queue.serve(self.server)


def build(**limits: int) -> Process:
    process = Process()
    backend = Backend("app", 2)
    for name in ("s1", "s2"):
        server = Server(backend, name, len(backend.servers) + 1, Address(Family.IPV4, "127.0.0.1", 80))
        server.maxconn = limits.get("maxconn", 1)
        server.maxqueue = limits.get("maxqueue", 0)
        backend.servers.append(server)
    backend.servers[1].weight_now = 0
    process.backends = [backend]
    return process


@pytest.fixture
def workers() -> list[Worker]:
    return make(3)


def make(count: int, **limits: int) -> list[Worker]:
    keys = list(map(row_key, build().counted()))
    board = Board(keys, count + 1)
    return [Worker(board, number, **limits) for number in range(1, count + 1)]


def take(worker: Worker) -> None:
    worker.server.served += 1
    worker.server.counters[SCUR] = worker.server.served


def test_a_slot_goes_to_the_oldest_wherever_it_waits(workers: list[Worker]) -> None:
    first, second, third = workers
    take(first)
    third.comes("c", 30)
    second.comes("b", 20)
    first.comes("a", 40)
    first.ends()
    assert (first.granted, first.called) == ([], [2])
    assert queue.serve_waiting(second.backend, True) is False
    assert second.granted == ["b"]
    second.ends()
    assert (second.called, third.granted) == ([3], [])
    queue.serve_waiting(third.backend, True)
    assert third.granted == ["c"]
    third.ends()
    queue.serve_waiting(first.backend, True)
    assert first.granted == ["a"]


def test_of_two_that_came_together_the_lower_worker_goes_first(workers: list[Worker]) -> None:
    first, second, _ = workers
    take(first)
    second.comes("b", 20)
    first.comes("a", 20)
    first.ends()
    assert (first.granted, first.called) == (["a"], [])


@pytest.mark.parametrize("pinned", [False, True])
def test_a_free_slot_that_somebody_elsewhere_waits_for_is_not_a_newcomers(workers: list[Worker], pinned: bool) -> None:
    first, second, _ = workers
    take(first)
    stream = second.comes("b", 20, pinned)
    first.ends()
    assert first.called == [2]
    assert first.server.is_full()
    queue.leave(stream)
    assert not first.server.is_full()


def test_a_limit_is_one_for_all(workers: list[Worker]) -> None:
    first, second, _ = workers
    assert not second.server.is_full()
    take(first)
    assert second.server.is_full()


def test_who_looks_by_itself_takes_what_is_free_however_old_others_are(workers: list[Worker]) -> None:
    first, second, _ = workers
    take(first)
    second.comes("b", 20)
    first.comes("a", 30)
    first.ends()
    assert queue.serve_waiting(first.backend, False) is False
    assert first.granted == ["a"]
    assert second.looking == [second.backend]


def test_the_board_shows_each_queue_and_all_of_them(workers: list[Worker]) -> None:
    first, second, _ = workers
    take(first)
    streams = [first.comes("a", 10), first.comes("b", 11), second.comes("c", 12)]
    assert [worker.backend.queued_by_all() for worker in workers] == [3, 3, 3]
    assert first.backend.counters[QUEUE_HEAD_MS] == 10
    queue.leave(streams[0])
    assert first.backend.counters[QUEUE_HEAD_MS] == 11
    queue.leave(streams[1])
    assert (first.backend.counters[QUEUE_HEAD_MS], first.backend.counters[QCUR]) == (0, 0)
    assert merged(first.process.board.rows(row_key(first.backend)))[QMAX] == 3


def test_a_place_in_line_counts_who_was_served_meanwhile_anywhere(workers: list[Worker]) -> None:
    first, second, _ = workers
    take(first)
    for name, now_ms in (("a", 10), ("b", 11)):
        first.comes(name, now_ms)
    late = second.comes("c", 12)
    for _ in range(2):
        first.ends()
    first.ends()
    queue.serve_waiting(second.backend, True)
    assert second.granted == ["c"]
    assert late.backend_queue == 3


def test_maxqueue_is_one_for_all() -> None:
    first, second = make(2, maxqueue=1)
    take(first)
    first.comes("a", 10, pinned=True)
    assert not queue.enqueue(Waiting(second, "b"), second.backend, second.server, 11)


def test_loads_are_those_of_all_workers(workers: list[Worker]) -> None:
    first, second, _ = workers
    for worker in workers:
        worker.backend.servers[1].weight_now = 16
        for server in worker.backend.servers:
            server.maxconn = 0
        worker.backend.balancer = make_balancer("leastconn", random=lambda n: 0)
        worker.backend.farm = Farm(worker.backend)
    take(second)
    assert first.backend.farm.pick(None, None) is first.backend.servers[1]
    assert first.backend.farm.pick(None, first.backend.servers[1]) is first.server
    assert bounded_shares(first.backend.servers, 200) == {first.server: 2, first.backend.servers[1]: 2}
