"""What weights do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.ha.vrrp.priority import Effect, Watch, effect_of, effect_of_number, effective_priority


@pytest.mark.parametrize(("weight", "reverse", "up", "change", "fault"), [
    (0, False, True, 0, False), (0, False, False, 0, True), (0, True, True, 0, True), (0, True, False, 0, False),
    (20, False, True, 20, False), (20, False, False, 0, False), (20, True, True, -20, False),
    (-20, False, True, 0, False), (-20, False, False, -20, False), (-20, True, False, 20, False),
])
def test_up_and_down(weight: int, reverse: bool, up: bool, change: int, fault: bool) -> None:
    found = effect_of(Watch("script", "s", weight, reverse), up)
    assert (found.change, found.fault) == (change, fault)


@pytest.mark.parametrize(("weight", "number", "change", "fault"), [
    (1, 7, 7, False), (-1, 7, -7, False), (1, -254, 0, True), (1, -253, -253, False), (2, -127, 0, True), (0, 0, 0, False),
    (0, 1, 0, True),
    (1, 10**9, 254, False), (-(10**9), 10**9, 0, True),
])
def test_numbers(weight: int, number: int, change: int, fault: bool) -> None:
    found = effect_of_number(Watch("file", "f", weight), number)
    assert (found.change, found.fault) == (change, fault)


@given(st.integers(1, 254), st.lists(st.integers(-254, 254), max_size=10))
def test_nobody_becomes_owner_or_nothing(configured: int, changes: list[int]) -> None:
    effects = [Effect(Watch("script", "s", each), each) for each in changes]
    assert 1 <= effective_priority(configured, effects) <= 254
    assert effective_priority(255, effects) == 255
