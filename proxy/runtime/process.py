"""Everything that runs in one process: the proxies by name and the limits they share."""

from __future__ import annotations

from typing import Any

from proxy.runtime.backend import Backend
from proxy.runtime.board import Board, RowKey
from proxy.runtime.counted import Counted
from proxy.runtime.frontend import Frontend
from proxy.runtime.server import Server

PROCESS_ROW = RowKey("process", "")


class Process(Counted):
    """A configuration at work.

    `frontends` and `backends` are in the order of the configuration; a listen section gives one of each with the same name
    and `iid`.
    """

    __slots__ = (
        "backends", "board", "bufsize", "closing", "description", "frontends", "hard_stop_after_ms", "http_maxhdr",
        "listeners_count", "log", "maxconn", "maxrewrite", "nbthread", "node", "pid", "request_counter", "served", "settings",
        "start_monotonic_ms", "start_wall_s", "version",
    )

    def __init__(self) -> None:
        Counted.__init__(self)
        self.frontends: list[Frontend] = []
        self.backends: list[Backend] = []
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
        self.bufsize = 16384
        self.maxrewrite = 1024
        self.http_maxhdr = 101
        self.hard_stop_after_ms: int | None = None
        self.start_wall_s = 0.0
        self.start_monotonic_ms = 0
        self.served = 0                                 # client connections now, all frontends
        self.request_counter = 0
        self.closing = False                            # a soft stop is under way
        self.listeners_count = 0

    def backend(self, name: str) -> Backend | None:
        return next((backend for backend in self.backends if backend.name == name), None)

    def frontend(self, name: str) -> Frontend | None:
        return next((frontend for frontend in self.frontends if frontend.name == name), None)

    def server(self, backend_name: str, server_name: str) -> Server | None:
        backend = self.backend(backend_name)
        return backend.server(server_name) if backend else None
