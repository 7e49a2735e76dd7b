"""Stored and new times of the micro-benchmarks."""

from bench.micro_compare import compared, dearer, times_us

REPORT = {"benchmarks": [{"fullname": "bench/micro/test_heads.py::test_read", "name": "test_read", "stats": {"min": 2.5e-6}}]}


def test_names_are_of_file_and_function() -> None:
    assert times_us(REPORT) == {"test_heads: test_read": 2.5}


def test_each_build_is_compared_with_its_stored_times() -> None:
    stored = {"compiled": {"a": 2.0}, "pure": {"a": 8.0}}
    columns = {"compiled": {"a": 3.0, "new": 1.0}, "pure": {"a": 4.0}, "older": {"a": 5.0}}
    told = [[cell.strip() for cell in line.strip("|").split("|")] for line in compared(stored, columns).splitlines()]
    assert told[0] == ["benchmark", "compiled µs", "by stored", "pure µs", "by stored", "older µs", "by stored"]
    assert told[2:] == [["a", "3.00", "1.50", "4.00", "0.50", "5.00", "-"], ["new", "1.00", "-", "-", "-", "-", "-"]]


def test_what_became_dearer() -> None:
    stored = {"compiled": {"a": 1.0, "b": 1.0}, "pure": {"a": 1.0}}
    assert dearer(stored, {"compiled": {"a": 1.14, "b": 1.16, "new": 9.0}, "pure": {"a": 1.2}}) == ["b (compiled)", "a (pure)"]
