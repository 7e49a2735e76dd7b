"""Accepting clients: as many at a time as are there, and none while a limit forbids it.

    open --limit reached (maxconn of process, frontend, listener; rate-limit; no descriptors)--> resting
    resting --a session ends, or a moment later--> open          closed: for good (soft stop)

What is not accepted waits in the kernel's backlog, as with HAProxy.
"""

from __future__ import annotations

import errno
import socket
from typing import TYPE_CHECKING, Any

from proxy.core.stream.ports import Watched
from proxy.engine import calls
from proxy.engine.readiness import READ
from proxy.runtime.cells import RATE_AT
from proxy.runtime.frontend import Listener
from proxy.runtime.rates import rate_by_all

if TYPE_CHECKING:
    from proxy.engine.worker import Worker

ACCEPTS_PER_EVENT = 64
ACCEPTS_AT_LAST = 65_536            # more than a backlog holds
REST_MS = 100
EXHAUSTED = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))
WILDCARDS = frozenset(("0.0.0.0", "::"))


class Acceptor(Watched):
    """One listening socket at work."""

    __slots__ = ("_fd", "_family", "_is_wildcard", "_leaving", "_local", "_open", "_worker", "listener", "socket")

    def __init__(self, worker: Worker, listener: Listener, listening: socket.socket) -> None:
        self.prepare_entry()
        self._worker = worker
        self.socket: socket.socket | None = listening
        self._fd = listening.fileno()
        self._family = listening.family
        self._open = False
        self._leaving = False
        self.listener = listener
        bound = listener.bound
        self._is_wildcard = isinstance(bound, tuple) and bound[0] in WILDCARDS
        self._local = as_shown(bound) if isinstance(bound, tuple) else (f"unix:{listener.lid}", 0)

    @property
    def is_closed(self) -> bool:
        return self.socket is None

    def open(self) -> None:
        """Accept from now on."""
        if not self._open and self.socket is not None and not self.listener.paused:
            self._open = True
            self._worker.readiness.watch(self._fd, self, READ)

    def rest(self, wake_ms: int = 0) -> None:
        """Accept nothing until `open` is called, or until a moment has passed."""
        if self._open:
            self._open = False
            self._worker.readiness.watch(self._fd, self, 0)
        if wake_ms:
            self._worker.timers.arm(self, self._worker.now_ms + wake_ms)

    def rest_a_moment(self) -> None:
        """Accept nothing for a moment, or until `open` is called."""
        self.rest(REST_MS)

    def deadline_reached(self, now_ms: int) -> None:
        self.open()

    def close(self) -> None:
        """Take what already waits in the backlog, whatever the limits, then stop listening for good."""
        listening = self.socket
        if listening is None:
            return
        self.rest()
        self._worker.timers.forget(self)
        if not self.listener.paused:
            self._leaving = True
            self._acceptable()
        self.socket = None
        listening.close()
        self._worker.acceptor_closed(self)

    def pause(self) -> None:
        """Stop listening, but keep the socket: a new process may bind the address (SIGTTOU)."""
        self.listener.paused = True
        self.rest()
        if self.socket is not None and self._family != socket.AF_UNIX:
            try:
                self.socket.shutdown(socket.SHUT_RD)
            except OSError:
                return              # not listening any more, which is what was wanted

    def resume(self) -> bool:
        """Listen again (SIGTTIN); False when the address has been taken meanwhile."""
        self.listener.paused = False
        if self.socket is None:
            return False
        try:
            self.socket.listen(self.listener.backlog or 1024)
        except OSError:
            return False
        self.open()
        return True

    def ready(self, events: int) -> None:
        """Clients are waiting."""
        self._acceptable()

    def _acceptable(self) -> None:
        worker, listening, listener = self._worker, self.socket, self.listener
        for _ in range(ACCEPTS_AT_LAST if self._leaving else ACCEPTS_PER_EVENT):
            if listening is None or not (self._leaving or self._may_accept()):
                return
            try:
                found = calls.accept(listening, self._fd)
            except OSError as error:
                if error.errno in EXHAUSTED:
                    worker.descriptors_exhausted(self)
                    self.rest(REST_MS)
                    return
                continue            # the client has gone already (ECONNABORTED and its kin)
            if found is None:
                return
            accepted, peer = found
            self._open_session(accepted, peer, listener)

    def _may_accept(self) -> bool:
        """Check the limits; rests when one of them is reached."""
        worker, listener = self._worker, self.listener
        frontend, process = listener.frontend, worker.process
        if process.served_by_all() >= process.maxconn > 0:
            worker.wait_for_room(self)
            return False
        if frontend.served_by_all() >= frontend.maxconn > 0 or listener.served_by_all() >= listener.maxconn > 0:
            worker.wait_for_room(self)
            return False
        if worker.now_ms >= worker.next_look_ms:
            worker.look_at_descriptors()
        if len(worker.sessions) >= worker.clients_max:
            worker.wait_for_room(self)
            return False
        limit = frontend.rate_limit_sessions
        if limit and rate_by_all(frontend, RATE_AT, worker.now_ms) >= limit:
            self.rest(REST_MS)
            return False
        return True

    def _open_session(self, accepted: socket.socket, peer: Any, listener: Listener) -> None:
        worker, local = self._worker, self._local
        link = worker.client_link(accepted)
        if self._is_wildcard:
            bound = link.local_address()
            local = as_shown(bound) if bound is not None else ("", 0)   # the client has gone already; reading will tell
        if self._family == socket.AF_INET6:
            peer = as_shown(peer)
        elif self._family == socket.AF_UNIX:
            peer = local
        worker.open_session(listener, link, peer, local)
        # Who connects mostly says something at once. One who is served whole before the next is accepted finds its sockets
        # still in the processor's caches, and its server, woken by the connection, meets its octets there.
        worker.tell_of_attempts()
        link.ready(READ)
        worker.tell_of_attempts()


def as_shown(address: tuple[Any, ...]) -> tuple[str, int]:
    """Address and port of an end of an IP connection; that of IPv4 on an IPv6 socket is shown as what it is."""
    host, port = address[0], address[1]
    return (host[7:] if host.startswith("::ffff:") and "." in host else host), port
