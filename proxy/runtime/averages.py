"""Averages over the last 1024 values without keeping them: a sum from which each new value drives out an average one."""

from __future__ import annotations

from typing import Any

from proxy.runtime.cells import AVERAGE_WINDOW


def average_add(row: Any, sum_cell: int, max_cell: int, samples: int, value: int) -> None:
    """Add a value to the sliding sum, and to the peak; `samples` counts the values so far, this one included.

    A negative one was not measured, and counts as nothing.
    """
    added = value if value > 0 else 0
    total = row[sum_cell]
    if samples > AVERAGE_WINDOW:
        added -= (total + AVERAGE_WINDOW - 1) // AVERAGE_WINDOW
    row[sum_cell] = total + added
    if value > row[max_cell]:
        row[max_cell] = value


def average_read(row: Any, sum_cell: int, samples: int) -> int:
    """The average of the last 1024 values, rounded up; 0 when there was none."""
    count = min(samples, AVERAGE_WINDOW)
    return int((row[sum_cell] + count - 1) // count) if count else 0
