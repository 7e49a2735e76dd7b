"""What a predecessor has counted, and still counts, becomes ours until it has gone; its servers' states are our first ones."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from proxy.base.clock import Clock
from proxy.engine.handover import Offer
from proxy.engine.predecessor import NO_ANSWER, Predecessor
from proxy.runtime.log import Events
from proxy.runtime.process import Process
from proxy.runtime.restoring import catch_up, restore_states

LOOK_S = 1.0


class Following:
    """Follows old processes: restore, start, close."""

    def __init__(
        self, process: Process, clock: Clock, events: Events, predecessors: Iterable[Predecessor] = ()
    ) -> None:
        self._process = process
        self._clock = clock
        self._events = events
        self._predecessors = list(predecessors)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None

    def restore(self) -> None:
        """Take over states and what has been counted up to now; before workers are forked."""
        now_ms = self._clock.monotonic_ms()
        for predecessor in self._predecessors:
            restore_states(self._process.backends, predecessor.legacy.servers, now_ms)
            predecessor.legacy.credit(self._process.board)

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Add what they count from now on."""
        self._loop = loop
        for predecessor in self._predecessors:
            loop.add_reader(predecessor.connection.fileno(), self._heard, predecessor)
        self._plan()

    def hand_on(self, offer: Offer) -> None:
        """We end ourselves: a successor, where there is one, follows in our place those whom we still follow."""
        for predecessor in self._predecessors:
            predecessor.legacy.credit(self._process.board)
        if offer.last_words(self._predecessors):
            self.close()

    def close(self) -> None:
        """Look at them no more."""
        for predecessor in list(self._predecessors):
            self._leave(predecessor)

    def _plan(self) -> None:
        if self._predecessors and self._loop is not None:
            self._timer = self._loop.call_later(LOOK_S, self._look)

    def _look(self) -> None:
        for predecessor in self._predecessors:
            predecessor.legacy.credit(self._process.board)
        self._plan()

    def _heard(self, predecessor: Predecessor) -> None:
        """It has gone, or says how its servers stand before it lets its last streams end."""
        try:
            said = predecessor.hear()
        except BlockingIOError:
            return
        except (OSError, *NO_ANSWER):
            said = None
        if isinstance(said, Predecessor):
            self._meet(said)
            return
        if said is not None:
            catch_up(self._process.backends, predecessor.legacy.servers, said, self._clock.monotonic_ms(), self._events)
            predecessor.legacy.servers = said
            return
        predecessor.legacy.credit(self._process.board)
        self._leave(predecessor)

    def _meet(self, predecessor: Predecessor) -> None:
        """Somebody whom a predecessor has followed until now."""
        assert self._loop is not None
        predecessor.legacy.credit(self._process.board)
        self._predecessors.append(predecessor)
        self._loop.add_reader(predecessor.connection.fileno(), self._heard, predecessor)

    def _leave(self, predecessor: Predecessor) -> None:
        self._predecessors.remove(predecessor)
        if self._loop is not None:
            self._loop.remove_reader(predecessor.connection.fileno())
        predecessor.close()
        if not self._predecessors and self._timer is not None:
            self._timer.cancel()
            self._timer = None
