"""A checker's clock, on a clock that moves when told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.ha.conf.services import CheckBasics
from proxy.ha.virtual.timing import NEVER, Change, CheckTiming

BASICS = CheckBasics(delay_loop_s=6, retry=2, delay_before_retry_s=3, warmup_s=4)


def probe(timing: CheckTiming, ok: bool) -> tuple[float, Change | None]:
    """Let the next probe end with a result; when it began, and what changed."""
    at = timing.next_at
    assert timing.due(at)
    assert not timing.due(at + 1), "two probes at once"
    return at, timing.result(at, ok, "why")


def test_the_first_check_is_within_the_warm_up() -> None:
    for chance, at in ((0.0, 100.0), (0.5, 102.0)):
        timing = CheckTiming(BASICS)
        timing.start(100.0, chance)
        assert not timing.due(at - 0.1)
        assert timing.next_at == at


def test_down_after_the_retries_and_up_after_one_success() -> None:
    timing = CheckTiming(BASICS)
    timing.start(0.0, 0.0)
    assert probe(timing, True) == (0.0, None)
    assert probe(timing, False) == (6.0, None)
    assert probe(timing, False) == (9.0, None)
    assert timing.up
    assert probe(timing, False) == (12.0, Change(False, "why"))
    assert probe(timing, False) == (18.0, None)
    assert probe(timing, True) == (24.0, Change(True, "why"))
    # Failures of the past do not count any more.
    assert probe(timing, False) == (30.0, None)
    assert timing.next_at == 33.0


def test_a_success_between_takes_failures_away() -> None:
    timing = CheckTiming(BASICS)
    timing.start(0.0, 0.0)
    for ok in (False, False, True, False, False, True, False, False):
        assert probe(timing, ok)[1] is None
    assert timing.up


def test_alpha_is_down_until_shown_otherwise() -> None:
    timing = CheckTiming(CheckBasics(alpha=True, warmup_s=0, delay_loop_s=1))
    assert not timing.up
    timing.start(0.0, 0.9)
    assert probe(timing, False) == (0.0, None)
    assert probe(timing, True) == (1.0, Change(True, "why"))


@pytest.mark.parametrize(("fast", "times"), [(False, [0.0, 6.0, 12.0]), (True, [0.0, 0.0, 0.0])])
def test_several_urls_have_all_to_succeed_before_a_server_is_up(fast: bool, times: list[float]) -> None:
    timing = CheckTiming(CheckBasics(alpha=True, warmup_s=0, delay_loop_s=6), 3, fast)
    timing.start(0.0, 0.0)
    found = [probe(timing, True) for _ in range(3)]
    assert [at for at, _ in found] == times
    assert [change for _, change in found] == [None, None, Change(True, "why")]
    # An up server's URLs take turns; the one that fails is tried again, and then the first is next.
    probe(timing, True)
    assert timing.step == 1
    probe(timing, False)
    assert timing.step == 1
    assert probe(timing, False)[1] == Change(False, "why")
    assert timing.step == 0


def test_suspended_checks_wait_and_then_come_at_once() -> None:
    timing = CheckTiming(BASICS)
    timing.start(0.0, 0.0)
    timing.suspend()
    assert not timing.due(50.0)
    timing.resume(60.0)
    assert timing.next_at == 60.0
    assert timing.due(60.0)
    timing.suspend()
    timing.result(61.0, True, "")
    assert not timing.due(100.0)


@given(results=st.lists(st.booleans(), max_size=60), retry=st.integers(0, 4))
def test_never_lost_and_never_twice_the_same_verdict(results: list[bool], retry: int) -> None:
    timing = CheckTiming(CheckBasics(retry=retry, warmup_s=0, delay_loop_s=5, delay_before_retry_s=1))
    timing.start(0.0, 0.0)
    up, failed, before = True, 0, -1.0
    for ok in results:
        at, change = probe(timing, ok)
        assert at > before
        before = at
        failed = 0 if ok else failed + 1
        wanted = ok or (up and failed <= retry)
        assert timing.up == wanted
        assert (change is not None) == (wanted != up)
        up = wanted
        assert timing.next_at != NEVER
