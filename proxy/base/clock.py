"""Time, read in one place: the core never asks for it, it is told."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Two clocks: one that never jumps, one that a human reads."""

    def monotonic_ms(self) -> int:
        """Milliseconds from an arbitrary start, never going back."""

    def wall_s(self) -> float:
        """Seconds since the epoch, with a fraction."""


class SystemClock:
    """The machine's own clocks."""

    __slots__ = ()

    def monotonic_ms(self) -> int:
        return time.monotonic_ns() // 1_000_000

    def wall_s(self) -> float:
        return time.time()


def utc_offset_s(second: int) -> int:
    """How many seconds the machine's time zone is ahead of UTC at that second since the epoch."""
    return time.localtime(second).tm_gmtoff
