"""When a check's socket can be read or written, told through one descriptor of the loop.

A loop's own add_reader and add_writer make and drop objects for every check; checks are short and many, so they share one
edge-triggered epoll, which the loop watches as if it were a single connection. Where there is no epoll, the loop's callbacks do.
"""

from __future__ import annotations

import select
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

BATCH = 64          # events taken at once; what is left over makes the loop call again, after its other callbacks

# What happened, in epoll's numbers.
READ, WRITE, ERROR, HANG_UP, PEER_CLOSED = 0x0001, 0x0004, 0x0008, 0x0010, 0x2000
MAY_READ = READ | PEER_CLOSED | HANG_UP | ERROR
MAY_HAVE_FAILED = ERROR | HANG_UP


class ReaderLoop(Protocol):
    """What is needed of an event loop."""

    def add_reader(self, fd: int, callback: Any, /) -> Any: ...

    def remove_reader(self, fd: int, /) -> Any: ...

    def add_writer(self, fd: int, callback: Any, /) -> Any: ...

    def remove_writer(self, fd: int, /) -> Any: ...

    def call_exception_handler(self, facts: dict[str, Any], /) -> None: ...


Callback = Callable[[int], None]
"""Told what happened: MAY_READ when there may be something to read that will not be told again, MAY_HAVE_FAILED, PEER_CLOSED."""


class Readiness(Protocol):
    """Watches sockets. A callback may come without cause: try, and take "not yet" for an answer."""

    def watch(self, fd: int, callback: Callback) -> None:
        """Call when the socket can be written, or its connection attempt has ended."""

    def want_read(self, fd: int) -> None:
        """From now on call when there is something to read."""

    def want_write(self, fd: int) -> None:
        """From now on call when there is room to write."""

    def forget(self, fd: int) -> None:
        """Watch no longer. To be called before the socket is closed."""

    def look(self) -> None:
        """Tell now what has happened already, where that can be known."""

    def close(self) -> None:
        """Give everything back."""


class EpollReadiness:
    """One epoll for all sockets, registered for every edge at once: one system call per socket."""

    __slots__ = ("_batch", "_callbacks", "_epoll", "_events", "_loop")

    def __init__(self, loop: ReaderLoop) -> None:
        self._epoll = select.epoll()
        self._events = select.EPOLLIN | select.EPOLLOUT | select.EPOLLRDHUP | select.EPOLLET
        self._callbacks: dict[int, tuple[Callback, int]] = {}
        self._batch = 0
        self._loop = loop
        loop.add_reader(self._epoll.fileno(), self.look)

    def watch(self, fd: int, callback: Callback) -> None:
        self._callbacks[fd] = (callback, self._batch)
        self._epoll.register(fd, self._events)

    def want_read(self, fd: int) -> None:
        """Every edge is told anyway."""

    def want_write(self, fd: int) -> None:
        """Every edge is told anyway."""

    def forget(self, fd: int) -> None:
        del self._callbacks[fd]         # closing the socket takes it out of the epoll

    def close(self) -> None:
        self._loop.remove_reader(self._epoll.fileno())
        self._epoll.close()

    def look(self) -> None:
        self._batch = batch = self._batch + 1
        known = self._callbacks.get
        for fd, happened in self._epoll.poll(0, BATCH):
            watched = known(fd)
            # a descriptor that was closed and opened anew during this batch: the event was its predecessor's
            if watched is not None and watched[1] != batch:
                try:
                    watched[0](happened)
                except Exception as error:      # told once, and the others of the batch are: an edge does not come again
                    self._loop.call_exception_handler({"message": "a check failed", "exception": error})


class LoopReadiness:
    """The loop's own callbacks, for systems without epoll."""

    __slots__ = ("_callbacks", "_loop", "_reading", "_writing")

    def __init__(self, loop: ReaderLoop) -> None:
        self._loop = loop
        self._callbacks: dict[int, Callable[[], None]] = {}
        self._reading: set[int] = set()
        self._writing: set[int] = set()

    def watch(self, fd: int, callback: Callback) -> None:
        self._callbacks[fd] = partial(callback, ERROR)      # a loop does not say what happened: it may have been anything
        self.want_write(fd)

    def want_read(self, fd: int) -> None:
        if fd in self._writing:
            self._writing.remove(fd)
            self._loop.remove_writer(fd)
        if fd not in self._reading:
            self._reading.add(fd)
            self._loop.add_reader(fd, self._callbacks[fd])

    def want_write(self, fd: int) -> None:
        if fd not in self._writing:
            self._writing.add(fd)
            self._loop.add_writer(fd, self._callbacks[fd])

    def forget(self, fd: int) -> None:
        del self._callbacks[fd]
        if fd in self._writing:
            self._writing.remove(fd)
            self._loop.remove_writer(fd)
        if fd in self._reading:
            self._reading.remove(fd)
            self._loop.remove_reader(fd)

    def look(self) -> None:
        """The loop tells when its turn comes."""

    def close(self) -> None:
        for fd in tuple(self._callbacks):
            self.forget(fd)


def make_readiness(loop: ReaderLoop) -> Readiness:
    """The cheapest that the system has."""
    return EpollReadiness(loop) if hasattr(select, "epoll") else LoopReadiness(loop)
