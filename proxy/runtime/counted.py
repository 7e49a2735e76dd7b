"""Whoever has a row of the board: frontends, listeners, backends, servers, the process."""

from __future__ import annotations

from typing import Any

from proxy.runtime import rows
from proxy.runtime.cells import CELLS


class Counted:
    """The owner of a row.

    `counters` is the row, a memoryview of 64-bit cells, for everybody; `cells` is the same row for the data plane, which counts
    in it for each request (compiled: a pointer).
    """

    __slots__ = ("_row", "cells")

    def __init__(self) -> None:
        self.counters = memoryview(bytearray(CELLS * 8)).cast("q")      # of its own, until there is a board

    @property
    def counters(self) -> Any:
        return self._row

    @counters.setter
    def counters(self, row: Any) -> None:
        self.cells: Any = rows.cells_of(row, CELLS)
        self._row = row
