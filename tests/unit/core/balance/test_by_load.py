"""leastconn, first and random: they look at what servers have in hand."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

import pytest

from proxy.core.balance.first import First
from proxy.core.balance.leastconn import LeastConn
from proxy.core.balance.random_draws import RandomDraws
from proxy.runtime.server import WEIGHT_SCALE, Server

ServersOf = Callable[..., list[Server]]


def hold(balancer: LeastConn, count: int) -> str:
    picked = ""
    for _ in range(count):
        server = balancer.pick(None, None)
        assert server is not None
        server.served += 1
        balancer.opened(server)
        picked += server.name
    return picked


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ([3, 2, 1], "abcabaabacbaabacba"),
        ([1, 1, 1], "abcabcabc"),
        ([10, 1], "ab" + "a" * 18 + "ba"),
        ([4, 5, 7], "abccbcacbcabcabccbacbcacbcabcabc"),
    ],
    ids=str,
)
def test_streams_that_stay_are_spread_as_haproxy_spreads_them(servers_of: ServersOf, weights: list[int], expected: str) -> None:
    balancer = LeastConn()
    balancer.rebuild(servers_of(weights))
    assert hold(balancer, len(expected)) == expected


def test_idle_servers_take_turns_whatever_their_weight(servers_of: ServersOf) -> None:
    balancer = LeastConn()
    balancer.rebuild(servers_of([10, 1, 3]))
    picked = ""
    for _ in range(6):
        server = balancer.pick(None, None)
        assert server is not None
        server.served += 1
        balancer.opened(server)
        server.served -= 1
        balancer.closed(server)
        picked += server.name
    assert picked == "abcabc"


def test_a_freed_server_is_next(servers_of: ServersOf) -> None:
    servers = servers_of([1, 1, 1])
    balancer = LeastConn()
    balancer.rebuild(servers)
    hold(balancer, 6)
    servers[2].served -= 1
    balancer.closed(servers[2])
    assert hold(balancer, 1) == "c"


def test_queued_streams_count(servers_of: ServersOf) -> None:
    servers = servers_of([1, 1])
    balancer = LeastConn()
    balancer.rebuild(servers)
    waiting: dict[object, None] = {object(): None, object(): None}
    servers[0].queue = waiting  # type: ignore[assignment]
    assert hold(balancer, 2) == "bb"


def test_a_server_back_from_maintenance_with_streams_left_is_not_idle(servers_of: ServersOf) -> None:
    servers = servers_of([1, 1, 1])
    balancer = LeastConn()
    balancer.rebuild(servers)
    hold(balancer, 4)
    balancer.rebuild(servers[1:])
    balancer.closed(servers[0])
    balancer.rebuild(servers)
    assert hold(balancer, 2) == "bc"


def test_superseded_entries_do_not_pile_up(servers_of: ServersOf) -> None:
    servers = servers_of([1, 1, 1])
    balancer = LeastConn()
    balancer.rebuild(servers)
    for _ in range(10_000):
        servers[1].served += 1
        balancer.opened(servers[1])
    assert len(balancer._heap) <= 64 + 4 * 3


def test_first_is_by_id_and_leaves_the_others_idle(servers_of: ServersOf) -> None:
    servers = servers_of([1, 1, 1], ids=[30, 20, 10], maxconn=[1, 3, 2])
    balancer = First()
    balancer.rebuild(servers)
    picked = ""
    for _ in range(6):
        server = balancer.pick(None, None)
        assert server is not None
        server.served += 1
        picked += server.name
    assert picked == "ccbbba"
    assert balancer.pick(None, None) is None


def test_more_draws_level_the_load(servers_of: ServersOf) -> None:
    spread = []
    for draws in (1, 2, 30):
        servers = servers_of([1] * 10)
        balancer = RandomDraws(random.Random(7).randrange, draws)
        balancer.rebuild(servers)
        for _ in range(1000):
            server = balancer.pick(None, None)
            assert server is not None
            server.served += 1
        spread.append(max(server.served for server in servers) - min(server.served for server in servers))
    assert spread[0] > spread[1] > spread[2]
    assert spread[2] <= 3


def test_one_draw_follows_the_weights(servers_of: ServersOf) -> None:
    balancer = RandomDraws(random.Random(3).randrange, 1)
    balancer.rebuild(servers_of([1, 9]))
    picked = Counter(server.name for server in (balancer.pick(None, None) for _ in range(2000)) if server)
    assert 140 < picked["a"] < 260


def test_every_number_that_may_be_drawn_leads_to_a_server(servers_of: ServersOf) -> None:
    numbers = iter(range(3 * WEIGHT_SCALE))
    balancer = RandomDraws(lambda bound: next(numbers), 1)
    balancer.rebuild(servers_of([2, 1]))
    picked = [balancer.pick(None, None) for _ in range(3 * WEIGHT_SCALE)]
    assert "".join(server.name for server in picked if server) == "a" * 2 * WEIGHT_SCALE + "b" * WEIGHT_SCALE


def test_a_balance_factor_bounds_random_too(servers_of: ServersOf) -> None:
    servers = servers_of([1, 1, 1])
    balancer = RandomDraws(lambda bound: 0, 2, factor=125)
    balancer.rebuild(servers)
    for _ in range(30):
        server = balancer.pick(None, None)
        assert server is not None
        server.served += 1
    assert max(server.served for server in servers) == 13
    assert min(server.served for server in servers) == 5
