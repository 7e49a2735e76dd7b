"""The board: every counter of every proxy, server and listener, in one block of memory that may outlive a process.

    worker w ──+= 1──▶ its own column (no locks) ◀──sum, greatest, average── readers: the master's statistics, and workers
    master ───+= 1──▶ column 0: what checks count       where a limit holds for all of them together
    master ──writes──▶ `orders`: how many orders it has given; workers look at it once per turn of their loop

One process (`nbthread 1`, embedded): one column that is everybody's. Workers: one mapping made before the fork, column 0 for
the master and one for each worker; a worker that is started again takes over its predecessor's column, and with it the counters.
The memory of a program's board has a descriptor, by which the next program reads on (`legacy.py`); an embedded one's is private.

A cell has one writer (`cells.py` says who), is 64 bits wide and lies at a multiple of 8, so that a plain store is one store on
x86-64 and arm64: readers see the value before or after it, never a part. `+= 1` by one writer loses nothing; what would need two
(the turns of round robin) is not on the board but in `turn.py`. Nobody relies on the order in which another process sees two
stores, save that a system call lies between them. Each column begins on a cache line of its own: workers do not slow each other.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, NamedTuple

from proxy.runtime.cells import CELLS, CONN_RATE_AT, CONN_RATE_MAX, MERGE, RATE_AT, RATE_MAX, REQ_RATE_AT, REQ_RATE_MAX, Merge
from proxy.runtime.counted import Counted
from proxy.runtime.rates import rate_peak

CELL_OCTETS = 8
LINE_CELLS = 8              # a cache line's
RATES = ((CONN_RATE_AT, CONN_RATE_MAX), (RATE_AT, RATE_MAX), (REQ_RATE_AT, REQ_RATE_MAX))
MAXIMA = frozenset(index for index, merge in enumerate(MERGE) if merge is Merge.MAX)


class RowKey(NamedTuple):
    """Names a row: what it counts for, found again by name after a reload.

    `kind` is "frontend", "backend", "server", "listener" or "process"; `name` is empty where the proxy's says it all.
    """

    kind: str
    proxy: str
    name: str = ""


class Board:
    """Rows of counters by name, in one or several columns.

    `orders` is one cell, the master's.
    Raises: KeyError for a row that was not declared; ValueError for too little memory.
    """

    def __init__(self, keys: Sequence[RowKey], columns: int = 1, memory: Any = None) -> None:
        self.columns = columns
        self._at = {key: number for number, key in enumerate(dict.fromkeys(keys))}
        self._column_cells = _column_cells(len(self._at))
        octets = self.octets_needed(len(self._at), columns)
        block = memoryview(bytearray(octets) if memory is None else memory)
        if len(block) < octets:
            raise ValueError(f"the board needs {octets} octets, got {len(block)}")
        self.memory = block
        self.fd = -1                        # the descriptor of that memory, where a successor may be given it
        cells = block[:octets].cast("B").cast("q")
        self.orders = cells[:1]
        self._cells = cells[LINE_CELLS:]

    @staticmethod
    def octets_needed(rows: int, columns: int) -> int:
        """How many octets of memory so many rows and columns take."""
        return (LINE_CELLS + columns * _column_cells(rows)) * CELL_OCTETS

    @property
    def keys(self) -> tuple[RowKey, ...]:
        return tuple(self._at)

    def row(self, key: RowKey, column: int = 0) -> memoryview:
        """The writable cells of one row in one column."""
        start = column * self._column_cells + self._at[key] * CELLS
        return self._cells[start : start + CELLS]

    def rows(self, key: RowKey) -> tuple[memoryview, ...]:
        """One row in every column."""
        return tuple(self.row(key, column) for column in range(self.columns))

    def look_beside(self, counted: Counted, key: RowKey) -> None:
        """Let the owner of a row see it in the columns of all workers."""
        first = 0 if self.columns == 1 else 1
        start = first * self._column_cells + self._at[key] * CELLS
        counted.look_beside(self._cells[start:], self._column_cells, self.columns - first)

    def total(self, key: RowKey, cell: int) -> int:
        """One counter over all columns."""
        values = (row[cell] for row in self.rows(key))
        return max(values) if cell in MAXIMA else sum(values)

    def totals(self, key: RowKey) -> list[int]:
        """A whole row over all columns."""
        return merged(self.rows(key))

    def clear(self, cells: Sequence[int], column: int | None = None) -> None:
        """Set the named cells to zero, in one column or everywhere ("clear counters"): by whose cells they are."""
        for each in range(self.columns) if column is None else (column,):
            for key in self._at:
                row = self.row(key, each)
                for cell in cells:
                    row[cell] = 0


    def close(self) -> None:
        """Give back the descriptor; the memory stays as long as somebody looks at it."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def _column_cells(rows: int) -> int:
    """The cells of a column, in whole cache lines."""
    return -(-rows * CELLS // LINE_CELLS) * LINE_CELLS


def merged(rows: Sequence[Any]) -> list[int]:
    """The values of a row that several columns make together, peaks of rates brought up to date."""
    if len(rows) == 1:
        cells: list[int] = rows[0].tolist()
    else:
        columns = zip(*(row.tolist() for row in rows), strict=True)
        cells = [max(values) if cell in MAXIMA else sum(values) for cell, values in enumerate(columns)]
    for at, rate_max in RATES:
        cells[rate_max] = rate_peak(rows, at, rate_max)
    return cells
