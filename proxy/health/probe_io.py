"""The socket of a check: non-blocking, driven by readiness callbacks; no task, no future.

    IDLE --open--> CONNECTING --writable--> SENDING --all sent--> RECEIVING --verdict--> IDLE

Checks are many and each is a whole connection, so every system call counts: none is made whose answer an event has given already.
"""

from __future__ import annotations

import errno
import socket
from typing import Any, Protocol

from proxy.health import errors
from proxy.health.probe_http import INVALID_RESPONSE, HttpProbe
from proxy.health.probe_service import ServiceProbe
from proxy.health.probe_tcp import CONNECTED, proxy_header
from proxy.health.readiness import MAY_HAVE_FAILED, MAY_READ, PEER_CLOSED, Readiness
from proxy.health.result import Verdict
from proxy.runtime.cells import (
    H1_BYTES_IN,
    H1_BYTES_OUT,
    H1_OPEN_CONNECTIONS,
    H1_OPEN_STREAMS,
    H1_TOTAL_CONNECTIONS,
    H1_TOTAL_STREAMS,
)
from proxy.runtime.check_plan import CheckPlan, ConnectStep

RECEIVE_OCTETS = 16384
LINGER_NONE = b"\x01\x00\x00\x00\x00\x00\x00\x00"      # struct linger: on, 0 s: leave with RST, no TIME_WAIT, nothing half-open
STREAM = socket.SOCK_STREAM | socket.SOCK_NONBLOCK
OVER_IP = frozenset({socket.AF_INET, socket.AF_INET6})

OPEN = (H1_OPEN_CONNECTIONS, H1_OPEN_STREAMS)
OPENED = (*OPEN, H1_TOTAL_CONNECTIONS, H1_TOTAL_STREAMS)

_IN_PROGRESS = frozenset({errno.EINPROGRESS, errno.EINTR})
_AGAIN = frozenset({errno.EAGAIN, errno.EWOULDBLOCK, errno.EINTR})


class ProbeOwner(Protocol):
    """Who started the probe."""

    def probe_connected(self) -> None:
        """The connection is open; now the answer is waited for."""

    def probe_reconnect(self, step: ConnectStep) -> None:
        """The next step needs another connection; this one is closed."""

    def probe_ended(self, verdict: Verdict) -> None:
        """The probe is over, its socket closed. Never told from within `open`."""


class ProbeIO:
    """The connection of one server's checks, one at a time.

    `asks` is what is asked and how the answer is understood, None for a check of layer 4. HTTP checks are HTTP/1 traffic of the
    backend, and counted in its `counters` as such.
    """

    __slots__ = (
        "_fd", "_out", "_owner", "_peer_closed", "_plan", "_readable", "_readiness", "_ready", "_sock", "_speaks_first",
        "_traffic", "asks", "connecting",
    )

    def __init__(self, readiness: Readiness, plan: CheckPlan, owner: ProbeOwner, counters: memoryview) -> None:
        self._readiness = readiness
        self._plan = plan
        self._owner = owner
        self._sock: socket.SocketType | None = None
        self._fd = -1
        self._out = b""
        self._readable = 0
        self._peer_closed = 0
        self._ready = self._happened        # bound once, not for each check
        self.connecting = False
        self.asks: HttpProbe | ServiceProbe | None = None
        self._speaks_first = True       # or the service does, once it knows that the connection is open
        self._traffic: memoryview | None = None
        if plan.steps:
            self.asks = HttpProbe(plan)
            self._traffic = counters
        elif plan.service is not None:
            self.asks = ServiceProbe(plan.service)
            self._speaks_first = self.asks.speaks_first

    def open(self, family: int, sockaddr: Any, source: Any, step: ConnectStep) -> Verdict | None:
        """Begin to connect; a verdict when the system refuses at once."""
        try:
            sock = socket.SocketType(family, STREAM)        # the class below socket.socket: sooner made and sooner closed
        except OSError as error:
            return errors.socket_refused(error.errno or 0)
        if source is not None:
            try:
                sock.bind(source)
            except OSError as error:
                sock.close()
                return errors.bind_refused(error.errno or 0)
        if family in OVER_IP and self._speaks_first:
            # the handshake's ACK goes with the request; after a check of layer 4 RST goes instead, and no application wakes up
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
        code = sock.connect_ex(sockaddr)
        if code and code not in _IN_PROGRESS:
            sock.close()
            return errors.connect_refused(code)
        self._sock, self._fd, self.connecting = sock, sock.fileno(), True
        self._out = b""
        self._readable = self._peer_closed = 0
        parts = self._plan.send_proxy if step.send_proxy is None else step.send_proxy
        if parts:
            # connect() has chosen our address, whether or not the other side has answered yet
            self._out = proxy_header(parts, sock.getsockname(), sockaddr)
        self._readiness.watch(self._fd, self._ready)
        if self._traffic is not None:
            _count(self._traffic, OPENED, 1)
        return None

    def close(self) -> None:
        """Leave the connection, whatever its state."""
        sock = self._sock
        if sock is None:
            return
        self._readiness.forget(self._fd)
        self._sock = None
        self.connecting = False
        if self._traffic is not None:
            _count(self._traffic, OPEN, -1)
        if not self._peer_closed:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NONE)
        sock.close()

    def _end(self, verdict: Verdict) -> None:
        self.close()
        self._owner.probe_ended(verdict)

    def _happened(self, events: int) -> None:
        sock = self._sock
        if sock is None:
            return
        self._readable |= events & MAY_READ
        self._peer_closed |= events & PEER_CLOSED
        if self.connecting:
            self._connected(sock, events)
        elif self._out:
            self._send(sock)
        else:
            self._receive(sock)

    def _connected(self, sock: socket.SocketType, events: int) -> None:
        if events & MAY_HAVE_FAILED:
            code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code:
                self._end(errors.connection_failed(code))
                return
        self.connecting = False
        if self._plan.timeout_ms:
            self._owner.probe_connected()
        if self.asks is None or self._act(self.asks.connected()):
            self._send(sock)

    def _send(self, sock: socket.SocketType) -> None:
        out = self._out
        if out:
            try:
                self._out = out = out[sock.send(out) :]
            except OSError as error:
                if error.errno not in _AGAIN:
                    self._end(errors.connection_lost(error.errno or 0))
                    return
        if out:
            self._readiness.want_write(self._fd)
        elif self.asks is None:
            self._end(CONNECTED)
        else:
            self._readiness.want_read(self._fd)
            if self._readable:              # it spoke before it was asked, as little check scripts do
                self._receive(sock)

    def _receive(self, sock: socket.SocketType) -> None:
        """Read until the verdict or until nothing is left: nobody tells of what was there already."""
        asks = self.asks
        self._readable = 0
        while asks is not None and self._sock is sock:
            try:
                octets = sock.recv(RECEIVE_OCTETS)
            except OSError as error:
                if error.errno not in _AGAIN:
                    self._end(errors.connection_lost(error.errno or 0))
                return
            if self._traffic is not None:
                self._traffic[H1_BYTES_IN] += len(octets)
            if not octets:
                action = asks.closed()
                self._act(INVALID_RESPONSE if action is None or isinstance(action, bytes) else action)
            elif self._act(asks.received(octets)) and self._out:
                self._send(sock)
                return

    def _act(self, action: Verdict | ConnectStep | bytes | None) -> bool:
        """Do what the probe wants next; false when this connection is over."""
        if action is None:
            return True
        if isinstance(action, bytes):
            self._out += action
            if self._traffic is not None:
                self._traffic[H1_BYTES_OUT] += len(action)
            return True
        if isinstance(action, Verdict):
            self._end(action)
            return False
        self.close()
        self._owner.probe_reconnect(action)
        return False


def _count(counters: memoryview, cells: tuple[int, ...], amount: int) -> None:
    for cell in cells:
        counters[cell] += amount
