"""Averages over the last 1024 values without keeping them: a sum from which each new value drives out an average one."""

from __future__ import annotations

from typing import Any

WINDOW = 1024


def average_add(row: Any, sum_cell: int, samples: int, value: int) -> None:
    """Add a value to the sliding sum; `samples` counts the values so far, this one included."""
    if samples <= WINDOW:
        row[sum_cell] += value
    else:
        row[sum_cell] += value - (row[sum_cell] + WINDOW - 1) // WINDOW


def average_read(row: Any, sum_cell: int, samples: int) -> int:
    """The average of the last 1024 values, rounded up; 0 when there was none."""
    count = min(samples, WINDOW)
    return int((row[sum_cell] + count - 1) // count) if count else 0
