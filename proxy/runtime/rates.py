"""Events per second, as HAProxy counts them: this second's, plus the part of the last one that still weighs.

A rate is three cells from `at` on: the second counted in, its count, the count of the second before. Each worker has its own;
they all go by the same clock, so that the counts of one second add up. The peak is the most that any whole second saw in all
workers together: whoever begins a new second looks back at the one that ended. The last one to do so sees what the others
counted to the end, and a worker that never begins another second has its last one looked at by `rate_peak`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from proxy.runtime.counted import Counted

PERIOD_MS = 1000


def rate_add(counted: Counted, at: int, rate_max: int, now_ms: int) -> None:
    """Count one event."""
    row = counted.cells
    second = now_ms // PERIOD_MS
    if row[at] == second:
        row[at + 1] += 1
    else:
        _begin_second(counted, at, rate_max, second)


def _begin_second(counted: Counted, at: int, rate_max: int, second: int) -> None:
    row, beside = counted.cells, counted.beside
    ended, peak, there = row[at], 0, at
    while there < counted.span:                 # at + 2 < CELLS: a rate's three cells are in one row
        if beside[there] == ended:
            peak += beside[there + 1]
        elif beside[there] == ended + 1:
            peak += beside[there + 2]
        there += counted.stride
    if peak > row[rate_max]:
        row[rate_max] = peak
    row[at + 2] = row[at + 1] if ended == second - 1 else 0
    row[at + 1] = 1                             # before the second itself: who looks in between counts too little, never too much
    row[at] = second


def rate_read(row: Any, at: int, now_ms: int) -> int:
    """Events in the second that ends now, of one row."""
    second, elapsed_ms = divmod(now_ms, PERIOD_MS)
    begun = row[at]
    if begun == second:
        now, before = row[at + 1], row[at + 2]
    elif begun == second - 1:
        now, before = 0, row[at + 1]
    else:
        return 0
    return int(now + before * (PERIOD_MS - elapsed_ms) // PERIOD_MS)


def rate_by_all(counted: Counted, at: int, now_ms: int) -> int:
    """Events in the second that ends now, of all workers."""
    second, left_ms = now_ms // PERIOD_MS, PERIOD_MS - now_ms % PERIOD_MS
    beside, there, rate = counted.beside, at, 0
    while there < counted.span:                 # as in _begin_second
        if beside[there] == second:
            rate += beside[there + 1] + beside[there + 2] * left_ms // PERIOD_MS
        elif beside[there] == second - 1:
            rate += beside[there + 1] * left_ms // PERIOD_MS
        there += counted.stride
    return rate


def count_in(row: Any, at: int, second: int) -> int:
    """How many events one row saw in a second, 0 where that is too long ago."""
    begun = row[at]
    if begun == second:
        return int(row[at + 1])
    return int(row[at + 2]) if begun == second + 1 else 0


def rate_peak(rows: Sequence[Any], at: int, rate_max: int) -> int:
    """The most events that one second saw, over the rows of all workers, the present second included."""
    seconds = {row[at] for row in rows}
    found = max(row[rate_max] for row in rows)
    for second in seconds | {second - 1 for second in seconds}:
        found = max(found, sum(count_in(row, at, second) for row in rows))
    return int(found)
