"""The system calls of each connection and request: accept, connect, read, write, wait for many. Its compiled twin is calls.pyx.

A socket comes as the object that owns it and as its descriptor: Python asks the first, C the second. What is accepted or
connected here is owned by a `socket.socket`, or in C by an object with those of its methods that a link needs.
"""

from __future__ import annotations

import errno
import os
import select
import signal
import socket
import struct
import time
from typing import Any

SO_MEMINFO = 55                 # linux/sock_diag.h: numbers of 32 bits, by the indices below
ALLOCATED, SEND_BUFFER, QUEUED, MEMORY_NUMBERS = 2, 3, 5, 9
MONOTONIC_COARSE = 6            # clock_gettime(2): CLOCK_MONOTONIC_COARSE, for which `time` has no name
SPLICE_FLAGS = 1 | 2             # splice(2): pages may be moved, and nothing waits, whatever the descriptors say
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
        if most <= SMALL_OCTETS:
            return sock.recv(most)
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


def send_both(sock: socket.socket, fd: int, first: bytes, then: bytes | memoryview) -> int:
    """As `send`, of two pieces one behind the other."""
    try:
        return sock.sendmsg((first, then))
    except (BlockingIOError, InterruptedError):
        return 0


def room(sock: socket.socket, fd: int) -> int:
    """How many octets one `send` can leave with the kernel now, about; -1 where the kernel does not tell.

    Seven eighths of what the send buffer has left: the kernel counts its own records too.
    """
    try:
        told = sock.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, 4 * MEMORY_NUMBERS)
    except OSError:
        return -1                   # before Linux 4.12, or the socket is not there any more: sending tells
    if len(told) < 4 * MEMORY_NUMBERS:
        return -1
    numbers = struct.unpack(f"{MEMORY_NUMBERS}I", told)
    left: int = numbers[SEND_BUFFER] - max(numbers[ALLOCATED], numbers[QUEUED])
    return max(0, left - left // 8)


def splice(source: int, sink: int, most: int) -> int:
    """How many octets have gone from one descriptor to the other, one of which is a pipe; 0 when there are none, or no room.

    Sends without MSG_NOSIGNAL: SIGPIPE is to be ignored (`ignores_sigpipe`).
    Raises: OSError.
    """
    try:
        return os.splice(source, sink, most, flags=SPLICE_FLAGS)
    except (BlockingIOError, InterruptedError):
        return 0


def ignores_sigpipe() -> bool:
    """Does this process ignore SIGPIPE now? C asks the kernel; Python, whose own `send` relies on it, what Python knows of it."""
    return signal.getsignal(signal.SIGPIPE) is signal.SIG_IGN


def coarse_ms() -> int:
    """Milliseconds from an arbitrary start, as of the kernel's last tick (up to 10 ms ago): costs a few nanoseconds."""
    return time.clock_gettime_ns(MONOTONIC_COARSE) // 1_000_000


class Receiver:
    """Where datagrams go."""

    __slots__ = ("sockaddr",)

    def __init__(self, family: int, sockaddr: Any) -> None:
        self.sockaddr = sockaddr


def send_datagram(sock: socket.socket, fd: int, octets: bytes, receiver: Receiver) -> None:
    """Send a datagram.

    Raises: OSError, also where that would have to wait.
    """
    sock.sendto(octets, receiver.sockaddr)


def descriptor(sock: Any) -> int:
    """The descriptor of a socket."""
    number: int = sock.fileno()
    return number


def close(sock: Any) -> None:
    """Close a socket."""
    sock.close()


IN_PROGRESS = frozenset((errno.EINPROGRESS, errno.EALREADY))
STREAM = socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC


def accept(listening: socket.socket, fd: int) -> tuple[Any, Any] | None:
    """A client that waits, not blocking, and its address as `socket.accept` gives it; None when none waits.

    Raises: OSError.
    """
    try:
        accepted, peer = listening.accept()
    except (BlockingIOError, InterruptedError):
        return None
    accepted.setblocking(False)
    return accepted, peer


def begin_connect(family: int, sockaddr: Any, keepalive: bool) -> tuple[Any, int]:
    """A socket that is being connected, without delay of small writes, and 0 where it is connected at once.

    The other numbers are those of errors: EINPROGRESS, or why it cannot be.
    Raises: OSError where there is no socket to be had.
    """
    new = socket.socket(family, STREAM)
    if family != socket.AF_UNIX:
        new.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if keepalive:
            new.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    return new, connect_again(new, family, sockaddr)


def connect_again(sock: Any, family: int, sockaddr: Any) -> int:
    """Connect, and ask at once how far that has come: on the same machine it is done by then. As `begin_connect`."""
    error: int = sock.connect_ex(sockaddr)
    if error in IN_PROGRESS:
        error = sock.connect_ex(sockaddr)
        if error == errno.EISCONN:
            return 0
        if error in IN_PROGRESS:
            return errno.EINPROGRESS
    return error


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
