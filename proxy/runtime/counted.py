"""Whoever has a row of the board: frontends, listeners, backends, servers, the process."""

from __future__ import annotations

from typing import Any

from proxy.runtime import rows
from proxy.runtime.cells import CELLS


class Counted:
    """The owner of a row.

    `counters` is the row, a memoryview of 64-bit cells, for everybody; `cells` is the same row for the data plane, which counts
    in it for each request (compiled: a pointer). `beside` begins with this row in the first worker's column; each next worker's
    is `stride` cells further, and they end at `span`. One process is one worker, whose row is its own.
    """

    __slots__ = ("_beside", "_row", "beside", "cells", "span", "stride")

    def __init__(self) -> None:
        self.counters = memoryview(bytearray(CELLS * 8)).cast("q")      # of its own, until there is a board

    @property
    def counters(self) -> Any:
        return self._row

    @counters.setter
    def counters(self, row: Any) -> None:
        self.cells: Any = rows.cells_of(row, CELLS)
        self._row = row
        self.look_beside(row, CELLS, 1)

    def look_beside(self, beside: Any, stride: int, workers: int) -> None:
        """See the rows of so many workers; `beside` begins with the first one's and has all of them."""
        self.stride = stride
        self.span = stride * (workers - 1) + CELLS
        self.beside: Any = rows.cells_of(beside, self.span)
        self._beside = beside

    @property
    def workers(self) -> int:
        """How many there are."""
        return (self.span - CELLS) // self.stride + 1

    def is_shared(self) -> bool:
        """True where several workers count for the same thing."""
        return self.span > self.stride

    def by_all(self, cell: int) -> int:
        """What all workers have in a cell, together."""
        total, at = 0, cell
        while at < self.span:               # cell < CELLS <= stride
            total += self.beside[at]
            at += self.stride
        return total

    def by(self, number: int, cell: int) -> int:
        """What one worker, from 1 on, has in a cell."""
        at = (number - 1) * self.stride + cell
        return int(self.beside[at]) if 0 <= at < self.span else 0

    def grow(self, gauge: int, peak: int, own: int) -> None:
        """Set a gauge that has grown to `own`, and the peak of what all workers hold together.

        Two that grow in the same instant may each miss the other's step; the next one that grows does not.
        """
        row = self.cells
        row[gauge] = own
        together = self.by_all(gauge) if self.span > self.stride else own
        if together > row[peak]:
            row[peak] = together
