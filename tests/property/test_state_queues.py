"""Lines for servers in one worker and in several, in any order of events.

Each stream is served once or leaves, the oldest first; nobody waits for a slot that is free once everybody was told; a limit is
never exceeded here, where two workers never look in the same instant; what a stream is told of its place counts itself.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from proxy.base.addresses import Address, Family
from proxy.core import queue
from proxy.runtime.backend import Backend
from proxy.runtime.board import Board
from proxy.runtime.cells import DEQUEUED, QCUR, QUEUE_HEAD_MS, SCUR
from proxy.runtime.process import Process, row_key
from proxy.runtime.server import WEIGHT_SCALE, Server
from proxy.runtime.states import Operational

STEPS = 60
ANY = st.integers(0, 1 << 10)
Place = tuple[str, int]                 # ("server", its index) or ("backend", 0)


class Waiting:
    """A stream that waits, holds a slot, or has gone; with what was served from its line since it came."""

    def __init__(self, worker: Worker, bound_to: int | None, now_ms: int) -> None:
        self.worker, self.bound_to, self.came_ms = worker, bound_to, now_ms
        self.queued_in: Any = None
        self.queued_at_ms = self.queue_mark = self.server_queue = self.backend_queue = 0
        self.holds: Server | None = None
        self.mark = 0                           # how many had been served from its line when it came
        self.sent_away = 0

    def slot_granted(self, server: Server) -> None:
        assert self.holds is None, "granted twice"
        assert self.queued_in is None
        self.worker.grant(self, server)

    def server_gone(self, server: Server) -> None:
        self.sent_away += 1


class Worker:
    """One worker's objects on the common board, and its part of the neighbours' calls."""

    def __init__(self, number: int, process: Process, machine: Queues) -> None:
        self.number, self.process, self.machine = number, process, machine
        self.backend = process.backends[0]
        self.holding: list[Waiting] = []
        self.waiting: list[Waiting] = []
        self.looks = False

    def call(self, number: int) -> None:
        self.machine.called.append(number)

    def waits(self, backend: Backend) -> None:
        self.looks = True

    def grant(self, stream: Waiting, server: Server) -> None:
        self.waiting.remove(stream)
        self.machine.served_in_order(stream, server)
        self.take(stream, server)

    def take(self, stream: Waiting, server: Server) -> None:
        stream.holds = server
        self.holding.append(stream)
        server.served += 1
        server.counters[SCUR] = server.served


def process_of(limits: list[int], maxqueue: int) -> Process:
    process, backend = Process(), Backend("app", 2)
    for number, maxconn in enumerate(limits):
        server = Server(backend, f"s{number}", number + 1, Address(Family.IPV4, "127.0.0.1", 80))
        server.maxconn, server.maxqueue, server.index = maxconn, maxqueue, number
        backend.servers.append(server)
    process.backends = [backend]
    return process


def line_of(stream: Waiting) -> Place:
    return ("backend", 0) if stream.bound_to is None else ("server", stream.bound_to)


class Queues(RuleBasedStateMachine):
    """Streams come to workers, bound to a server or not; slots come free; servers come and go."""

    @initialize(workers=st.integers(1, 3), limits=st.lists(st.sampled_from([1, 1, 2]), min_size=1, max_size=2),
                maxqueue=st.sampled_from([0, 0, 2]))
    def configure(self, workers: int, limits: list[int], maxqueue: int) -> None:
        self.now_ms = 1_000
        self.called: list[int] = []
        processes = [process_of(limits, maxqueue) for _ in range(workers)]
        keys = list(map(row_key, processes[0].counted()))
        board = Board(keys, workers + 1 if workers > 1 else 1)
        self.workers = []
        for number, process in enumerate(processes, 1):
            process.board = board
            process.take_column(number if workers > 1 else 0)
            worker = Worker(number, process, self)
            worker.backend.neighbours = worker if workers > 1 else None
            self.workers.append(worker)
        self.is_up = [True] * len(limits)
        self.served_from: Counter[Place] = Counter()
        self.yields = True                      # slots go to whoever is oldest anywhere

    # events

    @rule(which=ANY, bound=st.sampled_from([None, None, 0, 1]))
    def stream_comes(self, which: int, bound: int | None) -> None:
        worker = self.worker(which)
        servers = worker.backend.servers
        self.now_ms += 1
        bound = None if bound is None else bound % len(servers)
        stream = Waiting(worker, bound, self.now_ms)
        asked = servers if bound is None else [servers[bound]]
        free = next((server for server in asked if (bound is not None or server.is_usable) and not server.is_full()), None)
        if free is not None:
            assert not self.length(("server", free.index)), "taken before those who wait for it"
            assert not (free.is_usable and self.length(("backend", 0))), "taken before those who wait"
            worker.take(stream, free)
            return
        if bound is None and not any(self.is_up):
            return
        place = None if bound is None else servers[bound]
        is_full = place is not None and place.maxqueue > 0 and self.length(("server", bound or 0)) >= place.maxqueue
        assert queue.enqueue(stream, worker.backend, place, self.now_ms) != is_full
        if not is_full:
            stream.mark = self.served_from[line_of(stream)]
            worker.waiting.append(stream)

    @rule(which=ANY, other=ANY)
    def stream_ends(self, which: int, other: int) -> None:
        worker = self.worker(which)
        if worker.holding:
            stream = worker.holding.pop(other % len(worker.holding))
            server = stream.holds
            assert server is not None
            server.served -= 1
            server.counters[SCUR] = server.served
            if server.is_awaited():
                queue.serve(server)

    @rule(which=ANY, other=ANY)
    def stream_gives_up(self, which: int, other: int) -> None:
        worker = self.worker(which)
        if worker.waiting:
            stream = worker.waiting.pop(other % len(worker.waiting))
            queue.leave(stream)
            queue.leave(stream)                 # again: no harm
            assert stream.queued_in is None

    @rule(which=ANY, redispatch=st.booleans())
    def server_changes(self, which: int, redispatch: bool) -> None:
        """Each worker is told, as the board's version number has them look."""
        number = which % len(self.is_up)
        self.is_up[number] = not self.is_up[number]
        for worker in self.workers:
            server = worker.backend.servers[number]
            server.weight_now = WEIGHT_SCALE if self.is_up[number] else 0
            server.operational = Operational.RUNNING if self.is_up[number] else Operational.STOPPED
            if not self.is_up[number] and redispatch:
                self.send_away(worker, server)
            queue.serve_waiting(worker.backend, True)

    def send_away(self, worker: Worker, server: Server) -> None:
        leaving = [stream for stream in worker.waiting if stream.queued_in is server]
        assert queue.redistribute(server) == len(leaving)
        assert all(stream.sent_away == 1 and stream.queued_in is None for stream in leaving)
        worker.waiting = [stream for stream in worker.waiting if stream not in leaving]

    @rule()
    def calls_are_heard(self) -> None:
        for _ in range(len(self.workers) * STEPS):
            if not self.called:
                return
            queue.serve_waiting(self.workers[self.called.pop(0) - 1].backend, True)
        raise AssertionError("workers call each other for ever")

    @rule(which=ANY, other=ANY)
    def stream_ends_and_everybody_hears(self, which: int, other: int) -> None:
        """Where nothing else happens meanwhile, calls are enough: nobody has to look by himself."""
        self.everybody_looks()
        self.stream_ends(which, other)
        self.calls_are_heard()
        self.nobody_waits_for_what_is_free()

    @rule()
    def everybody_looks(self) -> None:
        """After a while whoever waits looks by itself; then nobody waits for what is free."""
        self.calls_are_heard()
        self.yields = False
        for _ in range(2):
            for worker in self.workers:
                if worker.looks:
                    worker.looks = queue.serve_waiting(worker.backend, False)
        self.called.clear()
        self.yields = True
        self.nobody_waits_for_what_is_free()

    def nobody_waits_for_what_is_free(self) -> None:
        for number, is_up in enumerate(self.is_up):
            server = self.workers[0].backend.servers[number]
            if self.held(number) < server.maxconn:
                assert not self.length(("server", number))
                assert not (is_up and self.length(("backend", 0)))

    @invariant()
    def one_worker_needs_no_calls(self) -> None:
        if len(self.workers) == 1:
            self.nobody_waits_for_what_is_free()

    # what is true of everybody together

    def worker(self, which: int) -> Worker:
        return self.workers[which % len(self.workers)]

    def waiting_in(self, place: Place, worker: Worker | None = None) -> list[Waiting]:
        kind, number = place
        mine = self.workers if worker is None else [worker]
        return [stream for each in mine for stream in each.waiting
                if stream.queued_in is (each.backend.servers[number] if kind == "server" else each.backend)]

    def length(self, place: Place) -> int:
        return len(self.waiting_in(place))

    def held(self, number: int) -> int:
        return sum(stream.holds is worker.backend.servers[number] for worker in self.workers for stream in worker.holding)

    def served_in_order(self, stream: Waiting, server: Server) -> None:
        """Of those who may have that slot nobody came before; bound ones go only where they are bound to."""
        assert stream.bound_to == server.index or (stream.bound_to is None and server.is_usable)
        among = None if self.yields else stream.worker
        rivals = self.waiting_in(("server", server.index), among)
        if server.is_usable:
            rivals += self.waiting_in(("backend", 0), among)
        assert all(rival.came_ms >= stream.came_ms for rival in rivals)
        position = stream.backend_queue if stream.bound_to is None else stream.server_queue
        assert position == self.served_from[line_of(stream)] - stream.mark + 1
        assert stream.server_queue + stream.backend_queue == position
        self.served_from[line_of(stream)] += 1

    @invariant()
    def everybody_is_somewhere(self) -> None:
        for worker in self.workers:
            assert all(stream.queued_in is not None and stream.holds is None for stream in worker.waiting)
            assert all(stream.queued_in is None and stream.holds is not None for stream in worker.holding)
            lines = [worker.backend, *worker.backend.servers]
            assert sum(len(place.queue) for place in lines) == len(worker.waiting)

    @invariant()
    def limits_hold(self) -> None:
        for number, server in enumerate(self.workers[0].backend.servers):
            assert self.held(number) <= server.maxconn

    @invariant()
    def the_board_says_so(self) -> None:
        for worker in self.workers:
            places: list[tuple[Place, Any]] = [(("backend", 0), worker.backend)]
            places += [(("server", server.index), server) for server in worker.backend.servers]
            for place, counted in places:
                mine = self.waiting_in(place, worker)
                assert counted.counters[QCUR] == len(mine)
                assert counted.counters[QUEUE_HEAD_MS] == min((stream.came_ms for stream in mine), default=0)
                assert counted.counters[DEQUEUED] >= 0

    def teardown(self) -> None:
        if not hasattr(self, "workers"):
            return
        for number, is_up in enumerate(list(self.is_up)):
            if not is_up:
                self.server_changes(number, False)
        for _ in range(200):
            self.everybody_looks()
            for number, worker in enumerate(self.workers):
                if worker.holding:
                    self.stream_ends(number, 0)
        assert not any(worker.waiting or worker.holding for worker in self.workers), "somebody was forgotten"


def test_queues() -> None:
    run_state_machine_as_test(Queues, settings=settings(stateful_step_count=STEPS))
