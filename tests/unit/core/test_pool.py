"""Idle connections: who may use one, how many are kept, for how long."""

import pytest

from proxy.base.addresses import Address, Family
from proxy.core.pool import IdlePool
from proxy.core.stream.ports import Reusable
from proxy.core.timers import TimerWheel
from proxy.runtime.backend import Backend
from proxy.runtime.cells import IDLE_CUR, SAFE_CUR
from proxy.runtime.server import Server


class Connection(Reusable):
    def __init__(self, is_safe: bool = False) -> None:
        Reusable.__init__(self)
        self.is_safe = is_safe
        self.discarded = False

    def discard(self) -> None:
        self.discarded = True


def pool_of(max_conn: int = -1, purge_delay_ms: int = 5000) -> tuple[IdlePool, Server, TimerWheel]:
    server = Server(Backend("be", 1), "s", 1, Address(Family.IPV4, "127.0.0.1", 80))
    server.pool_max_conn, server.pool_purge_delay_ms = max_conn, purge_delay_ms
    timers = TimerWheel()
    return IdlePool(server, timers), server, timers


@pytest.mark.parametrize(
    ("reuse", "is_first", "given"),
    [
        ("never", True, None), ("never", False, None),
        ("safe", True, None), ("safe", False, "last"),
        ("aggressive", True, "safe"), ("aggressive", False, "last"),
        ("always", True, "last"), ("always", False, "last"),
    ],
)
def test_http_reuse_says_which_connection_a_request_may_use(reuse, is_first, given):
    pool, _, _ = pool_of()
    connections = {"safe": Connection(is_safe=True), "last": Connection()}
    for connection in connections.values():
        assert pool.put(connection, 1)
    assert pool.take(reuse, is_first) is (connections[given] if given else None)


def test_aggressive_finds_nothing_where_no_connection_has_proved_itself():
    pool, _, _ = pool_of()
    pool.put(Connection(), 1)
    assert pool.take("aggressive", True) is None
    assert pool_of()[0].take("always", True) is None


def test_no_more_than_pool_max_conn_are_kept():
    pool, _, _ = pool_of(max_conn=1)
    assert pool.put(Connection(), 1)
    assert not pool.put(Connection(), 1)
    assert not pool_of(max_conn=0)[0].put(Connection(), 1)


def test_a_purge_delay_of_zero_keeps_none():
    pool, _, _ = pool_of(purge_delay_ms=0)
    assert not pool.put(Connection(), 1)


def test_each_purge_delay_half_of_them_are_closed_the_oldest_first():
    pool, server, timers = pool_of(purge_delay_ms=1000)
    connections = [Connection() for _ in range(5)]
    for connection in connections:
        pool.put(connection, 0)
    timers.advance(1100)
    assert [connection.discarded for connection in connections] == [True, True, True, False, False]
    timers.advance(2300)
    timers.advance(3500)
    assert all(connection.discarded for connection in connections)
    assert server.counters[IDLE_CUR] == 0
    assert timers.next_ms() == 0


def test_the_gauges_follow_and_a_closed_connection_is_forgotten():
    pool, server, _ = pool_of()
    safe, fresh = Connection(is_safe=True), Connection()
    pool.put(safe, 1)
    pool.put(fresh, 1)
    assert (server.counters[SAFE_CUR], server.counters[IDLE_CUR]) == (1, 1)
    pool.remove(safe)
    pool.remove(safe)
    assert (server.counters[SAFE_CUR], server.counters[IDLE_CUR]) == (0, 1)
    pool.clear()
    assert fresh.discarded
    assert server.counters[IDLE_CUR] == 0
