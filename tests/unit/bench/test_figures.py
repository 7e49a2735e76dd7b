"""Medians, ratios, spreads."""

import pytest

from bench.figures import Measurement, Series, met, middle, ratio, spread, turn_order


def series(*values: float, others: float = 0.0) -> Series:
    return Series("x", [Measurement(value, others=others) for value in values])


def test_a_ratio_is_of_medians_and_its_spread_is_of_rounds() -> None:
    compared = ratio(series(30, 10, 20), series(10, 10, 40))
    assert compared is not None
    assert (compared.middle, compared.low, compared.high) == (2.0, 0.5, 3.0)


@pytest.mark.parametrize(("ours", "theirs"), [(series(), series(1)), (series(1), series()), (series(1), series(0))])
def test_no_ratio_without_both(ours: Series, theirs: Series) -> None:
    assert ratio(ours, theirs) is None


def test_a_program_that_failed_midway_is_compared_by_the_rounds_it_did() -> None:
    compared = ratio(series(2), series(1, 100))
    assert compared is not None
    assert (compared.low, compared.high) == (2.0, 2.0)


def test_rounds_alternate() -> None:
    assert [turn_order(["a", "b", "c"], number) for number in range(3)] == [["a", "b", "c"], ["c", "b", "a"], ["a", "b", "c"]]


def test_the_spread_is_relative_to_the_cheapest() -> None:
    assert spread([10, 11.5, 10.5]) == pytest.approx(0.15)
    assert spread([]) is None
    assert spread([0, 1]) is None


def test_middle_of_nothing() -> None:
    assert middle([]) is None
    assert middle([3, 1, 2]) == 2


def test_memory_is_told_in_mebibytes() -> None:
    assert Series("x", [Measurement(1, rss_bytes=3 * 2**20)]).rss_mib == 3.0
    assert series().rss_mib is None


def test_one_disturbed_turn_of_three_is_no_disturbed_series() -> None:
    quiet, busy = Measurement(1, others=0.02), Measurement(1, others=0.5)
    assert not Series("x", [quiet, quiet, busy]).disturbed
    assert Series("x", [quiet, busy, busy]).disturbed


def test_targets() -> None:
    assert met(series(1.0), series(1.0), 1.0, None) is True
    assert met(series(1.01), series(1.0), 1.0, None) is False
    assert met(series(1.0), None, 1.0, None) is None
    assert met(series(3.0), None, None, 3.0) is True
    assert met(series(3.1), None, None, 3.0) is False
    assert met(series(3.1), series(1.0), None, None) is None
