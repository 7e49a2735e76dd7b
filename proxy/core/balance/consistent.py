"""`hash-type consistent`: servers stand many times on a ring of 32-bit hashes; a key goes to the nearest.

A server of effective weight w (in sixteenths) stands on w points that depend on its id alone, so that a change of one server
moves only the keys near its points. The points are HAProxy's, found by comparing with a running one: the same ids and weights
give the same servers.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence

from proxy.core.balance.bounded import bounded_shares
from proxy.core.balance.hashing import MASK, avalanche
from proxy.runtime.server import Server
from proxy.runtime.turn import Turn

POINTS_PER_ID = 4096
INDEX_BITS = 20


class Ring:
    """The ring of the servers that are up.

    `factor` is `hash-balance-factor`: a server that has had its bounded share of the streams is passed by, and the key goes on
    along the ring; 0 = no limit.
    """

    __slots__ = ("_factor", "_owners", "_points", "_points_of", "_servers", "_take")

    def __init__(self, factor: int = 0, turn: Turn | None = None) -> None:
        self._factor = factor
        self._take = (turn or Turn()).take
        self._servers: tuple[Server, ...] = ()
        self._points: list[int] = []
        self._owners: list[Server] = []
        self._points_of: dict[int, list[int]] = {}      # by server id, as many as were ever needed

    def rebuild(self, servers: Sequence[Server]) -> None:
        self._servers = tuple(servers)
        marked: list[int] = []
        for index, server in enumerate(servers):
            marked += [point << INDEX_BITS | index for point in self._server_points(server)]
        marked.sort()
        self._points = [mark >> INDEX_BITS for mark in marked]
        self._owners = [servers[mark & (1 << INDEX_BITS) - 1] for mark in marked]

    def _server_points(self, server: Server) -> list[int]:
        points = self._points_of.setdefault(server.sid, [])
        first = server.sid * POINTS_PER_ID
        points += [avalanche((first + number) & MASK) for number in range(len(points), server.weight_now)]
        return points[: server.weight_now]

    def at(self, key: int, avoid: Server | None) -> Server | None:
        """The server nearest to a key, or the first one further on that has room and is not to be avoided."""
        owners = self._owners
        if not owners:
            return None
        start = self._nearest(key)
        server = owners[start]
        if not self._factor:
            return server if server is not avoid else self._walk(start, lambda one: one is not avoid) or avoid
        shares = bounded_shares(self._servers, self._factor)
        return self._walk(start, lambda one: one is not avoid and one.served_by_all() < shares[one]) or server

    def _nearest(self, key: int) -> int:
        points = self._points
        after = bisect_left(points, key)
        before = after - 1
        after = after if after < len(points) else 0
        return after if (points[after] - key) & MASK < (key - points[before]) & MASK else before % len(points)

    def _walk(self, start: int, suits: Callable[[Server], bool]) -> Server | None:
        """The first suitable server along the ring; each server is asked once."""
        owners, size = self._owners, len(self._owners)
        seen: set[Server] = set()
        for step in range(size):
            server = owners[(start + step) % size]
            if server not in seen:
                if suits(server):
                    return server
                seen.add(server)
                if len(seen) == len(self._servers):
                    break
        return None

    def in_turn(self, avoid: Server | None) -> Server | None:
        """The next server for a request without a key: along the ring, past the full ones."""
        owners = self._owners
        if not owners:
            return None
        server = self._walk(self._take() % len(owners), lambda one: one is not avoid and not one.is_full())
        if server is None and avoid in self._servers and avoid is not None and not avoid.is_full():
            return avoid
        return server
