"""Idle connections in any order of events: none is given twice, given after it was closed, or forgotten; gauges say how many."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from proxy.base.addresses import Address, Family
from proxy.core.pool import IdlePool
from proxy.core.stream.ports import Reusable
from proxy.core.timers import TimerWheel
from proxy.runtime.backend import Backend
from proxy.runtime.cells import IDLE_CUR, SAFE_CUR
from proxy.runtime.server import Server

REUSES = ["never", "safe", "aggressive", "always"]
STEPS = 60
ANY = st.integers(0, 1 << 10)


class Connection(Reusable):
    """One that counts how often it was closed."""

    def __init__(self, is_safe: bool) -> None:
        Reusable.__init__(self)
        self.is_safe = is_safe
        self.closed = 0

    def discard(self) -> None:
        self.closed += 1


class Pool(RuleBasedStateMachine):
    """A pool beside a list that says what must be in it, the one used last at the end."""

    @initialize(limit=st.sampled_from([-1, 0, 1, 3]), delay_ms=st.sampled_from([0, 1, 300, 5_000]))
    def configure(self, limit: int, delay_ms: int) -> None:
        self.server = Server(Backend("be", 1), "s", 1, Address(Family.IPV4, "127.0.0.1", 80))
        self.server.pool_max_conn, self.server.pool_purge_delay_ms = limit, delay_ms
        self.timers = TimerWheel()
        self.pool = IdlePool(self.server, self.timers)
        self.now_ms = 1_000
        self.idle: list[Connection] = []
        self.used: list[Connection] = []
        self.gone: list[Connection] = []
        self.purge_due_ms = 0                   # not before this the older half goes

    @rule(is_safe=st.booleans())
    def connect(self, is_safe: bool) -> None:
        self.used.append(Connection(is_safe))

    @rule(which=ANY)
    def rest(self, which: int) -> None:
        if not self.used:
            return
        connection = self.used.pop(which % len(self.used))
        is_waiting = self.pool.deadline_ms > 0
        may_stay = self.server.pool_purge_delay_ms > 0 and not 0 <= self.server.pool_max_conn <= len(self.idle)
        assert self.pool.put(connection, self.now_ms) == may_stay
        if may_stay:
            if not is_waiting:
                self.purge_due_ms = self.now_ms + self.server.pool_purge_delay_ms
            self.idle.append(connection)
        else:
            connection.discard()
            self.gone.append(connection)

    @rule(reuse=st.sampled_from(REUSES), is_first=st.booleans())
    def take(self, reuse: str, is_first: bool) -> None:
        wanted = [each for each in self.idle if not (is_first and reuse == "aggressive") or each.is_safe]
        if reuse == "never" or (is_first and reuse == "safe"):
            wanted = []
        taken = self.pool.take(reuse, is_first)
        assert taken is (wanted[-1] if wanted else None)
        if taken is not None:
            self.idle.remove(taken)
            taken.is_safe = True
            self.used.append(taken)

    @rule(which=ANY)
    def server_closes(self, which: int) -> None:
        """One that lies idle, or one that is no longer there: it was taken the moment before."""
        all_of_them = self.idle + self.used + self.gone
        if all_of_them:
            connection = all_of_them[which % len(all_of_them)]
            self.pool.remove(connection)
            if connection in self.idle:
                self.idle.remove(connection)
                connection.discard()
                self.gone.append(connection)

    @rule()
    def server_goes_down(self) -> None:
        self.pool.clear()
        self.gone += self.idle
        self.idle = []

    @rule(milliseconds=st.sampled_from([1, 7, 100, 400, 6_000]))
    def time_passes(self, milliseconds: int) -> None:
        """Half of them go each time the delay has passed, the older ones first; when there are none, nobody waits."""
        end_ms = self.now_ms + milliseconds
        while (next_ms := self.timers.next_ms()) and next_ms <= end_ms:
            self.now_ms = max(self.now_ms, next_ms)
            before = len(self.pool.connections)
            self.timers.advance(self.now_ms)
            if len(self.pool.connections) != before:
                assert self.now_ms >= self.purge_due_ms
                count = (before + 1) // 2
                self.gone += self.idle[:count]
                self.idle = self.idle[count:]
                self.purge_due_ms = self.now_ms + self.server.pool_purge_delay_ms
        self.now_ms = end_ms

    @invariant()
    def the_pool_is_what_it_must_be(self) -> None:
        assert self.pool.connections == self.idle
        row = self.server.counters
        assert row[SAFE_CUR] == sum(connection.is_safe for connection in self.idle)
        assert row[IDLE_CUR] == len(self.idle) - row[SAFE_CUR]
        assert all(not connection.closed for connection in self.idle + self.used)
        assert all(connection.closed == 1 for connection in self.gone)

    @invariant()
    def somebody_looks_after_the_idle(self) -> None:
        assert not self.idle or 0 < self.pool.deadline_ms <= self.now_ms + self.server.pool_purge_delay_ms

    def teardown(self) -> None:
        if hasattr(self, "pool"):
            self.now_ms += 100_000
            for _ in range(20):
                self.time_passes(10_000)
            self.the_pool_is_what_it_must_be()
            assert not self.idle
            assert not self.timers.next_ms()


def test_pool() -> None:
    run_state_machine_as_test(Pool, settings=settings(stateful_step_count=STEPS))
