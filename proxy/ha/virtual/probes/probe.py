"""One attempt to find out whether a real server is well: a socket that must connect and answer in time."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from typing import Protocol

from proxy.ha.conf.routing import IpAddress
from proxy.ha.conf.services import CheckBasics
from proxy.ha.loop import Loop

Done = Callable[[bool, str], None]
"""Whether the server is well, and why that is thought."""

_IN_PROGRESS = (errno.EINPROGRESS, errno.EAGAIN, errno.EALREADY)


class Probe(Protocol):
    """One attempt. `done` is called once, unless it is cancelled before."""

    def start(self) -> None:
        """Begin; `done` may be called before this returns."""

    def cancel(self) -> None:
        """Stop, and call nobody."""


class SocketProbe:
    """The base of probes over one socket: connecting, patience, ending. What happens between is the subclass's.

    `connect_timeout_s` is the time for the connection, and again for all that follows.
    """

    kind = socket.SOCK_STREAM
    protocol = 0

    def __init__(self, loop: Loop, basics: CheckBasics, address: IpAddress, port: int, done: Done) -> None:
        self.loop, self.basics, self.address, self.port, self._done = loop, basics, address, port, done
        self.socket: socket.socket | None = None
        self._patience = loop.timer(self._too_long)
        self._stage = "connect"

    def start(self) -> None:
        basics, family = self.basics, socket.AF_INET6 if self.address.version == 6 else socket.AF_INET
        try:
            sock = socket.socket(family, self.kind | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC, self.protocol)
        except OSError as error:
            self.finish(False, f"no socket: {error.strerror}")
            return
        self.socket = sock
        try:
            if basics.fwmark:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, basics.fwmark)
            if basics.bind_interface:
                device = basics.bind_interface.encode("utf-8", "surrogateescape") + b"\0"
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device)
            if basics.bind_ip is not None or basics.bind_port:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                sock.bind((str(basics.bind_ip) if basics.bind_ip else "", basics.bind_port))
            self._patience.set(self.loop.now() + basics.connect_timeout_s)
            code = sock.connect_ex((str(self.address), self.port))
        except OSError as error:
            self.finish(False, error.strerror or str(error))
            return
        if code in _IN_PROGRESS:
            self.loop.add_writer(sock.fileno(), self._connection_made)
        elif code:
            self.finish(False, _plain(code))
        else:
            self._begin(sock)

    def _connection_made(self) -> None:
        sock = self.socket
        if sock is None:
            return
        code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            self.finish(False, _plain(code))
            return
        self.loop.remove_writer(sock.fileno())
        self._begin(sock)

    def _begin(self, sock: socket.socket) -> None:
        self._stage = "answer"
        self._patience.set(self.loop.now() + self.basics.connect_timeout_s)
        self.connected(sock)

    def connected(self, sock: socket.socket) -> None:
        """There is a connection."""
        raise NotImplementedError

    def timed_out(self) -> None:
        """Time is up after the connection was made."""
        self.finish(False, f"no answer within {self.basics.connect_timeout_s:g} s")

    def _too_long(self) -> None:
        if self._stage == "connect":
            self.finish(False, f"no connection within {self.basics.connect_timeout_s:g} s")
        else:
            self.timed_out()

    def receive(self, octets: int = 65536) -> bytes | None:
        """What there is to read, b"" at the end; None when there is nothing yet or the probe has ended by it."""
        if self.socket is None:
            return None
        try:
            return self.socket.recv(octets)
        except (BlockingIOError, InterruptedError):
            return None
        except OSError as error:
            self.finish(False, error.strerror or str(error))
            return None

    def send(self, octets: bytes) -> bool:
        """Send a few octets, which a fresh connection always takes; False when the probe has ended by it."""
        if self.socket is None:
            return False
        try:
            if self.socket.send(octets) == len(octets):
                return True
            self.finish(False, "the server takes nothing")
        except OSError as error:
            self.finish(False, error.strerror or str(error))
        return False

    def cancel(self) -> None:
        self._patience.cancel()
        sock, self.socket = self.socket, None
        if sock is not None:
            self.loop.remove(sock.fileno())
            sock.close()

    def finish(self, ok: bool, why: str) -> None:
        """End with a result."""
        self.cancel()
        done, self._done = self._done, _nobody
        done(ok, why)


def _nobody(ok: bool, why: str) -> None:
    """The result has been given."""


def _plain(code: int) -> str:
    return os.strerror(code)
