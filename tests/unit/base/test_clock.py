"""The clocks."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator

import pytest

from proxy.base.clock import SystemClock, utc_offset_s


@pytest.fixture
def set_time_zone() -> Iterator[Callable[[str], None]]:
    before = os.environ.get("TZ")

    def choose(zone: str) -> None:
        os.environ["TZ"] = zone
        time.tzset()

    yield choose
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


def test_the_offset_of_this_machine(set_time_zone: Callable[[str], None]) -> None:
    set_time_zone("XST-5:30")
    assert utc_offset_s(0) == 19800
    set_time_zone("YST3:30")
    assert utc_offset_s(0) == -12600
    set_time_zone("UTC")
    assert utc_offset_s(0) == 0


def test_the_system_clock_does_not_go_back() -> None:
    clock = SystemClock()
    before, wall = clock.monotonic_ms(), clock.wall_s()
    assert clock.monotonic_ms() >= before
    assert clock.wall_s() >= wall > 1_700_000_000
