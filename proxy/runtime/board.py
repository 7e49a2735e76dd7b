"""The board: every counter of every proxy, server and listener, in one block of memory that may outlive a process.

data flow:  worker w -> its own column of each row (no locks)  ->  readers add the columns up, or take the greatest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from proxy.runtime.cells import CELLS, MERGE, Merge

CELL_OCTETS = 8


class RowKey(NamedTuple):
    """Names a row: what it counts for, found again by name after a reload.

    `kind` is "frontend", "backend", "server", "listener" or "process"; `name` is empty where the proxy's says it all.
    """

    kind: str
    proxy: str
    name: str = ""


class Board:
    """Rows of counters by name, one column per worker.

    Raises: KeyError for a row that was not declared.
    """

    def __init__(self, keys: Sequence[RowKey], columns: int = 1, memory: bytearray | memoryview | None = None) -> None:
        self.columns = columns
        self._at = {key: number for number, key in enumerate(dict.fromkeys(keys))}
        octets = self.octets_needed(len(self._at), columns)
        block = memoryview(bytearray(octets) if memory is None else memory)
        if len(block) < octets:
            raise ValueError(f"the board needs {octets} octets, got {len(block)}")
        self._cells = block[:octets].cast("q")

    @staticmethod
    def octets_needed(rows: int, columns: int) -> int:
        """How many octets of memory so many rows and columns take."""
        return rows * columns * CELLS * CELL_OCTETS

    @property
    def keys(self) -> tuple[RowKey, ...]:
        return tuple(self._at)

    def row(self, key: RowKey, column: int = 0) -> memoryview:
        """The writable cells of one row in one worker's column."""
        start = (column * len(self._at) + self._at[key]) * CELLS
        return self._cells[start : start + CELLS]

    def total(self, key: RowKey, cell: int) -> int:
        """One counter over all columns."""
        start, step = self._at[key] * CELLS + cell, len(self._at) * CELLS
        values = (self._cells[start + column * step] for column in range(self.columns))
        return max(values) if MERGE[cell] is Merge.MAX else sum(values)

    def totals(self, key: RowKey) -> list[int]:
        """A whole row over all columns."""
        if self.columns == 1:
            return self.row(key).tolist()
        return [self.total(key, cell) for cell in range(CELLS)]

    def carry_over(self, old: Board, cells: Sequence[int]) -> None:
        """Take the named cells of every row that the old board also had: counters survive a reload."""
        for key in self._at.keys() & old._at.keys():
            row = self.row(key)
            for cell in cells:
                row[cell] = old.total(key, cell)

    def clear(self, cells: Sequence[int]) -> None:
        """Set the named cells to zero everywhere ("clear counters")."""
        for column in range(self.columns):
            for key in self._at:
                row = self.row(key, column)
                for cell in cells:
                    row[cell] = 0
