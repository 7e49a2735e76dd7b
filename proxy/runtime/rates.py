"""Events per second, as HAProxy counts them: this second's, plus the part of the last one that still weighs."""

from __future__ import annotations

from typing import Any

PERIOD_MS = 1000


def rate_add(row: Any, at: int, rate_max: int, now_ms: int) -> None:
    """Count one event in the three cells from `at` (second, count, count before) and keep the peak."""
    second = now_ms // PERIOD_MS
    if row[at] == second:
        row[at + 1] += 1
    else:
        row[at + 2] = row[at + 1] if row[at] == second - 1 else 0
        row[at] = second
        row[at + 1] = 1
    rate = row[at + 1]
    if rate > row[rate_max]:
        row[rate_max] = rate


def rate_read(row: Any, at: int, now_ms: int) -> int:
    """Events in the second that ends now."""
    second, elapsed_ms = divmod(now_ms, PERIOD_MS)
    if row[at] == second:
        now, before = row[at + 1], row[at + 2]
    elif row[at] == second - 1:
        now, before = 0, row[at + 1]
    else:
        return 0
    return int(now + before * (PERIOD_MS - elapsed_ms) // PERIOD_MS)
