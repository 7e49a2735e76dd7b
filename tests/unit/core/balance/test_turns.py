"""Round robin, turn by turn as HAProxy's, and what changes of weight do to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from proxy.core.balance.contract import Balancer
from proxy.core.balance.roundrobin import RoundRobin
from proxy.core.balance.smooth import Turns
from proxy.core.balance.static_rr import StaticRoundRobin
from proxy.core.balance.weighted_map import weighted_map
from proxy.runtime.server import WEIGHT_SCALE, Server
from proxy.runtime.turn import Turn

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
    turn = Turn()
    servers = servers_of([1, 1, 1])
    workers = [RoundRobin(turn), RoundRobin(turn)]
    for worker in workers:
        worker.rebuild(servers)
    assert "".join(names(workers[number % 2], 1) for number in range(9)) == "abcabcabc"


def test_two_workers_with_one_counter_keep_the_smooth_order(servers_of: ServersOf) -> None:
    turn = Turn()
    servers = servers_of([3, 2, 1])
    workers = [RoundRobin(turn), RoundRobin(turn)]
    for worker in workers:
        worker.rebuild(servers)
    assert "".join(names(workers[number % 3 == 0], 1) for number in range(12)) == "abacababacab"


def test_a_worker_that_slept_through_many_turns_jumps_over_them(servers_of: ServersOf) -> None:
    servers = servers_of([3, 2, 1])
    turn = Turn()
    awake, asleep = RoundRobin(turn), RoundRobin(turn)
    for worker in (awake, asleep):
        worker.rebuild(servers)
    names(awake, 6)
    names(asleep, 6)
    turn.take(96 * 10**9)
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


class Workers:
    """Some workers and their master, each with a count of turns of its own that is kept level with the others'."""

    def __init__(self, count: int) -> None:
        self.master, *self.workers = (RoundRobin(Turn(is_shared=True)) for _ in range(count + 1))
        self.turns = 0

    def told(self, those: list[RoundRobin], servers: list[Server], at: int) -> None:
        """Let some follow a change that the master made at that turn."""
        for worker in those:
            worker.turn.pinned = at
            worker.rebuild(servers)
            worker.turn.pinned = None

    def picks(self, worker: RoundRobin) -> None:
        """One of them takes the next turn."""
        self.level(worker)
        worker.pick(None, None)
        self.turns += 1

    def level(self, worker: RoundRobin) -> None:
        worker.turn.take(self.turns - worker.turn.now())

    def ahead(self, count: int) -> set[str]:
        """Who has the next turns, according to each of them."""
        orders = set()
        for worker in (self.master, *self.workers):
            self.level(worker)
            orders.add(names(worker, count))
        self.turns += count
        return orders


@pytest.mark.parametrize("weights", [[1, 1, 1, 1], [7, 3, 2, 1], [256, 255, 1, 90]])
def test_workers_that_are_told_of_changes_in_the_same_order_agree_for_ever(servers_of: ServersOf, weights: list[int]) -> None:
    """Who took which turns in between, and how many after a change before being told of it, must not matter."""
    rng = Random(7)
    all_of_them = Workers(3)
    servers = servers_of(weights)
    all_of_them.told([all_of_them.master, *all_of_them.workers], servers, 0)
    for _ in range(60):
        for _ in range(rng.randrange(400)):
            all_of_them.picks(rng.choice(all_of_them.workers))
        at = all_of_them.turns
        server = rng.choice(servers)
        reweigh(server, rng.choice([0, 1, 1, 2, 50, server.user_weight]))
        usable = [one for one in servers if one.weight_now] or servers[:1]
        early, late = all_of_them.workers[:2], all_of_them.workers[2:]
        all_of_them.told([all_of_them.master, *early], usable, at)
        for _ in range(rng.randrange(3)):
            all_of_them.picks(rng.choice(late))         # it has not heard of it yet
        all_of_them.told(late, usable, at)
        assert len(all_of_them.ahead(40)) == 1


@pytest.mark.parametrize("gap", [1, 5, 47, 48, 49, 500, 10**12 + 7])
def test_skipping_is_stepping(servers_of: ServersOf, gap: int) -> None:
    """Newcomers that still look for their place included."""
    servers = servers_of([5, 2, 2, 1])
    stepped, skipped = Turns(), Turns()
    for turns in (stepped, skipped):
        turns.rebuild(servers[:2])
        for _ in range(3):
            turns.step()
        turns.rebuild(servers)
    distance = gap if gap < 10**6 else gap % 10 + 10 * 50          # ten turns are a round
    for _ in range(distance):
        stepped.step()
    skipped.skip_to(3 + gap)
    assert [stepped.step().name for _ in range(50)] == [skipped.step().name for _ in range(50)]


def test_a_copy_goes_its_own_way(servers_of: ServersOf) -> None:
    turns = Turns()
    turns.rebuild(servers_of([3, 2, 1]))
    turns.step()
    again = turns.copy()
    order = [turns.step().name for _ in range(12)]
    assert [again.step().name for _ in range(12)] == order
