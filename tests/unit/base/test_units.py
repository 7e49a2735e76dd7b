"""Times and sizes: every unit, the limits, and HAProxy's words for what is wrong."""

from __future__ import annotations

import pytest

from proxy.base.units import MAX_SIZE, MAX_TIME_MS, UnitError, parse_size, parse_time_ms, parse_time_s

TIMES = [
    ("0", 0), ("1", 1), ("010", 10), ("250ms", 250), ("30s", 30_000), ("2m", 120_000), ("1h", 3_600_000), ("1d", 86_400_000),
    ("24d", 2_073_600_000), (str(MAX_TIME_MS), MAX_TIME_MS), ("0us", 0), ("1us", 1), ("1000us", 1), ("1001us", 2),
    ("2147483647000us", MAX_TIME_MS), ("0000000000000000000000000000005s", 5_000),
]

BAD_TIMES = [
    ("10x", "x"), ("abc", "a"), ("-1", "-"), ("+5", "+"), ("1.5s", "."), ("10S", "S"), ("1_000", "_"), ("1 s", " "),
    ("1d2h", "2"), ("1min", "i"), ("1u", "u"), ("\u0663s", "\u0663"), ("5\n", "\n"),
]


@pytest.mark.parametrize(("text", "expected"), TIMES)
def test_times_are_milliseconds_rounded_up(text: str, expected: int) -> None:
    assert parse_time_ms(text) == expected


@pytest.mark.parametrize(("text", "wrong"), BAD_TIMES)
def test_bad_times_name_the_first_wrong_character(text: str, wrong: str) -> None:
    with pytest.raises(UnitError) as caught:
        parse_time_ms(text)
    assert str(caught.value) == f"unexpected character '{wrong}'"
    assert caught.value.about("timeout client") == f"unexpected character '{wrong}' in 'timeout client'"
    assert "30s" in caught.value.hint


def test_an_empty_time_is_missing() -> None:
    with pytest.raises(UnitError, match=r"^missing value$"):
        parse_time_ms("")


@pytest.mark.parametrize("text", ["2147483648", "25d", "2147483647001us", "9" * 20, "9" * 5000])
def test_a_time_beyond_24_days_overflows(text: str) -> None:
    with pytest.raises(UnitError) as caught:
        parse_time_ms(text)
    assert caught.value.about("timeout client") == (
        f"timer overflow in argument '{text}' to 'timeout client' (maximum value is 2147483647 ms or ~24.8 days)"
    )


def test_a_bare_number_takes_the_default_unit() -> None:
    assert parse_time_ms("5", "s") == 5_000
    assert parse_time_ms("5ms", "s") == 5
    assert parse_time_s("5") == 5
    assert parse_time_s("5", "ms") == 1
    assert parse_time_s("1500ms") == 2
    assert parse_time_s("2m") == 120


def test_sizes_are_powers_of_1024() -> None:
    assert [parse_size(text) for text in ("0", "1", "1k", "1K", "2m", "3g", str(MAX_SIZE))] == [
        0, 1, 1024, 1024, 2 << 20, 3 << 30, MAX_SIZE,
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "missing value"), ("k", "unexpected character 'k'"), ("1t", "unexpected character 't'"),
        ("1kb", "unexpected character 'b'"),
        ("-1", "unexpected character '-'"), ("1.5m", "unexpected character '.'"), ("0x10", "unexpected character 'x'"),
        ("5g", "size overflow in argument '5g'"), ("4294967296", "size overflow in argument '4294967296'"),
    ],
)
def test_bad_sizes(text: str, problem: str) -> None:
    with pytest.raises(UnitError) as caught:
        parse_size(text)
    assert caught.value.problem == problem


def test_a_size_has_the_limit_it_is_given() -> None:
    assert parse_size("5g", maximum=1 << 40) == 5 << 30
    with pytest.raises(UnitError, match=r"\(maximum value is 100\)"):
        parse_size("101", maximum=100)
