"""When checks are due."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.health import scheduler
from proxy.runtime.check_plan import CheckPlan


@given(st.integers(1, 10**6), st.integers(0, 50), st.floats(0, 1, exclude_max=True))
def test_chance_stays_within_its_percentage(interval_ms: int, percent: int, chance: float) -> None:
    moved = scheduler.spread(interval_ms, percent, lambda: chance)
    assert moved >= 1
    assert abs(moved - interval_ms) <= interval_ms * percent / 100 + 1


@given(st.lists(st.integers(1, 100_000), max_size=30), st.none() | st.integers(1, 5000))
def test_first_checks_come_within_the_shortest_interval(intervals: list[int], max_spread_ms: int | None) -> None:
    plans = [CheckPlan(inter_ms=interval) for interval in intervals]
    delays = scheduler.first_delays_ms(plans, max_spread_ms)
    assert len(delays) == len(plans)
    for delay_ms, interval_ms in zip(delays, intervals, strict=True):
        assert 0 <= delay_ms < max(2, interval_ms)
        assert delay_ms < max(1000, min(intervals))
        assert max_spread_ms is None or delay_ms < max_spread_ms or delay_ms == 0


def test_many_servers_begin_in_small_bunches_evenly_spread() -> None:
    delays = scheduler.first_delays_ms([CheckPlan(inter_ms=2000)] * 2000, None)
    bunches = Counter(delays)
    assert max(bunches.values()) <= scheduler.BUNCH_MAX
    assert all(after - before <= scheduler.BUNCH_MS for before, after in pairwise(sorted(bunches)))


@pytest.mark.parametrize(("count", "inter_ms"), [(2, 2000), (31, 2000), (20, 1000), (1, 1), (3, 5)])
def test_few_servers_begin_one_by_one(count: int, inter_ms: int) -> None:
    delays = scheduler.first_delays_ms([CheckPlan(inter_ms=inter_ms)] * count, None)
    assert delays == [inter_ms * place // count for place in range(count)]


def test_a_bunch_is_bounded_however_many_servers_there_are() -> None:
    delays = scheduler.first_delays_ms([CheckPlan(inter_ms=60_000)] * 100_000, None)
    assert max(Counter(delays).values()) <= 2 * scheduler.BUNCH_MAX      # two bunches may fall into one millisecond
    assert scheduler.first_delays_ms([CheckPlan(inter_ms=2000)] * 5, 0) == [0] * 5


@pytest.mark.parametrize(("plan", "connect_ms", "answer_ms"), [
    (CheckPlan(inter_ms=2000), 2000, 2000),
    (CheckPlan(inter_ms=2000, connect_timeout_ms=500), 2000, 2000),
    (CheckPlan(inter_ms=2000, connect_timeout_ms=500, timeout_ms=3000), 500, 3100),
    (CheckPlan(inter_ms=2000, connect_timeout_ms=5000, timeout_ms=300), 2000, 400),
    (CheckPlan(inter_ms=2000, timeout_ms=300), 2000, 400),
])
def test_deadlines(plan: CheckPlan, connect_ms: int, answer_ms: int) -> None:
    assert scheduler.connect_deadline_ms(plan, 0) == connect_ms
    assert scheduler.answer_deadline_ms(plan, 0, 100) == answer_ms
