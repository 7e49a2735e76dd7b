"""What every tracker is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

Value = bool | int | None
Report = Callable[[Value, str], None]
"""Told the value when it has changed, and why."""


class Tracker(Protocol):
    """One tracked thing. `value` is what was last reported."""

    value: Value

    def start(self) -> None:
        """Begin to look."""

    def stop(self) -> None:
        """Look no more, and leave nothing behind."""
