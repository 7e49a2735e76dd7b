"""Who does what commands want of the data plane (`admin.plane.Plane`): the one worker of a process, or those of a master.

A frontend that is stopped or paused is so on the master's objects too, which new workers are copies of.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from proxy.engine.worker import Worker
from proxy.master import session_list
from proxy.master.state_dump import Say, tell_frontend
from proxy.master.workers.orders import CLEAR, FRONTEND, INQUIRE, LIMIT, THE_PROCESS, OrderGiver
from proxy.runtime.frontend import Frontend
from proxy.runtime.process import MASTER_COLUMN, Process
from proxy.runtime.server import Server

PATIENCE_S = 5.0                # for the answers of workers
ONE_PROCESS = 0


class OwnPlane:
    """The worker is in this process."""

    def __init__(self, worker: Worker, say: Say) -> None:
        self._worker = worker
        self._say = say

    def server_changed(self, server: Server) -> None:
        worker = self._worker
        worker.turn()
        worker.server_changed(server, server.is_up, worker.now_ms)

    def shut_sessions(self, server: Server) -> None:
        self._worker.shut_sessions(server)

    def pause(self, frontend: Frontend) -> None:
        self._worker.pause_frontend(frontend)
        tell_frontend("Paused", frontend, self._say)

    def resume(self, frontend: Frontend) -> bool:
        resumed = self._worker.resume_frontend(frontend)
        tell_frontend("Resumed", frontend, self._say)
        return resumed

    def stop(self, frontend: Frontend) -> None:
        self._worker.stop_frontend(frontend)
        tell_frontend("stopped", frontend, self._say)

    def limit(self, frontend: Frontend | None, maxconn: int) -> None:
        self._worker.limit(frontend, maxconn)

    def clear(self, cells: Sequence[int]) -> None:
        self._worker.process.board.clear(cells)

    def sessions(self, which: str) -> str:
        self._worker.turn()
        return session_list.tell(self._worker, ONE_PROCESS, which)

    def shut_session(self, which: str) -> bool:
        self._worker.turn()
        return session_list.shut(self._worker, ONE_PROCESS, which)


class WorkersPlane:
    """The workers are other processes: `close_sockets` closes the master's own of a frontend, `hands` are who has to answer."""

    def __init__(
        self, process: Process, orders: OrderGiver, say: Say, hands: Callable[[], Sequence[int]],
        close_sockets: Callable[[Frontend], None],
    ) -> None:
        self._process = process
        self._orders = orders
        self._say = say
        self._hands = hands
        self._close_sockets = close_sockets
        self._asked = 0
        self._inquiries: dict[int, Inquiry] = {}

    def server_changed(self, server: Server) -> None:
        self._orders.server_changed(server, server.is_up, 0)

    def shut_sessions(self, server: Server) -> None:
        self._orders.shut_sessions(server)

    def pause(self, frontend: Frontend) -> None:
        self._have(frontend, "pause", paused=True)
        tell_frontend("Paused", frontend, self._say)

    def resume(self, frontend: Frontend) -> bool:
        self._have(frontend, "resume", paused=False)
        tell_frontend("Resumed", frontend, self._say)
        return True

    def stop(self, frontend: Frontend) -> None:
        frontend.stopped = True
        self._have(frontend, "stop", paused=frontend.paused)
        self._close_sockets(frontend)
        tell_frontend("stopped", frontend, self._say)

    def _have(self, frontend: Frontend, what: str, paused: bool) -> None:
        frontend.paused = paused
        for listener in frontend.listeners:
            listener.paused = paused
        self._orders.give(FRONTEND, self._process.frontends.index(frontend), what)

    def limit(self, frontend: Frontend | None, maxconn: int) -> None:
        if frontend is None:
            self._process.maxconn = maxconn
            self._orders.give(LIMIT, THE_PROCESS, maxconn)
        else:
            frontend.maxconn = maxconn
            self._orders.give(LIMIT, self._process.frontends.index(frontend), maxconn)

    def clear(self, cells: Sequence[int]) -> None:
        self._process.board.clear(cells, MASTER_COLUMN)
        self._orders.give(CLEAR, list(cells))

    async def sessions(self, which: str) -> str:
        return "".join(await self._inquire("sessions", which))

    async def shut_session(self, which: str) -> bool:
        return any(await self._inquire("shut", which))

    async def _inquire(self, what: str, which: str) -> list[str]:
        """What every worker answers, in their order; who is gone, or too slow, is left out."""
        self._asked += 1
        number, inquiry = self._asked, Inquiry(set(self._hands()))
        self._inquiries[number] = inquiry
        try:
            self._orders.give(INQUIRE, number, what, which)
            await asyncio.wait_for(inquiry.over.wait(), PATIENCE_S)
        except TimeoutError:
            return inquiry.texts()
        finally:
            del self._inquiries[number]
        return inquiry.texts()

    def told(self, hand: int, number: Any, text: Any) -> None:
        """A worker has answered."""
        inquiry = self._inquiries.get(number)
        if inquiry is not None:
            inquiry.take(hand, text)

    def gone(self, hand: int) -> None:
        """A worker will not answer any more."""
        for inquiry in self._inquiries.values():
            inquiry.take(hand, "")


class Inquiry:
    """One question to all workers."""

    def __init__(self, awaited: set[int]) -> None:
        self._awaited = awaited
        self._answers: dict[int, str] = {}
        self.over = asyncio.Event()
        self._look()

    def take(self, hand: int, text: str) -> None:
        if hand in self._awaited:
            self._awaited.discard(hand)
            self._answers[hand] = text
            self._look()

    def texts(self) -> list[str]:
        return [self._answers[hand] for hand in sorted(self._answers)]

    def _look(self) -> None:
        if not self._awaited:
            self.over.set()
