"""What a process, or the graph of objects of one, leaves to its successor by name: counters, and the states of its servers.

    old process: account() + the board's memory ──▶ new process: restore_states (once), Legacy.credit (until the old one has gone)

Counters are read where the old process writes them: what its last streams count arrives too, also when it is killed. The new
one adds what has come since it last looked to its own column. A state is taken over where the configuration says the same as
before; where it was changed (`disabled`, `weight`, the server's address), the new configuration is what somebody wants now.

Left out: gauges (what the old process holds is its own), rates and averages of the last moments, the process's own figures.
The old process may be of another version: cells are found by their names, rows that mean nothing here are passed over.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from proxy.runtime.board import CELL_OCTETS, LINE_CELLS, Board, RowKey
from proxy.runtime.cells import CELL_NAMES, GAUGES, INDEX, MERGE, Merge
from proxy.runtime.process import Process
from proxy.runtime.server import Server

OWN = frozenset(("time_samples", "dequeued", "error_streak", "cpu_ms", "dropped_logs"))
CARRIED: tuple[str, ...] = tuple(
    name for name in CELL_NAMES
    if INDEX[name] not in GAUGES and name not in OWN and not name.endswith(("_sum", "_at", "_now", "_prev"))
)
ROWS_MAX = 1_000_000
NEVER = -1


class ServerMemory(NamedTuple):
    """One server as the old process left it. Units: milliseconds of the machine's monotonic clock, which goes on."""

    backend: str
    name: str
    address: str
    operational: int
    admin: int
    user_weight: int
    configured_weight: int
    is_disabled: bool
    is_checked: bool
    check_disabled: bool
    health: int
    last_change_ms: int
    down_since_ms: int


def remember(server: Server) -> ServerMemory:
    """The server as it stands."""
    return ServerMemory(
        server.backend.name, server.name, str(server.address), int(server.operational), int(server.admin), server.user_weight,
        server.configured_weight, server.disabled, server.check is not None, server.check_disabled, server.health,
        server.last_change_ms, server.down_since_ms,
    )


def account(process: Process) -> dict[str, Any]:
    """What tells a successor how to read the board's memory, and the servers' states; plain values, as JSON has them."""
    board = process.board
    return {
        "cells": list(CELL_NAMES),
        "columns": board.columns,
        "rows": [list(key) for key in board.keys],
        "servers": states(process),
    }


def states(process: Process) -> list[list[Any]]:
    """The servers as they stand; plain values, as JSON has them."""
    return [list(remember(server)) for backend in process.backends for server in backend.servers]


def read_states(said: Iterable[Any]) -> dict[tuple[str, str], ServerMemory]:
    """What `states` gave, by names.

    Raises: ValueError, TypeError for what makes no sense.
    """
    return {(memory.backend, memory.name): memory for memory in map(_server_memory, said)}


class Legacy:
    """An old process's account and the memory of its board.

    An account may have been looked at by somebody else before (`seen`): what was counted until then is not credited again.
    Raises: ValueError, TypeError, KeyError, IndexError for an account that makes no sense.
    """

    def __init__(self, account: Mapping[str, Any], memory: Any) -> None:
        names: list[str] = account["cells"]
        rows, columns = account["rows"], account["columns"]
        if not (isinstance(columns, int) and 0 < columns <= 1000 and len(rows) <= ROWS_MAX):
            raise ValueError("an account of no board")
        self.servers = read_states(account["servers"])
        self._keys = [RowKey(*map(str, key)) for key in rows]
        self._width = len(names)
        self._columns = columns
        self._column_cells = -(-len(rows) * self._width // LINE_CELLS) * LINE_CELLS
        self._names = [name for name in CARRIED if name in names]
        self._pairs = [(names.index(name), INDEX[name], MERGE[INDEX[name]]) for name in self._names]
        self._seen: dict[RowKey, list[int]] = {}
        if "seen" in account:
            self._have_seen(account["seen"]["cells"], account["seen"]["rows"])
        octets = (LINE_CELLS + columns * self._column_cells) * CELL_OCTETS
        if len(memory) < octets:
            raise ValueError("an account of a larger board")
        self._cells = memoryview(memory)[:octets].cast("B").cast("q")[LINE_CELLS:]        # last: memory in use cannot be closed

    def _have_seen(self, cells: list[str], rows: list[list[Any]]) -> None:
        for place, values in rows:
            seen = dict(zip(cells, map(int, values), strict=True))
            self._seen[self._keys[place]] = [seen.get(name, 0) for name in self._names]

    @property
    def seen(self) -> dict[str, Any]:
        """What has been credited; plain values, as JSON has them."""
        places = {key: place for place, key in enumerate(self._keys)}
        return {"cells": self._names, "rows": [[places[key], values] for key, values in self._seen.items()]}

    def credit(self, board: Board) -> None:
        """Add to the board's first column what has been counted since the last time."""
        known = set(board.keys)
        for place, key in enumerate(self._keys):
            if key not in known:
                continue
            values = self._row(place)
            before = self._seen.get(key)
            if values == before:
                continue
            self._seen[key] = values
            row = board.row(key)
            for at, (_, cell, merge) in enumerate(self._pairs):
                if merge is Merge.MAX:
                    row[cell] = max(row[cell], values[at])
                else:
                    row[cell] += values[at] - (before[at] if before else 0)

    def release(self) -> None:
        """Let go of the memory."""
        self._cells.release()

    def _row(self, place: int) -> list[int]:
        """The carried cells of one row over all columns."""
        cells, width = self._cells, self._width
        starts = range(place * width, place * width + self._columns * self._column_cells, self._column_cells)
        rows = [cells[start : start + width].tolist() for start in starts]
        return [
            max(row[at] for row in rows) if merge is Merge.MAX else sum(row[at] for row in rows) for at, _, merge in self._pairs
        ]


def legacy_of(process: Process) -> Legacy:
    """The legacy of objects in this very process."""
    return Legacy(account(process), process.board.memory)


def _server_memory(values: Iterable[Any]) -> ServerMemory:
    memory = ServerMemory(*values)
    if not all(isinstance(value, str) for value in memory[:3]) or not all(isinstance(value, int) for value in memory[3:]):
        raise ValueError("an account of no server")
    return memory
