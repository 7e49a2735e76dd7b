"""The other workers, seen from one: whom to call when something has become free that one of them waits for.

    slot or room for a client free here --sees on the board who waits--> rings that worker's bell --> it looks
    streams or clients wait here        --nobody rings in time--> looks by itself (`queue.LOOK_AGAIN_MS`, `acceptor.REST_MS`)

A bell is an eventfd, made before the workers are forked; it stays when a worker is replaced.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from proxy.core import queue
from proxy.core.stream.ports import Watched
from proxy.engine.readiness import READ
from proxy.runtime.backend import Backend
from proxy.runtime.cells import RESTING

if TYPE_CHECKING:
    from proxy.engine.worker import Worker


def make_bells(workers: int) -> list[int]:
    """One for each worker, in their order.

    Raises: OSError.
    """
    return [os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC) for _ in range(workers)]


class Neighbours(Watched):
    """Implements `core.queue.Neighbours`; workers are numbered from 1 on."""

    __slots__ = ("_bells", "_looking", "_worker", "number")

    def __init__(self, worker: Worker, number: int, bells: Sequence[int]) -> None:
        Watched.__init__(self)
        self._worker = worker
        self._bells = bells
        self._looking: dict[Backend, None] = {}     # where streams of this worker wait
        self.number = number

    def start(self) -> None:
        """Listen to the own bell."""
        self._worker.readiness.watch(self._bells[self.number - 1], self, READ)
        for backend in self._worker.process.backends:
            backend.neighbours = self

    def call(self, number: int) -> None:
        """Ring a worker's bell."""
        ring(self._bells[number - 1])

    def room_for_clients(self) -> None:
        """A client has gone: those who had to rest may accept another one."""
        process = self._worker.process
        if process.by_all(RESTING):
            for number in range(1, process.workers + 1):
                if number != self.number and process.by(number, RESTING):
                    self.call(number)

    def ready(self, events: int) -> None:
        """The bell rings."""
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._bells[self.number - 1])
        self._worker.accept_again()
        self._look(True)

    def waits(self, backend: Backend) -> None:
        self._looking[backend] = None
        if not self.deadline_ms:
            self._worker.timers.arm(self, self._worker.now_ms + queue.LOOK_AGAIN_MS)

    def deadline_reached(self, now_ms: int) -> None:
        self._look(False)
        if self._looking:
            self._worker.timers.arm(self, now_ms + queue.LOOK_AGAIN_MS)

    def _look(self, yields: bool) -> None:
        for backend in tuple(self._looking):
            try:
                waits = queue.serve_waiting(backend, yields)
            except Exception as error:
                self._worker.broken(backend, error)
                continue
            if not waits:
                del self._looking[backend]


def ring(bell: int) -> None:
    """Ring a bell; one that has been rung and not heard need not be rung again."""
    with contextlib.suppress(BlockingIOError):
        os.eventfd_write(bell, 1)
