"""Which sockets can be read or written: one epoll for all of them, which the event loop watches as a single descriptor.

A loop's own add_reader costs five system calls for each new socket under uvloop, and uvloop stops watching a socket without a
word when it is in error while it still has octets to read (libuv's UV_EBADF): a reset behind a request would never be seen.
Level-triggered: what was not read is told again, and nothing has to be remembered.
"""

from __future__ import annotations

import asyncio
import select
from collections.abc import Callable
from typing import Protocol

BATCH = 256                         # told at most before the loop's other callbacks have their turn
READ, WRITE = select.EPOLLIN, select.EPOLLOUT
MAY_READ = select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR
MAY_WRITE = select.EPOLLOUT | select.EPOLLHUP | select.EPOLLERR


class Watcher(Protocol):
    """Somebody with a socket."""

    def ready(self, events: int) -> None:
        """The socket is ready, `events` (MAY_READ, MAY_WRITE) for what; perhaps without cause: try, and take "not yet"."""


class Readiness:
    """Tells watchers when their sockets are ready. `turn` is called before each batch."""

    __slots__ = ("_batch", "_epoll", "_loop", "_new", "_turn", "_watchers")

    def __init__(self, loop: asyncio.AbstractEventLoop, turn: Callable[[], None]) -> None:
        self._epoll = select.epoll()
        self._loop = loop
        self._turn = turn
        self._watchers: dict[int, Watcher] = {}
        self._new: set[int] | None = None       # opened while a batch is told: events of that number were somebody else's
        loop.add_reader(self._epoll.fileno(), self._tell)

    def watch(self, fd: int, watcher: Watcher, events: int) -> None:
        """Begin to watch for READ, WRITE or both, or change what for; 0 = stop watching, before the socket is closed at last."""
        if not events:
            self._watchers.pop(fd)
            self._epoll.unregister(fd)
        elif fd in self._watchers:
            self._watchers[fd] = watcher
            self._epoll.modify(fd, events)
        else:
            self._epoll.register(fd, events)
            self._watchers[fd] = watcher
            if self._new is not None:
                self._new.add(fd)

    def forget(self, fd: int) -> None:
        """The socket is about to be closed, which takes it out of the epoll."""
        self._watchers.pop(fd, None)

    def close(self) -> None:
        """Watch nothing any more."""
        self._loop.remove_reader(self._epoll.fileno())
        self._epoll.close()
        self._watchers.clear()

    def _tell(self) -> None:
        self._turn()
        watchers, new = self._watchers, set[int]()
        self._new = new
        try:
            for fd, events in self._epoll.poll(0, BATCH):
                watcher = watchers.get(fd)
                if watcher is not None and (not new or fd not in new):
                    watcher.ready(events)
        finally:
            self._new = None
