"""Host names of servers that had no address at the start: asked for again, of the system, until they have one.

The server waits in maintenance (resolution). Names are asked for in a few threads, never in the event loop, which a resolver that
does not answer would stop. The resolver's libraries and files must be loaded before chroot (`master.preload`).

Source: HAProxy configuration manual, "init-addr"; texts "resolves again" as recorded from HAProxy 2.6.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from proxy.base.addresses import Address, Family
from proxy.base.clock import Clock
from proxy.build.resolving import resolved
from proxy.runtime import transitions
from proxy.runtime.log import Events
from proxy.runtime.process import Process
from proxy.runtime.server import Server
from proxy.runtime.states import Admin

RETRY_MS = 10_000
THREADS_MAX = 4

Found = tuple[int, Any] | str       # socket family and address for connect, or why there is none


class ResolutionLoop(Protocol):
    """What is needed of an event loop."""

    def call_later(self, delay: float, callback: Any, /) -> Any: ...

    def call_soon_threadsafe(self, callback: Any, /, *args: Any) -> Any: ...


def in_a_thread(work: Callable[[], None]) -> None:
    """Run the work beside the loop; a resolver that never answers does not keep the process from ending."""
    threading.Thread(target=work, name="resolution", daemon=True).start()


class Resolution:
    """Looks up the servers of a process that have no address, every `RETRY_MS`, until each has one."""

    def __init__(
        self, process: Process, events: Events, clock: Clock, loop: ResolutionLoop,
        resolve: Callable[[Address], Found] = resolved, run: Callable[[Callable[[], None]], None] = in_a_thread,
    ) -> None:
        self._process = process
        self._events = events
        self._clock = clock
        self._loop = loop
        self._resolve = resolve
        self._run = run
        self._timer: Any = None
        self._wanted: deque[Server] = deque()
        self._unanswered: set[Server] = set()
        self._stopped = False

    def start(self) -> None:
        """Begin to ask, unless every server has an address; the start has told which have none."""
        if self._without_address():
            self._timer = self._loop.call_later(RETRY_MS / 1000, self._ask)

    def stop(self) -> None:
        """Ask no more; answers still to come are dropped."""
        self._stopped = True
        self._wanted.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _without_address(self) -> list[Server]:
        """Those that no `resolvers` section is asked for (`health.names`)."""
        others = {named.server for named in self._process.named_servers}
        servers = (server for backend in self._process.backends for server in backend.servers if server not in others)
        return [server for server in servers if server.admin & Admin.RMAINT and server.address.family is Family.NAME]

    def _ask(self) -> None:
        self._timer = None
        servers = self._without_address()
        if not servers:
            return
        idle = THREADS_MAX if not self._unanswered else 0       # a round that still waits is not joined by another
        if idle:
            self._unanswered.update(servers)
            self._wanted.extend(servers)
            for _ in range(min(idle, len(servers))):
                self._run(self._look_up)
        self._timer = self._loop.call_later(RETRY_MS / 1000, self._ask)

    def _look_up(self) -> None:
        """A thread's work: one name after the other."""
        while True:
            try:
                server = self._wanted.popleft()
            except IndexError:
                return
            found = self._resolve(server.address)
            try:
                self._loop.call_soon_threadsafe(self._answered, server, found)
            except RuntimeError:        # the loop is closed: nobody waits for answers any more
                return

    def _answered(self, server: Server, found: Found) -> None:
        self._unanswered.discard(server)
        if self._stopped or not server.admin & Admin.RMAINT:
            return
        if isinstance(found, str):
            server.resolve_error = found
            return
        server.socket_family, server.sockaddr = found
        server.resolve_error = ""
        transitions.clear_admin(server, Admin.RMAINT, self._clock.monotonic_ms(), self._events)
