"""Everything that runs for one configuration: the proxies by name and the limits they share.

With workers each of them, and the master, has its own copy of these objects and its own column of the board for their counters.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from proxy.runtime.backend import Backend
from proxy.runtime.board import Board, RowKey
from proxy.runtime.cells import CONN_CUR
from proxy.runtime.counted import Counted
from proxy.runtime.frontend import Frontend, Listener
from proxy.runtime.server import Server
from proxy.runtime.turn import Turn

PROCESS_ROW = RowKey("process", "")
MASTER_COLUMN = 0               # of the master, where there are workers; theirs follow


def row_key(thing: Counted) -> RowKey:
    """The board's name for the counters of a proxy's side, a server or a listener."""
    if isinstance(thing, Server):
        return RowKey("server", thing.backend.name, thing.name)
    if isinstance(thing, Listener):
        return RowKey("listener", thing.frontend.name, str(thing.lid))
    if isinstance(thing, Frontend):
        return RowKey("frontend", thing.name)
    if isinstance(thing, Backend):
        return RowKey("backend", thing.name)
    return PROCESS_ROW


class Process(Counted):
    """A configuration at work.

    `frontends` and `backends` are in the order of the configuration; a listen section gives one of each with the same name
    and `iid`.
    """

    __slots__ = (
        "backends", "board", "bufsize", "closing", "description", "frontends", "hard_maxconn", "hard_stop_after_ms",
        "http_maxhdr", "listeners_count", "log", "maxconn", "maxrewrite", "may_splice", "named_servers", "nbthread", "node",
        "pid", "requests", "served", "settings", "start_monotonic_ms", "start_wall_s", "traces", "version",
    )

    def __init__(self) -> None:
        Counted.__init__(self)
        self.frontends: list[Frontend] = []
        self.backends: list[Backend] = []
        self.named_servers: list[Any] = []              # runtime.resolver_plan.NamedServer: those that a resolvers section is for
        self.board: Board = Board([PROCESS_ROW])
        self.counters = self.board.row(PROCESS_ROW)
        self.log: Any = None                            # the global log (runtime.log.Log) or None
        self.settings: Any = None                       # the global settings as configured, for those who show them
        self.node = ""
        self.description = ""
        self.version = ""
        self.pid = 0
        self.nbthread = 1
        self.maxconn = 0
        self.hard_maxconn = 0                           # what it was at the start, beyond which no command raises it
        self.bufsize = 16384
        self.maxrewrite = 1024
        self.http_maxhdr = 101
        self.may_splice = True                          # may octets pass that nobody has looked at (nosplice, -dS)
        self.hard_stop_after_ms: int | None = None
        self.start_wall_s = 0.0
        self.start_monotonic_ms = 0
        self.served = 0                                 # client connections of this worker now, all frontends
        self.requests = Turn()                          # what numbers requests and TCP sessions, of all workers together
        self.traces = Turn()                            # likewise what -d shows
        self.closing = False                            # a soft stop is under way
        self.listeners_count = 0

    def enabled_listeners(self) -> Iterator[Listener]:
        """Where clients are to be listened for."""
        for frontend in self.frontends:
            if not frontend.disabled:
                yield from frontend.listeners

    def counted(self) -> Iterator[Counted]:
        """All that has a row on the board."""
        yield self
        for frontend in self.frontends:
            yield frontend
            yield from frontend.listeners
        for backend in self.backends:
            yield backend
            yield from backend.servers

    def take_column(self, column: int) -> None:
        """Count in this column of the board from now on, and see what all workers have in theirs."""
        for thing in self.counted():
            key = row_key(thing)
            thing.counters = self.board.row(key, column)
            self.board.look_beside(thing, key)

    def served_by_all(self) -> int:
        """The client connections now, whichever worker has them."""
        return self.by_all(CONN_CUR) if self.is_shared() else self.served

    def backend(self, name: str) -> Backend | None:
        return next((backend for backend in self.backends if backend.name == name), None)

    def frontend(self, name: str) -> Frontend | None:
        return next((frontend for frontend in self.frontends if frontend.name == name), None)

    def server(self, backend_name: str, server_name: str) -> Server | None:
        backend = self.backend(backend_name)
        return backend.server(server_name) if backend else None
