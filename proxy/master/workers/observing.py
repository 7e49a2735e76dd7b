"""Health seen in the traffic (`observe`): the workers see it, the master counts it and decides.

    worker: error ─────────────────────▶ SEEN ──▶ master: checks.seen ──▶ error_streak in its column of the board
    worker: success, while there is a streak ─▶ SEEN ─┘                          │
            └────────────────────────────── read for each success ◀──────────────┘

A success tells nothing while no error stands against the server, so that the traffic of a healthy one sends nothing. A worker
that has told of an error does not wait for the board to show it: its next success is told too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from proxy.core.stream.failure import Failure
from proxy.engine.worker import Worker
from proxy.health.checks import Checks
from proxy.health.observe import Seen, failure_seen, status_seen
from proxy.master.workers.channel import LineBroken, values_of
from proxy.runtime.cells import ERROR_STREAK
from proxy.runtime.process import MASTER_COLUMN, Process, row_key
from proxy.runtime.server import Server

SEEN = b"o"
FINE = frozenset((Seen.CONNECTED, Seen.ANSWERED))


class Observer:
    """A worker's side: tells the master. `tell(kind, *values)` sends a packet."""

    def __init__(self, worker: Worker, tell: Callable[..., None]) -> None:
        self._tell = tell
        self._told: set[Server] = set()         # of an error, and of no success since
        process = worker.process
        servers = [server for backend in process.backends for server in backend.servers if server.observe and server.check]
        self._streaks: dict[Server, Any] = {server: process.board.row(row_key(server), MASTER_COLUMN) for server in servers}
        if servers:
            worker.server_failed = self.failed
            worker.server_answered = self.answered
            worker.server_connected = self.connected

    def failed(self, server: Server, why: Failure) -> None:
        seen = failure_seen(why)
        if seen is not None:
            self._saw(server, seen)

    def answered(self, server: Server, status: int) -> None:
        if server.observe == "layer7":
            self._saw(server, status_seen(status))
        else:
            self.connected(server)

    def connected(self, server: Server) -> None:
        if server.observe == "layer4":
            self._saw(server, Seen.CONNECTED)

    def _saw(self, server: Server, seen: Seen) -> None:
        row = self._streaks.get(server)
        if row is None:
            return
        if seen not in FINE:
            self._told.add(server)
        elif row[ERROR_STREAK] or server in self._told:
            self._told.discard(server)
        else:
            return
        self._tell(SEEN, server.backend.name, server.index, seen.name)


def take_seen(process: Process, checks: Checks, payload: bytes) -> None:
    """The master's side: act on what a worker saw.

    Raises: LineBroken for what makes no sense.
    """
    backend_name, index, name = values_of(payload, str, int, str)
    backend, seen = process.backend(backend_name), Seen.__members__.get(name)
    if backend is None or seen is None or not 0 <= index < len(backend.servers):
        raise LineBroken
    server = backend.servers[index]
    checks.seen(server, seen)
    server.counters[ERROR_STREAK] = server.consecutive_errors
