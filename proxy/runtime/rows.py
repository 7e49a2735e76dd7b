"""A row of the board as the data plane sees it."""

from __future__ import annotations

from typing import Any


def cells_of(row: Any, count: int) -> Any:
    """What `row[CELL] += 1` counts in: the row itself here, a pointer to its first cell in compiled modules (rows.pxd).

    Raises: ValueError for a row that is shorter than `count` cells.
    """
    if len(row) < count:
        raise ValueError("a row of the board is too short")
    return row
