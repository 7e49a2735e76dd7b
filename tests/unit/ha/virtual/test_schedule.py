"""`lb_algo` without a kernel: shares by weight, nobody skipped, few clients moved."""

from __future__ import annotations

from collections import Counter
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.ha.conf.services import Scheduler
from proxy.ha.virtual.plan import Server, Traffic, marks
from proxy.ha.virtual.schedule import BUCKETS, MAX_TURNS, buckets, overloaded, smooth, turns

BASE = IPv4Address("10.0.0.1")
WEIGHTS = st.lists(st.integers(0, 65535), min_size=1, max_size=20)


def farm(*weights: int, **more: int) -> list[Server]:
    return [Server(BASE + index, 80, weight, **more) for index, weight in enumerate(weights)]


def busy(servers: list[Server], *active: int) -> dict[str, Traffic]:
    return {server.key: Traffic(active=count) for server, count in zip(servers, active, strict=True)}


@given(weights=st.lists(st.integers(1, 65535), min_size=1, max_size=30))
def test_smooth_turns_are_shares_and_skip_nobody(weights: list[int]) -> None:
    names = [(str(index), weight) for index, weight in enumerate(weights)]
    found = Counter(smooth(names))
    assert set(found) == {name for name, _ in names}
    total = sum(found.values())
    assert total <= max(MAX_TURNS, len(weights))
    for name, weight in names:
        exact = weight * total / sum(weights)
        # Where the weights had to be scaled, a server may get the one turn that everybody has, and rounding.
        assert abs(found[name] - exact) <= 1 + len(weights) * weight / sum(weights) + 1


@given(weights=st.lists(st.integers(1, 30), min_size=1, max_size=8))
def test_small_weights_are_exact_and_spread(weights: list[int]) -> None:
    names = [(str(index), weight) for index, weight in enumerate(weights)]
    order = smooth(names)
    found = Counter(order)
    first = found["0"] / weights[0]
    assert all(found[name] == weight * first for name, weight in names)
    # After any number of turns nobody is further than one turn per other server from what is due.
    for length in range(len(order)):
        begun = Counter(order[:length])
        assert all(abs(begun[name] - length * weight / sum(weights)) <= len(weights) for name, weight in names)


def test_known_orders() -> None:
    assert smooth([("a", 5), ("b", 1), ("c", 1)]) == ("a", "a", "b", "a", "c", "a", "a")
    assert smooth([("a", 200), ("b", 100)]) == ("a", "b", "a")


@given(weights=WEIGHTS, active=st.lists(st.integers(0, 500), min_size=20, max_size=20), algo=st.sampled_from(Scheduler))
def test_only_and_all_able_servers(weights: list[int], active: list[int], algo: Scheduler) -> None:
    servers = farm(*weights)
    counts = busy(servers, *active[: len(servers)])
    able = {each.key for each in servers if each.weight}
    if algo in (Scheduler.SH, Scheduler.MH, Scheduler.DH):
        found = buckets(algo, servers)
        assert len(found) == (BUCKETS if able else 0)
        assert set(found) <= able
        return
    found = turns(algo, servers, counts)
    assert set(found) <= able
    if algo in (Scheduler.RR, Scheduler.WRR):
        assert set(found) == able
    elif algo is not Scheduler.OVF:
        assert bool(found) == bool(able)


@pytest.mark.parametrize(("algo", "weights", "active", "first"), [
    (Scheduler.LC, (1, 9), (3, 4), 0), (Scheduler.WLC, (1, 9), (3, 4), 1), (Scheduler.SED, (1, 3), (0, 1), 1),
    (Scheduler.NQ, (1, 3), (0, 1), 0), (Scheduler.FO, (1, 3), (0, 1), 1), (Scheduler.OVF, (1, 3), (0, 2), 1),
    (Scheduler.OVF, (1, 3), (0, 3), 0),
])
def test_who_is_next(algo: Scheduler, weights: tuple[int, ...], active: tuple[int, ...], first: int) -> None:
    servers = farm(*weights)
    assert turns(algo, servers, busy(servers, *active))[0] == servers[first].key


def test_overflow_refuses_when_all_are_full() -> None:
    servers = farm(1, 3)
    assert turns(Scheduler.OVF, servers, busy(servers, 1, 3)) == ()
    assert Counter(turns(Scheduler.OVF, servers, {})) == {servers[1].key: 3, servers[0].key: 1}


@given(weights=st.lists(st.integers(1, 9), min_size=2, max_size=6), active=st.lists(st.integers(0, 40), min_size=6, max_size=6))
def test_least_connections_even_out(weights: list[int], active: list[int]) -> None:
    servers = farm(*weights)
    load = dict(zip((each.key for each in servers), active, strict=False))
    for key in turns(Scheduler.WLC, servers, busy(servers, *active[: len(servers)])):
        best = min(servers, key=lambda each: load[each.key] / each.weight)
        mine = next(each for each in servers if each.key == key)
        assert load[key] / mine.weight == load[best.key] / best.weight
        load[key] += 1


@pytest.mark.parametrize("algo", [Scheduler.SH, Scheduler.MH])
def test_buckets_follow_weights_and_move_little(algo: Scheduler) -> None:
    servers = farm(1, 1, 1, 1, 4)
    whole = buckets(algo, servers)
    found = Counter(whole)
    assert 0.35 < found[servers[4].key] / BUCKETS < 0.65
    assert min(found.values()) > 10
    without = buckets(algo, servers[1:])
    moved = sum(old != new for old, new in zip(whole, without, strict=True) if old != servers[0].key)
    # Rendezvous moves nobody else; Maglev a few.
    assert moved <= (0 if algo is Scheduler.SH else BUCKETS // 8)
    assert buckets(algo, list(reversed(servers))) == whole or algo is Scheduler.MH


def test_thresholds_have_a_memory() -> None:
    servers = farm(1, uthreshold=8)
    key = servers[0].key
    none, full = frozenset[str](), frozenset({key})
    assert overloaded(servers, busy(servers, 7), none) == none
    assert overloaded(servers, busy(servers, 8), none) == full
    assert overloaded(servers, busy(servers, 6), full) == full
    assert overloaded(servers, busy(servers, 5), full) == none
    lower = farm(1, uthreshold=8, lthreshold=2)
    assert overloaded(lower, busy(lower, 2), full) == full
    assert overloaded(lower, busy(lower, 1), full) == none


def test_marks_depend_on_the_server_alone() -> None:
    servers = tuple(farm(1, 1, 1))
    found = marks(servers)
    assert len({*found.values(), 0}) == 4
    assert all(marks(servers[1:])[key] == number for key, number in found.items() if key != servers[0].key)
