"""The idle connections of one server, kept for the streams to come.

Connections that have carried more than one stream are "safe": their server is known to keep them alive.

    http-reuse    first request of a client      later requests
    never         new connection                 the session's own
    safe          new connection                 any idle one
    aggressive    a safe one                     any idle one
    always        any idle one                   any idle one

Source: HAProxy configuration manual, "http-reuse", "pool-max-conn", "pool-purge-delay".
"""

from __future__ import annotations

from typing import Any

from proxy.core.stream.ports import Reusable
from proxy.core.timers import Entry, TimerWheel
from proxy.runtime.cells import IDLE_CUR, SAFE_CUR
from proxy.runtime.server import Server


class IdlePool(Entry):
    """The idle connections of a server, the one used last on top.

    Units: `purge_delay_ms` in milliseconds; each time it passes, half of the idle connections are closed.
    """

    __slots__ = ("_limit", "_purge_delay_ms", "_server", "_timers", "connections")

    def __init__(self, server: Server, timers: TimerWheel) -> None:
        Entry.__init__(self)
        self.connections: list[Any] = []
        self._limit = server.pool_max_conn
        self._purge_delay_ms = server.pool_purge_delay_ms
        self._server = server
        self._timers = timers

    def put(self, connection: Reusable, now_ms: int) -> bool:
        """Keep a connection; False when it may not be kept and is the caller's to close."""
        if self._purge_delay_ms == 0 or 0 <= self._limit <= len(self.connections):
            return False
        self.connections.append(connection)
        self._count(connection, 1)
        if self.deadline_ms == 0:
            self._timers.arm(self, now_ms + self._purge_delay_ms)
        return True

    def take(self, reuse: str, is_first: bool) -> Any | None:
        """A connection that a stream may use under this `http-reuse`, or None."""
        connections = self.connections
        if not connections or reuse == "never" or (is_first and reuse == "safe"):
            return None
        if is_first and reuse == "aggressive":
            connection = self._last_safe()
            if connection is None:
                return None
            connections.remove(connection)
        else:
            connection = connections.pop()
        self._count(connection, -1)
        return connection

    def _last_safe(self) -> Any | None:
        for connection in reversed(self.connections):
            if connection.is_safe:
                return connection
        return None

    def remove(self, connection: Reusable) -> None:
        """Forget a connection that its server has closed."""
        if connection in self.connections:
            self.connections.remove(connection)
            self._count(connection, -1)

    def clear(self) -> None:
        """Close them all: the server has gone, or the process ends."""
        self._timers.forget(self)
        self._close(len(self.connections))

    def deadline_reached(self, now_ms: int) -> None:
        """The purge delay has passed: close the older half."""
        self._close((len(self.connections) + 1) // 2)
        if self.connections:
            self._timers.arm(self, now_ms + self._purge_delay_ms)

    def _close(self, count: int) -> None:
        leaving, self.connections[:count] = self.connections[:count], []
        for connection in leaving:
            self._count(connection, -1)
            connection.discard()

    def _count(self, connection: Reusable, step: int) -> None:
        row = self._server.cells
        row[SAFE_CUR if connection.is_safe else IDLE_CUR] += step
