"""What a worker does when descriptors run out: it lets in only so many clients that each can have a server.

    plenty --nothing is left for a server's connection--> starving: what was put by is given, idle connections are
           closed, the attempt waits its turn (as long as `timeout connect` lets it), no client is let in
    starving --the last that waited has its descriptor--> plenty: a few are put by again

A few are put by because clients who came before a limit was seen may have taken all: were none left for servers, nobody would
ever be served, and nobody leave. A limit that is lowered while the process runs (prlimit) is seen within a second.
"""

from __future__ import annotations

import os
import resource
from collections import deque
from typing import TYPE_CHECKING

from proxy.core.timers import Entry
from proxy.runtime.server import Server

if TYPE_CHECKING:
    from proxy.engine.connecting import Attempt
    from proxy.engine.worker import Worker

RETRY_MS = 20
LOOK_MS = 1000
PUT_BY = 4
SPARE = 16          # log sockets, checks' probes, the event loop's own, the pipe
UNLIMITED = 1 << 40


class Starving(Entry):
    """A worker's descriptors, and the attempts that wait for one, the oldest first."""

    __slots__ = ("_besides", "_put_by", "_waiting", "_worker")

    def __init__(self, worker: Worker) -> None:
        Entry.__init__(self)
        self._worker = worker
        self._besides = lowest_free() + PUT_BY + SPARE
        self._put_by: list[int] = []
        self._waiting: deque[tuple[Attempt, Server, int]] = deque()

    def clients_max(self) -> int:
        """How many clients may be there at a time, with a server's connection for each; none while somebody waits for one."""
        if self._waiting:
            return 0
        self._put_some_by()
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        return UNLIMITED if limit == resource.RLIM_INFINITY else max(1, (limit - self._besides) // 2)

    def wait(self, attempt: Attempt, server: Server, port: int) -> None:
        """No descriptor was left for this attempt: it begins anew when there is one."""
        if self._put_by:
            self.close()
            attempt.begin(server, port)
            return
        for backend in self._worker.process.backends:
            for each in backend.servers:
                if each.idle is not None:
                    each.idle.clear()
        self._waiting.append((attempt, server, port))
        self._worker.look_at_descriptors()
        if not self.deadline_ms:
            self._worker.timers.arm(self, self._worker.now_ms + RETRY_MS)

    def close(self) -> None:
        """Give what was put by."""
        put_by, self._put_by = self._put_by, []
        for descriptor in put_by:
            os.close(descriptor)

    def _put_some_by(self) -> None:
        try:
            while len(self._put_by) < PUT_BY:
                self._put_by.append(os.eventfd(0, os.EFD_CLOEXEC))
        except OSError:
            return              # there are none: another time

    def deadline_reached(self, now_ms: int) -> None:
        """Let those who wait try again, until one fails."""
        waiting, self._waiting = self._waiting, deque()
        while waiting and not self._waiting:
            attempt, server, port = waiting.popleft()
            attempt.begin(server, port)
        self._waiting += waiting
        if self._waiting:
            self._worker.timers.arm(self, now_ms + RETRY_MS)
        else:
            self._worker.look_at_descriptors()
            self._worker.accept_again()


def lowest_free() -> int:
    """The descriptor that would be given next; what lies below is in use."""
    try:
        found = os.eventfd(0, os.EFD_CLOEXEC)
    except OSError:
        return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    os.close(found)
    return found
