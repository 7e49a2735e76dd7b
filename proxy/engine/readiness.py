"""Which sockets can be read or written: one epoll for all of them, which the event loop watches as a single descriptor.

A loop's own add_reader costs five system calls for each new socket under uvloop, and uvloop stops watching a socket without a
word when it is in error while it still has octets to read (libuv's UV_EBADF): a reset behind a request would never be seen.
Level-triggered: what was not read is told again, and nothing has to be remembered.
"""

from __future__ import annotations

import asyncio
import select
from collections.abc import Callable

from proxy.core.stream.ports import Watched
from proxy.engine import calls

FIRST_DESCRIPTORS = 1024
BATCH = 256                         # told at most before the loop's other callbacks have their turn
READ, WRITE = select.EPOLLIN, select.EPOLLOUT
MAY_READ = select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR
MAY_WRITE = select.EPOLLOUT | select.EPOLLHUP | select.EPOLLERR


class Readiness:
    """Tells watchers when their sockets are ready.

    `turn` is called before a batch is told, once it is known what is in it, `settle` when all of it has been told.
    `is_telling` is true in between. `is_full` says that the batch was as large as one may be, so that others may be ready too.
    """

    __slots__ = ("_loop", "_new", "_poll", "_settle", "_turn", "_watchers", "is_full", "is_telling")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, turn: Callable[[], None], settle: Callable[[], None]
    ) -> None:
        self._poll = calls.Poll()
        self._loop = loop
        self._turn = turn
        self._settle = settle
        self.is_full = False
        self.is_telling = False
        self._watchers: list[Watched | None] = [None] * FIRST_DESCRIPTORS        # by descriptor
        self._new: set[int] | None = None       # opened while a batch is told: events of that number were somebody else's
        loop.add_reader(self._poll.fd, self._tell)

    def watch(self, fd: int, watcher: Watched, events: int) -> None:
        """Begin to watch for READ, WRITE or both, or change what for; 0 = stop watching, before the socket is closed at last."""
        watchers = self._watchers
        if fd >= len(watchers):
            watchers.extend([None] * (fd + 1))
        if not events:
            watchers[fd] = None
            self._poll.remove(fd)
        elif watchers[fd] is not None:
            watchers[fd] = watcher
            self._poll.change(fd, events)
        else:
            self._poll.add(fd, events)
            watchers[fd] = watcher
            if self._new is not None:
                self._new.add(fd)

    def forget(self, fd: int) -> None:
        """The socket is about to be closed, which takes it out of the epoll."""
        if fd < len(self._watchers):
            self._watchers[fd] = None

    def close(self) -> None:
        """Watch nothing any more."""
        self._loop.remove_reader(self._poll.fd)
        self._poll.close()
        self._watchers.clear()

    def _tell(self) -> None:
        count = self._poll.wait(BATCH)
        self.is_full = count == BATCH
        self.is_telling = True
        try:
            self._turn()
            self._tell_each(count)
        finally:
            self._new = None
            self.is_telling = False
            self._settle()

    def _tell_each(self, count: int) -> None:
        poll, watchers = self._poll, self._watchers
        new: set[int] = set()
        self._new = new
        for index in range(count):
            fd = poll.ready_fd(index)
            watcher = watchers[fd] if fd < len(watchers) else None
            if watcher is not None and (not new or fd not in new):
                watcher.ready(poll.ready_events(index))
