"""The ways out for log messages: datagrams and descriptors, opened at start, never waiting.

An outlet's `send` does one system call and returns; a message that cannot be sent at once is dropped and counted, as in HAProxy.
Outlets are shared by all sinks with the same target, and by the workers that are forked after they were opened. They are opened
after the process became a daemon (which closes stdout) and before it locks itself into a chroot.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import stat
from typing import Protocol

from proxy.base.addresses import Address, Family
from proxy.engine import calls

_PIPE_ATOMIC = 4096                     # PIPE_BUF of Linux: a pipe that polls as writable takes that much


class Outlet(Protocol):
    """One target."""

    dropped: int

    def send(self, message: bytes, second: int) -> None:
        """Send a message, or count it as dropped; never blocks, never raises.

        `second` is the time, for pauses between attempts.
        """

    def filenos(self) -> tuple[int, ...]:
        """The descriptors it holds: a worker that is forked keeps them."""

    def close(self) -> None: ...


class DatagramOutlet:
    """A syslog server over UDP. Not connected: what the far end says of lost datagrams is never heard, and an address of this
    machine that changes does no harm."""

    __slots__ = ("_fd", "_receiver", "_socket", "dropped")

    def __init__(self, sock: socket.socket, host: str, port: int) -> None:
        self.dropped = 0
        self._socket = sock
        self._fd = sock.fileno()
        self._receiver = calls.Receiver(sock.family, (host, port))

    def send(self, message: bytes, second: int) -> None:
        try:
            calls.send_datagram(self._socket, self._fd, message, self._receiver)
        except OSError:
            self.dropped += 1

    def filenos(self) -> tuple[int, ...]:
        return (self._socket.fileno(),)

    def close(self) -> None:
        self._fd = -1                   # the number may be somebody else's from now on
        self._socket.close()


class UnixOutlet:
    """A syslog daemon on a unix datagram socket, e.g. /dev/log.

    Connected at start, so that it is still reached from inside a chroot. A daemon that was restarted made a new socket: the path
    is tried again, at most once a second; inside a chroot it must then exist there (HAProxy needs it there from the beginning).
    """

    __slots__ = ("_path", "_socket", "_tried_at", "connected", "dropped")

    def __init__(self, path: str) -> None:
        self.dropped = 0
        self.connected = False
        self._path = path
        self._tried_at = -1
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._connect()

    def _connect(self) -> None:
        try:
            self._socket.connect(self._path)
            self.connected = True
        except OSError:
            self.connected = False

    def send(self, message: bytes, second: int) -> None:
        if self.connected:
            try:
                self._socket.send(message)
                return
            except OSError as error:
                if error.errno not in (errno.ECONNREFUSED, errno.ECONNRESET, errno.ENOTCONN, errno.EDESTADDRREQ):
                    self.dropped += 1   # its queue is full, or the message too long: it is still there
                    return
        if second != self._tried_at:
            self._tried_at = second
            self._connect()
            if self.connected:
                self._send_once(message)
                return
        self.connected = False
        self.dropped += 1

    def _send_once(self, message: bytes) -> None:
        try:
            self._socket.send(message)
        except OSError:
            self.dropped += 1

    def filenos(self) -> tuple[int, ...]:
        return (self._socket.fileno(),)

    def close(self) -> None:
        self._socket.close()


class DescriptorOutlet:
    """An inherited descriptor (stdout, stderr, fd@n): one write per message.

    A pipe or terminal is opened once more where the system allows it, so that not waiting is our own affair and not that of
    everyone who shares it; where it does not, it is asked before each write whether it has room. A socket (the journal's, under
    systemd) is told with each message not to wait.
    """

    __slots__ = ("_descriptor", "_poll", "_socket", "_torn", "dropped")

    def __init__(self, number: int) -> None:
        self.dropped = 0
        self._torn = False              # the last message went out in part only
        self._poll: select.poll | None = None
        self._socket: socket.socket | None = None
        self._descriptor = self._open(number)

    def _open(self, number: int) -> int:
        try:
            mode = os.fstat(number).st_mode
        except OSError:
            return -1
        if stat.S_ISFIFO(mode) or stat.S_ISCHR(mode):
            try:
                return os.open(f"/proc/self/fd/{number}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
            except OSError:
                pass                    # no /proc, or a terminal of another user: then it is polled
        copy = os.dup(number)
        if stat.S_ISSOCK(mode):
            self._socket = socket.socket(fileno=copy)
        elif not stat.S_ISREG(mode):
            self._poll = select.poll()
            self._poll.register(copy, select.POLLOUT)
        return copy

    def send(self, message: bytes, second: int) -> None:
        if self._descriptor < 0 or not self._has_room(len(message)):
            self.dropped += 1
            return
        if self._torn:
            message = b"\n" + message
        try:
            if self._socket is not None:
                written = self._socket.send(message, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
            else:
                written = os.write(self._descriptor, message)
        except OSError:
            self.dropped += 1
            return
        self._torn = written < len(message)
        self.dropped += self._torn

    def _has_room(self, length: int) -> bool:
        if self._poll is None:
            return True
        return length < _PIPE_ATOMIC and any(events & select.POLLOUT for _, events in self._poll.poll(0))

    def filenos(self) -> tuple[int, ...]:
        return (self._descriptor,) if self._descriptor >= 0 else ()

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
        elif self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1


class LostOutlet:
    """A target whose name did not resolve."""

    __slots__ = ("dropped",)

    def __init__(self) -> None:
        self.dropped = 0

    def send(self, message: bytes, second: int) -> None:
        self.dropped += 1

    def filenos(self) -> tuple[int, ...]:
        return ()

    def close(self) -> None:
        """Nothing was opened."""


class Outlets:
    """Every outlet of a process: one per target, one UDP socket per family."""

    def __init__(self) -> None:
        self._open: dict[Address, Outlet] = {}
        self._datagram: dict[int, socket.socket] = {}

    def get(self, address: Address) -> Outlet:
        """The outlet to that target, opened now if it is not yet open.

        Raises: OSError when no socket can be made at all.
        """
        outlet = self._open.get(address)
        if outlet is None:
            outlet = self._open[address] = self._make(address)
        return outlet

    def _make(self, address: Address) -> Outlet:
        match address.family:
            case Family.IPV4:
                return DatagramOutlet(self._udp(socket.AF_INET), address.host, address.port)
            case Family.IPV6:
                return DatagramOutlet(self._udp(socket.AF_INET6), address.host, address.port)
            case Family.UNIX:
                return UnixOutlet(address.host)
            case Family.ABSTRACT:
                return UnixOutlet(address.socket_name)
            case Family.DESCRIPTOR:
                return DescriptorOutlet(int(address.host))
            case Family.NAME:
                return LostOutlet()

    def _udp(self, family: int) -> socket.socket:
        sock = self._datagram.get(family)
        if sock is None:
            sock = self._datagram[family] = socket.socket(family, socket.SOCK_DGRAM)
            sock.setblocking(False)
        return sock

    @property
    def dropped(self) -> int:
        """Messages that could not be sent, over all targets ("DroppedLogs" of "show info")."""
        return sum(outlet.dropped for outlet in self._open.values())

    def filenos(self) -> set[int]:
        """Every descriptor held."""
        return {number for outlet in self._open.values() for number in outlet.filenos()}

    def close(self) -> None:
        """Close everything; what is sent after that is dropped."""
        for outlet in self._open.values():
            outlet.close()
        self._open.clear()
        self._datagram.clear()
