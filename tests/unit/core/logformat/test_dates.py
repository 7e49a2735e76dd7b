"""Dates: padding, offsets on both sides of UTC, and a cache that never shows another second."""

from __future__ import annotations

import random

import pytest

from proxy.core.logformat.dates import Dates, milliseconds, offset_text

FEBRUARY_6 = 1233922329                 # 6 February 2009, 12:12:09 UTC


@pytest.mark.parametrize(("offset_s", "compact", "separated"), [
    (0, b"+0000", b"+00:00"), (19800, b"+0530", b"+05:30"), (-12600, b"-0330", b"-03:30"), (-18000, b"-0500", b"-05:00"),
])
def test_offsets(offset_s: int, compact: bytes, separated: bytes) -> None:
    assert (offset_text(offset_s), offset_text(offset_s, b":")) == (compact, separated)


def test_local_time_and_utc() -> None:
    dates = Dates(lambda second: -12600)
    assert dates.local_ms(FEBRUARY_6 + 0.007) == b"06/Feb/2009:08:42:09.007"
    assert dates.local(FEBRUARY_6) == b"06/Feb/2009:08:42:09 -0330"
    assert dates.gmt(FEBRUARY_6 + 0.999) == b"06/Feb/2009:12:12:09 +0000"


@pytest.mark.parametrize("millisecond", range(0, 1000, 37))
def test_a_float_just_short_of_a_millisecond_shows_that_millisecond(millisecond: int) -> None:
    wall_s = 1795330491 + millisecond / 1000
    assert milliseconds(wall_s) == 1795330491000 + millisecond
    assert Dates().local_ms(wall_s) == b"22/Nov/2026:06:54:51.%03d" % millisecond


def test_the_offset_is_asked_for_each_second_anew() -> None:
    dates = Dates(lambda second: 3600 if second > FEBRUARY_6 else 0)
    assert dates.local(FEBRUARY_6) == b"06/Feb/2009:12:12:09 +0000"
    assert dates.local(FEBRUARY_6 + 1) == b"06/Feb/2009:13:12:10 +0100"


def test_many_seconds_in_any_order_never_show_another() -> None:
    dates, chance = Dates(), random.Random(7)
    for _ in range(500):
        second = FEBRUARY_6 + chance.randrange(150)
        minute, left = divmod(9 + second - FEBRUARY_6, 60)
        expected = b"06/Feb/2009:12:%02d:%02d" % (12 + minute, left)
        assert dates.local_ms(second) == expected + b".000"
        assert dates.gmt(second) == dates.local(second) == expected + b" +0000"
