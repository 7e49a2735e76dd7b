"""A small event loop: file descriptors, timers, child processes. asyncio would take a third of the memory this process may have.

A timer may be moved as often as it pleases: its entry in the heap stays and is put where it belongs when it comes up.
"""

from __future__ import annotations

import heapq
import itertools
import math
import os
import select
import time
from collections.abc import Callable

Callback = Callable[[], None]
NEVER = math.inf
# epoll takes at most this long a wait; an idle process looks around once an hour.
_LONGEST_S = 3600.0


class Timer:
    """One callback at a time that may be moved. Units: seconds of the monotonic clock."""

    __slots__ = ("_at", "_callback", "_listed", "_loop")

    def __init__(self, loop: Loop, callback: Callback) -> None:
        self._loop, self._callback = loop, callback
        self._at = NEVER
        self._listed = NEVER            # where its earliest entry in the heap is

    @property
    def at(self) -> float:
        """When it is due; infinity when it is not set."""
        return self._at

    def set(self, at: float) -> None:
        """Call back then; infinity is never."""
        self._at = at
        if at < self._listed:
            self._listed = at
            self._loop.list_timer(at, self)

    def cancel(self) -> None:
        """Do not call back."""
        self._at = NEVER

    def come_up(self, listed: float, now: float) -> None:
        """Its entry has come up: call back, or list it where it has been moved to. For the loop only."""
        if listed != self._listed:
            return                      # an older entry; the earlier one stands elsewhere
        self._listed = NEVER
        if self._at <= now:
            self._at = NEVER
            self._callback()
        elif self._at != NEVER:
            self.set(self._at)


class Loop:
    """Runs until `stop`. Callbacks must not raise; what they raise ends the loop, and with it the process."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._readers: dict[int, Callback] = {}
        self._writers: dict[int, Callback] = {}
        self._heap: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self._running = False

    @staticmethod
    def now() -> float:
        """Seconds of the monotonic clock."""
        return time.monotonic()

    def timer(self, callback: Callback, at: float = NEVER) -> Timer:
        """A new timer, set when a time is given."""
        timer = Timer(self, callback)
        if at != NEVER:
            timer.set(at)
        return timer

    def list_timer(self, at: float, timer: Timer) -> None:
        """Put an entry into the heap. For timers only."""
        heapq.heappush(self._heap, (at, next(self._order), timer))

    def add_reader(self, descriptor: int, callback: Callback) -> None:
        """Call back whenever there is something to read."""
        self._readers[descriptor] = callback
        self._register(descriptor)

    def add_writer(self, descriptor: int, callback: Callback) -> None:
        """Call back whenever there is room to write."""
        self._writers[descriptor] = callback
        self._register(descriptor)

    def remove_writer(self, descriptor: int) -> None:
        """Wait for room no more."""
        if self._writers.pop(descriptor, None) is not None:
            self._register(descriptor)

    def remove(self, descriptor: int) -> None:
        """Forget a descriptor; before it is closed."""
        known = self._readers.pop(descriptor, None), self._writers.pop(descriptor, None)
        if any(known):
            self._epoll.unregister(descriptor)

    def _register(self, descriptor: int) -> None:
        events = (select.EPOLLIN if descriptor in self._readers else 0) | (select.EPOLLOUT if descriptor in self._writers else 0)
        try:
            if events:
                self._epoll.modify(descriptor, events)
            else:
                self._epoll.unregister(descriptor)
        except FileNotFoundError:
            self._epoll.register(descriptor, events)

    def watch_process(self, pid: int, callback: Callable[[int], None]) -> int:
        """Call back once with the wait status of a child when it ends; the descriptor to `remove` and close to stop watching."""
        descriptor = os.pidfd_open(pid)

        def ended() -> None:
            self.remove(descriptor)
            os.close(descriptor)
            _, status = os.waitpid(pid, 0)
            callback(status)

        self.add_reader(descriptor, ended)
        return descriptor

    def run(self) -> None:
        """Serve until `stop`."""
        self._running = True
        while self._running:
            self.once(_LONGEST_S)

    def once(self, longest_s: float) -> None:
        """Wait for what comes first, at most so long, and serve it."""
        wait_s = longest_s
        if self._heap:
            wait_s = min(max(self._heap[0][0] - time.monotonic(), 0.0), longest_s)
        for descriptor, events in self._epoll.poll(wait_s):
            # A callback may have removed the descriptor of a later event.
            if events & ~select.EPOLLOUT and (callback := self._readers.get(descriptor)) is not None:
                callback()
            if events & ~select.EPOLLIN and (callback := self._writers.get(descriptor)) is not None:
                callback()
        now = time.monotonic()
        while self._heap and self._heap[0][0] <= now:
            listed, _, timer = heapq.heappop(self._heap)
            timer.come_up(listed, now)

    def stop(self) -> None:
        """End `run` after this round."""
        self._running = False

    def close(self) -> None:
        """Give the descriptor back."""
        self._epoll.close()
