"""Stored and new times of the micro-benchmarks."""

from bench.micro_compare import compared, dearer, times_us

REPORT = {"benchmarks": [{"fullname": "bench/micro/test_heads.py::test_read", "name": "test_read", "stats": {"min": 2.5e-6}}]}


def test_names_are_of_file_and_function() -> None:
    assert times_us(REPORT) == {"test_heads: test_read": 2.5}


def test_each_tree_is_compared_with_the_stored_times() -> None:
    lines = compared({"a": 2.0}, {"now": {"a": 3.0, "new": 1.0}, "pure": {"a": 4.0}}).splitlines()
    told = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert told[0] == ["benchmark", "stored µs", "now µs", "ratio", "pure µs", "ratio"]
    assert told[2:] == [["a", "2.00", "3.00", "1.50", "4.00", "2.00"], ["new", "-", "1.00", "-", "-", "-"]]


def test_what_became_dearer() -> None:
    assert dearer({"a": 1.0, "b": 1.0}, {"a": 1.14, "b": 1.16, "new": 9.0}) == ["b"]
