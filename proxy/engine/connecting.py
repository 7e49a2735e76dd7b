"""A connection attempt to a server: a non-blocking connect, and who wants to know how it ends."""

from __future__ import annotations

import errno
import socket
from typing import TYPE_CHECKING, Any

from proxy.core.stream.ports import Connector
from proxy.engine.link import SocketLink
from proxy.engine.readiness import WRITE
from proxy.runtime.server import Server

if TYPE_CHECKING:
    from proxy.engine.worker import Worker

STREAM = socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
IP_BIND_ADDRESS_NO_PORT = 24        # linux/in.h; Python names it only from 3.12 on
# What is our own fault: no other server would be reached either.
LOCAL_ERRORS = frozenset(
    (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL, errno.EACCES, errno.EPERM)
)


class Attempt:
    """One attempt. The connector is always told later, never inside the call that began it."""

    __slots__ = ("_connector", "_early", "_error", "_fd", "_socket", "_worker")

    def __init__(self, worker: Worker, connector: Connector, early: bytes) -> None:
        self._worker = worker
        self._connector: Connector | None = connector
        self._early = early
        self._socket: socket.socket | None = None
        self._fd = -1
        self._error = 0

    def begin(self, server: Server, port: int) -> None:
        """Start connecting; `port` replaces the configured one when it is not 0."""
        address = server.sockaddr
        if address is None:
            self._fail_soon(errno.EHOSTUNREACH)
            return
        try:
            self._socket = new = socket.socket(server.socket_family, STREAM)
            self._fd = new.fileno()
            self._prepare(new, server)
            error = new.connect_ex((address[0], port, *address[2:]) if port else address)
        except OSError as problem:
            self._fail_soon(problem.errno or errno.EIO)
            return
        if error in (0, errno.EINPROGRESS):
            self._worker.readiness.watch(self._fd, self, WRITE)
        else:
            self._fail_soon(error)

    def _prepare(self, new: socket.socket, server: Server) -> None:
        if server.socket_family != socket.AF_UNIX:
            new.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if server.backend.tcpka:
                new.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if server.source is not None:
            new.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if not server.source[1]:
                new.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
            new.bind(server.source)

    def ready(self, events: int) -> None:
        """The kernel has finished trying."""
        worker, connected = self._worker, self._socket
        connector, self._connector = self._connector, None
        if connected is None or connector is None:
            return
        error = connected.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            self._drop()
            worker.guarded(connector, connector.connect_failed, error not in LOCAL_ERRORS)
            return
        self._socket = None
        link = SocketLink(worker, connected)
        if self._early:
            link.send(self._early)
        link.belongs_to(connector)
        worker.guarded(connector, connector.connected, link)

    def _fail_soon(self, error: int) -> None:
        self._drop()
        self._error = error
        self._worker.soon(self._failed)

    def _failed(self) -> None:
        connector, self._connector = self._connector, None
        if connector is not None:
            self._worker.guarded(connector, connector.connect_failed, self._error not in LOCAL_ERRORS)

    def cancel(self) -> None:
        """Give up; nobody is told."""
        if self._connector is not None:
            self._connector = None
            self._drop()

    def _drop(self) -> None:
        dropped: Any = self._socket
        self._socket = None
        if dropped is not None:
            self._worker.readiness.forget(self._fd)
            dropped.close()
