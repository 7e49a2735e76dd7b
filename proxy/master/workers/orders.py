"""What the master has its workers do: the table of orders, how they are given, how one is followed.

| order | what a worker does |
|---|---|
| STATE backend, server, state... | follow a change of a server (`runtime.following`) |
| KILL backend, server | end every session on the server (shutdown sessions) |
| CLEAR cells | set these cells of its column to 0 (clear counters) |
| PAUSE, RESUME | stop listening, listen again (SIGTTOU, SIGTTIN) |
| FRONTEND number, what | "pause", "resume" or "stop" the listeners of one |
| LIMIT number, maxconn | limit the client connections of a frontend, or of the process (-1) |
| INQUIRE number, what, which | answer with TOLD: "sessions", "shut" (`master.session_list`) |
| MEMORY | tell its memory (SIGQUIT) |
| SOFT_STOP, HARD_STOP | end |

Every worker gets every order, in the same order. First it is sent to all, then the count on the board is raised: a worker that
sees a count which it has not reached reads its line, and the order is there (or, if the line was full, will be).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from proxy.core.stream.failure import KILLED
from proxy.engine.worker import Worker
from proxy.master import session_list
from proxy.master.workers.channel import LineBroken, values_of
from proxy.runtime.backend import Backend
from proxy.runtime.cells import CELLS
from proxy.runtime.following import ServerState, follow, state_of
from proxy.runtime.frontend import Frontend
from proxy.runtime.log import Events
from proxy.runtime.process import Process
from proxy.runtime.server import Server

STATE, KILL, CLEAR, PAUSE, RESUME, MEMORY, SOFT_STOP, HARD_STOP = b"S", b"K", b"C", b"P", b"R", b"M", b"s", b"h"
FRONTEND, LIMIT, INQUIRE = b"F", b"L", b"I"
TOLD = b"t"
THE_PROCESS = -1
_OTHER_KINDS = {"sockaddr": (str, list, type(None)), "port_offset": (int, type(None))}
_STATE_KINDS: tuple[Any, ...] = tuple(_OTHER_KINDS.get(name, int) for name in ServerState._fields)
ORDERS = frozenset((STATE, KILL, CLEAR, PAUSE, RESUME, MEMORY, SOFT_STOP, HARD_STOP, FRONTEND, LIMIT, INQUIRE))


class OrderGiver:
    """The master's side. `send` sends a packet to every worker."""

    def __init__(self, process: Process, send: Callable[[bytes, bytes], None]) -> None:
        self._process = process
        self._send = send

    def give(self, order: bytes, *values: Any) -> None:
        """Give an order to every worker."""
        self._send(order, json.dumps(values, separators=(",", ":")).encode())
        self._process.board.orders[0] += 1

    def server_changed(self, server: Server, was_up: bool, now_ms: int) -> tuple[int, int]:
        """Let the workers follow a change; gives (streams that will change queues, streams left in the server's)."""
        requeued, remaining = _moved(server, was_up)
        self.give(STATE, *_place(server), *state_of(server))
        return requeued, remaining

    def shut_sessions(self, server: Server) -> None:
        """End every session on a server."""
        self.give(KILL, *_place(server))


def _place(server: Server) -> tuple[str, int]:
    return server.backend.name, server.index


def _moved(server: Server, was_up: bool) -> tuple[int, int]:
    """What a change is about to do to queues, by what stands on the board."""
    backend, waiting = server.backend, server.queued_by_all()
    if was_up and not server.is_up:
        return (waiting, 0) if backend.redispatch_after else (0, waiting)
    if not was_up and server.is_up:
        common = backend.queued_by_all()
        if not server.maxconn:
            return common, 0
        room = max(0, server.dynamic_maxconn() - server.served_by_all())
        own = min(waiting, room)
        return min(common, room - own), waiting - own
    return 0, waiting


def _nothing() -> None:
    """There is no line yet."""


class OrderFollower:
    """A worker's side (`engine.worker.Orders`): `followed` orders of those `given`, which is the board's cell.

    `follow` reads the line and calls `take`; whoever has the line sets it.
    """

    __slots__ = ("_actions", "_column", "_events", "_process", "_tell", "_worker", "follow", "followed", "given")

    def __init__(
        self, worker: Worker, events: Events, column: int, stop: Callable[[bool], None], memory: Callable[[], None],
        tell: Callable[..., None],
    ) -> None:
        self._worker = worker
        self._process = worker.process
        self._events = events
        self._column = column
        self._tell = tell
        self._actions: dict[bytes, Callable[[bytes], None]] = {
            STATE: self._state, KILL: self._kill, CLEAR: self._clear, MEMORY: lambda payload: memory(),
            PAUSE: lambda payload: worker.pause(), RESUME: lambda payload: worker.resume(),
            SOFT_STOP: lambda payload: stop(False), HARD_STOP: lambda payload: stop(True),
            FRONTEND: self._frontend, LIMIT: self._limit, INQUIRE: self._inquire,
        }
        self.given = worker.process.board.orders
        self.followed = int(self.given[0])
        self.follow: Callable[[], None] = _nothing

    def take(self, order: bytes, payload: bytes) -> None:
        """Follow one order.

        Raises: LineBroken for one that makes no sense.
        """
        self.followed += 1
        self._actions[order](payload)

    def _state(self, payload: bytes) -> None:
        backend, index, *values = values_of(payload, str, int, *_STATE_KINDS)
        state = ServerState(*values)
        if isinstance(state.sockaddr, list):
            state = state._replace(sockaddr=tuple(state.sockaddr))
        follow(self._server(backend, index), state, self._worker.now_ms, self._events)

    def _kill(self, payload: bytes) -> None:
        self._worker.shut_sessions(self._server(*values_of(payload, str, int)), KILLED)

    def _clear(self, payload: bytes) -> None:
        (cells,) = values_of(payload, list)
        if not all(isinstance(cell, int) and 0 <= cell < CELLS for cell in cells):
            raise LineBroken
        self._process.board.clear(cells, self._column)

    def _frontend(self, payload: bytes) -> None:
        number, what = values_of(payload, int, str)
        acts: dict[str, Callable[[Frontend], object]] = {
            "pause": self._worker.pause_frontend, "resume": self._worker.resume_frontend, "stop": self._worker.stop_frontend}
        if what not in acts or not 0 <= number < len(self._process.frontends):
            raise LineBroken
        acts[what](self._process.frontends[number])

    def _limit(self, payload: bytes) -> None:
        number, maxconn = values_of(payload, int, int)
        if not THE_PROCESS <= number < len(self._process.frontends):
            raise LineBroken
        self._worker.limit(None if number == THE_PROCESS else self._process.frontends[number], maxconn)

    def _inquire(self, payload: bytes) -> None:
        number, what, which = values_of(payload, int, str, str)
        if what == "sessions":
            self._tell(TOLD, number, session_list.tell(self._worker, self._column, which))
        elif what == "shut":
            self._tell(TOLD, number, "shut" if session_list.shut(self._worker, self._column, which) else "")
        else:
            raise LineBroken

    def _server(self, backend_name: str, index: int) -> Server:
        backend: Backend | None = self._process.backend(backend_name)
        if backend is None or not 0 <= index < len(backend.servers):
            raise LineBroken
        return backend.servers[index]
