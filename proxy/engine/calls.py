"""The system calls of each request: read from a socket, write to it, wait for many. Its compiled twin is calls.pyx.

A socket comes as the object that owns it and as its descriptor: Python asks the first, C the second.
"""

from __future__ import annotations

import select
import socket

SMALL_OCTETS = 16384            # what is read is an object of its own up to here, above it a view of the buffer


class Scratch:
    """A reader's buffer."""

    __slots__ = ("buffer", "view")

    def __init__(self, octets: int) -> None:
        self.buffer = bytearray(octets)
        self.view = memoryview(self.buffer)


def receive(sock: socket.socket, fd: int, scratch: Scratch, most: int) -> bytes | memoryview | None:
    """At most so many octets: b"" once the peer has ended its side, None when there are none yet.

    A view is good until the next read into the same scratch.
    Raises: OSError.
    """
    try:
        count = sock.recv_into(scratch.buffer, most)
    except (BlockingIOError, InterruptedError):
        return None
    if count <= SMALL_OCTETS:
        return bytes(scratch.view[:count])
    return scratch.view[:count]


def send(sock: socket.socket, fd: int, octets: bytes | memoryview) -> int:
    """How many of these octets the kernel has taken; 0 when it takes none at the moment.

    Raises: OSError.
    """
    try:
        return sock.send(octets)
    except (BlockingIOError, InterruptedError):
        return 0


class Poll:
    """An epoll, level-triggered: `wait` says how many descriptors are ready, `ready_fd` and `ready_events` which and for what.

    Raises: OSError.
    """

    __slots__ = ("_epoll", "_ready", "fd")

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._ready: list[tuple[int, int]] = []
        self.fd = self._epoll.fileno()

    def add(self, fd: int, events: int) -> None:
        self._epoll.register(fd, events)

    def change(self, fd: int, events: int) -> None:
        self._epoll.modify(fd, events)

    def remove(self, fd: int) -> None:
        self._epoll.unregister(fd)

    def wait(self, most: int) -> int:
        """Ask, without waiting, how many are ready now."""
        self._ready = self._epoll.poll(0, most)
        return len(self._ready)

    def ready_fd(self, index: int) -> int:
        return self._ready[index][0]

    def ready_events(self, index: int) -> int:
        return self._ready[index][1]

    def close(self) -> None:
        self._epoll.close()
