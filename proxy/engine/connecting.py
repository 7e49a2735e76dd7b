"""A connection attempt to a server: a non-blocking connect, and who wants to know how it ends."""

from __future__ import annotations

import errno
import select
import socket
from typing import TYPE_CHECKING, Any

from proxy.base.descriptors import DESCRIPTORS_GONE
from proxy.core.stream.ports import Connector, Watched
from proxy.engine import calls
from proxy.engine.link import new_link
from proxy.engine.readiness import WRITE
from proxy.runtime.server import Server

if TYPE_CHECKING:
    from proxy.engine.worker import Worker

FAILED = select.EPOLLERR | select.EPOLLHUP
IP_BIND_ADDRESS_NO_PORT = 24        # linux/in.h; Python names it only from 3.12 on
# What is our own fault: no other server would be reached either.
LOCAL_ERRORS = frozenset((errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL, errno.EACCES, errno.EPERM))


class Attempt(Watched):
    """One attempt. The connector is always told later, never inside the call that began it."""

    __slots__ = ("_connector", "_early", "_error", "_fd", "_socket", "_watched", "_worker")

    def __init__(self, worker: Worker, connector: Connector, early: bytes) -> None:
        self.prepare_attempt(worker, connector, early)

    def prepare_attempt(self, worker: Worker, connector: Connector, early: bytes) -> None:
        """As `Entry.prepare_entry`."""
        self.prepare_entry()
        self._worker = worker
        self._connector: Connector | None = connector
        self._early = early
        self._socket: Any = None
        self._fd = -1
        self._watched = False
        self._error = 0

    def begin(self, server: Server, port: int) -> None:
        """Start connecting; `port` replaces the configured one when it is not 0.

        Where no descriptor is left this is called again when there is one, unless the attempt has been cancelled meanwhile.
        """
        if self._connector is None:
            return
        address = server.sockaddr
        if address is None:
            self._fail_soon(errno.EHOSTUNREACH)
            return
        target = (address[0], port, *address[2:]) if port else address
        try:
            if server.source is None:
                self._socket, error = calls.begin_connect(server.socket_family, target, server.backend.tcpka)
            else:
                self._socket = new = socket.socket(server.socket_family, calls.STREAM)
                self._prepare(new, server)
                error = calls.connect_again(new, server.socket_family, target)
        except OSError as problem:
            if problem.errno in DESCRIPTORS_GONE:
                self._worker.starving.wait(self, server, port)
                return
            self._fail_soon(problem.errno or errno.EIO)
            return
        self._fd = calls.descriptor(self._socket)
        if error == errno.EINPROGRESS:
            self._worker.readiness.watch(self._fd, self, WRITE)
            self._watched = True
        elif error:
            self._fail_soon(error)
        else:
            self._worker.attempt_over(self)

    def _prepare(self, new: socket.socket, server: Server) -> None:
        """Bind to the address that `source` names."""
        if server.socket_family != socket.AF_UNIX:
            new.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if server.backend.tcpka:
                new.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        new.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if not server.source[1]:
            new.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
        new.bind(server.source)

    def ready(self, events: int) -> None:
        """The kernel has finished trying."""
        connected, connector = self._socket, self._connector
        if connected is None or connector is None:
            return
        error = connected.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) if events & FAILED else 0
        if error:
            self._connector = None
            self._drop()
            self._tell_failed(connector, error)
        else:
            self._established()

    def _established(self) -> None:
        worker, connected, connector = self._worker, self._socket, self._connector
        if connected is None or connector is None:
            return
        self._socket = self._connector = None
        link = new_link(worker, connected)
        if self._early:
            link.send(self._early)
        link.belongs_to(connector)
        try:
            connector.connected(link)
        except Exception as error:
            worker.broken(connector, error)

    def _fail_soon(self, error: int) -> None:
        self._drop()
        self._error = error
        self._worker.attempt_over(self)

    def settle(self) -> None:
        """It was over at once."""
        if not self._error:
            self._established()
            return
        connector, self._connector = self._connector, None
        if connector is not None:
            self._tell_failed(connector, self._error)

    def _tell_failed(self, connector: Connector, error: int) -> None:
        try:
            connector.connect_failed(error not in LOCAL_ERRORS)
        except Exception as problem:
            self._worker.broken(connector, problem)

    def cancel(self) -> None:
        """Give up; nobody is told."""
        if self._connector is not None:
            self._connector = None
            self._drop()

    def _drop(self) -> None:
        dropped: Any = self._socket
        self._socket = None
        if dropped is not None:
            if self._watched:
                self._worker.readiness.forget(self._fd)
            dropped.close()


def begin_attempt(worker: Worker, connector: Connector, server: Server, port: int, early: bytes) -> Attempt:
    """Begin to connect to a server; as `Attempt` and its `begin`, sooner."""
    attempt = Attempt.__new__(Attempt)
    attempt.prepare_attempt(worker, connector, early)
    attempt.begin(server, port)
    return attempt
