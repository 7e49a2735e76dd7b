"""`balance leastconn`: the server with the fewest streams for its weight, in turns among equals.

One worker keeps a heap, which every stream that comes or goes touches once. Of several workers each sees only its own streams
come and go: they look at all servers each time, since any load may have changed.
"""
from __future__ import annotations

from collections.abc import Sequence
from heapq import heapify, heappop, heappush

from proxy.core.balance.contract import Balancer
from proxy.runtime.server import Server

SCALE = 1 << 16


def load(server: Server) -> int:
    """How busy a server is for its weight, with the stream that would come; an idle one is not busy whatever its weight.

    Streams in the server's queue count too.
    """
    streams = server.served_by_all() + server.queued_by_all()
    return (streams + 1) * SCALE // server.weight_now if streams else 0


class LeastConn(Balancer):
    """A heap by load, then by how long ago the server's load last changed.

    Entries are not moved but superseded: `_current` says which entry of a server counts. A load that grew unseen (a queue) is
    noticed when its entry comes to the top.
    """

    __slots__ = ("_current", "_heap", "_serial", "_servers")

    def __init__(self) -> None:
        Balancer.__init__(self, "leastconn")
        self._servers: tuple[Server, ...] = ()
        self._heap: list[tuple[int, int, Server]] = []
        self._current: dict[Server, int] = {}
        self._serial = 0

    def pick(self, key: int | None, avoid: Server | None) -> Server | None:
        server = self._least_loaded_of_all() if self._servers and self._servers[0].is_shared() else self._least_loaded()
        if server is None or not (server is avoid or (server.maxconn and server.is_full())):
            return server
        current = self._current
        willing = [one for one in self._servers if one is not avoid and not one.is_full()]
        if willing:
            return min(willing, key=lambda one: (load(one), current[one]))
        return avoid if avoid in current and not avoid.is_full() else None

    def _least_loaded(self) -> Server | None:
        heap, current = self._heap, self._current
        while heap:
            entered, serial, server = heap[0]
            if current.get(server) != serial:
                heappop(heap)
            elif load(server) != entered:
                heappop(heap)
                heappush(heap, (load(server), serial, server))
            else:
                return server
        return None

    def _least_loaded_of_all(self) -> Server:
        current = self._current
        return min(self._servers, key=lambda one: (load(one), current[one]))

    def opened(self, server: Server) -> None:
        if server in self._current:
            self._enter(server)

    closed = opened

    def _enter(self, server: Server) -> None:
        self._serial = serial = self._serial + 1
        self._current[server] = serial
        heap = self._heap
        heappush(heap, (load(server), serial, server))
        if len(heap) > 64 + 4 * len(self._servers):
            current = self._current
            self._heap = [entry for entry in heap if current[entry[2]] == entry[1]]
            heapify(self._heap)

    def rebuild(self, servers: Sequence[Server]) -> None:
        before = self._current
        self._servers = tuple(servers)
        self._current, self._heap = {}, []
        for server in sorted(servers, key=lambda one: before.get(one, self._serial)):
            self._enter(server)
