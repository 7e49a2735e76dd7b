"""Round robin, turn by turn as HAProxy's, and what changes of weight do to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from proxy.core.balance.contract import Balancer
from proxy.core.balance.roundrobin import RoundRobin
from proxy.core.balance.smooth import Turns
from proxy.core.balance.static_rr import StaticRoundRobin
from proxy.core.balance.weighted_map import weighted_map
from proxy.runtime.server import WEIGHT_SCALE, Server

ServersOf = Callable[..., list[Server]]
RECORDED = [
    line.split() for line in (Path(__file__).parent / "recorded_turns.txt").read_text().splitlines() if not line.startswith("#")
]


def names(balancer: Balancer, count: int, avoid: Server | None = None) -> str:
    picked = (balancer.pick(None, avoid) for _ in range(count))
    return "".join(server.name if server else "-" for server in picked)


def reweigh(server: Server, weight: int) -> None:
    server.user_weight = weight
    server.weight_now = weight * WEIGHT_SCALE


@pytest.mark.parametrize(("algorithm", "weights", "turns"), RECORDED, ids=[f"{row[0]}-{row[1]}" for row in RECORDED])
def test_the_order_is_haproxys(servers_of: ServersOf, algorithm: str, weights: str, turns: str) -> None:
    balancer = {"roundrobin": RoundRobin, "static-rr": StaticRoundRobin}[algorithm]()
    balancer.rebuild(servers_of([int(weight) for weight in weights.split(",")]))
    assert names(balancer, len(turns)) == turns


def test_a_server_that_leaves_and_comes_back_does_not_restart_the_cycle(servers_of: ServersOf) -> None:
    servers = servers_of([1, 1, 1, 1])
    balancer = RoundRobin()
    balancer.rebuild(servers)
    assert names(balancer, 5) == "abcda"
    balancer.rebuild([server for server in servers if server.name != "c"])
    assert names(balancer, 4) == "bdab"
    balancer.rebuild(servers)
    assert names(balancer, 5) == "dabcd"


def test_the_server_whose_turn_it_was_left_the_next_one_takes_it(servers_of: ServersOf) -> None:
    servers = servers_of([1, 1, 1, 1])
    balancer = RoundRobin()
    balancer.rebuild(servers)
    assert names(balancer, 2) == "ab"
    balancer.rebuild([servers[0], servers[1], servers[3]])
    assert names(balancer, 4) == "dabd"


def test_a_changed_weight_counts_from_the_next_turns_on(servers_of: ServersOf) -> None:
    servers = servers_of([10, 10, 10])
    balancer = RoundRobin()
    balancer.rebuild(servers)
    assert names(balancer, 4) == "abca"
    reweigh(servers[1], 50)
    balancer.rebuild(servers)
    shares = Counter(names(balancer, 70))
    assert shares == {"a": 10, "b": 50, "c": 10}
    reweigh(servers[1], 1)
    balancer.rebuild(servers)
    shares = Counter(names(balancer, 210))
    assert abs(shares["a"] - 100) <= 1
    assert abs(shares["b"] - 10) <= 1


def test_frequent_changes_of_weight_starve_nobody(servers_of: ServersOf) -> None:
    """A slow start changes a weight each second; a light server must get its turn all the same."""
    servers = servers_of([100, 100, 3])
    balancer = RoundRobin()
    balancer.rebuild(servers)
    picked: Counter[str] = Counter()
    for step in range(2000):
        picked[names(balancer, 1)] += 1
        servers[0].weight_now = WEIGHT_SCALE * 100 - step % 16
        balancer.rebuild(servers)
    assert 25 <= picked["c"] <= 35


def test_from_unequal_to_equal_and_back(servers_of: ServersOf) -> None:
    servers = servers_of([2, 1])
    balancer = RoundRobin()
    balancer.rebuild(servers)
    assert names(balancer, 4) == "aaba"
    reweigh(servers[0], 1)
    balancer.rebuild(servers)
    assert names(balancer, 4) in ("abab", "baba")
    reweigh(servers[0], 2)
    balancer.rebuild(servers)
    assert Counter(names(balancer, 30)) == {"a": 20, "b": 10}


def test_two_workers_with_one_counter_alternate_strictly(servers_of: ServersOf) -> None:
    turn = [0]
    servers = servers_of([1, 1, 1])
    workers = [RoundRobin(turn), RoundRobin(turn)]
    for worker in workers:
        worker.rebuild(servers)
    assert "".join(names(workers[number % 2], 1) for number in range(9)) == "abcabcabc"


def test_two_workers_with_one_counter_keep_the_smooth_order(servers_of: ServersOf) -> None:
    turn = [0]
    servers = servers_of([3, 2, 1])
    workers = [RoundRobin(turn), RoundRobin(turn)]
    for worker in workers:
        worker.rebuild(servers)
    assert "".join(names(workers[number % 3 == 0], 1) for number in range(12)) == "abacababacab"


def test_a_worker_that_slept_through_many_turns_jumps_over_them(servers_of: ServersOf) -> None:
    servers = servers_of([3, 2, 1])
    turn = [0]
    awake, asleep = RoundRobin(turn), RoundRobin(turn)
    for worker in (awake, asleep):
        worker.rebuild(servers)
    names(awake, 6)
    names(asleep, 6)
    turn[0] += 96 * 10**9
    assert names(asleep, 6) == names(awake, 6)


def test_a_full_server_loses_its_turn_and_gets_no_more_than_that(servers_of: ServersOf) -> None:
    servers = servers_of([1, 1, 1], maxconn=[1, 1, 1])
    balancer = RoundRobin()
    balancer.rebuild(servers)
    servers[1].served = 1
    assert names(balancer, 4) == "acac"
    servers[1].served = 0
    assert names(balancer, 4) == "abca"


def test_a_full_heavy_server_is_passed_by_in_the_smooth_order(servers_of: ServersOf) -> None:
    servers = servers_of([200, 1, 1], maxconn=[1, 0, 0])
    balancer = RoundRobin()
    balancer.rebuild(servers)
    servers[0].served = 1
    assert set(names(balancer, 6)) <= {"b", "c"}
    servers[1].maxconn = servers[1].served = servers[2].maxconn = servers[2].served = 1
    assert names(balancer, 1) == "-"
    servers[0].served = 0
    assert names(balancer, 2, avoid=servers[0]) == "aa"


def test_turns_after_equal_turns_follow_their_order(servers_of: ServersOf) -> None:
    servers = servers_of([1, 1, 1])
    turns = Turns()
    turns.start([servers[1], servers[2], servers[0]], 7)
    assert [turns.step().name for _ in range(6)] == list("bcabca")
    assert [server.name for server in turns.upcoming()] == list("bca")


def test_the_map_is_made_of_reduced_weights(servers_of: ServersOf) -> None:
    assert len(weighted_map(servers_of([100, 50]))) == 3
    assert weighted_map([]) == ()
    servers = servers_of([1] * 5)
    assert weighted_map(servers) == tuple(servers)


def test_the_map_keeps_the_configured_weights(servers_of: ServersOf) -> None:
    servers = servers_of([1, 1])
    reweigh(servers[0], 9)
    balancer = StaticRoundRobin()
    balancer.rebuild(servers)
    assert names(balancer, 4) == "abab"
