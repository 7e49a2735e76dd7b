"""`balance random`: draw a few servers by weight, take the least loaded of them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate

from proxy.core.balance.bounded import bounded_shares
from proxy.core.balance.contract import Balancer, another
from proxy.core.balance.leastconn import load
from proxy.runtime.server import Server

Random = Callable[[int], int]


class RandomDraws(Balancer):
    """Power of `draws` random choices. `random(n)` gives a number from 0 to n - 1.

    When the one chosen is full, or over its share of `factor` percent (`hash-balance-factor`), the next one in the configuration
    that is not is taken.
    """

    __slots__ = ("_draws", "_factor", "_random", "_servers", "_sums", "_total")

    def __init__(self, random: Random, draws: int, factor: int = 0) -> None:
        Balancer.__init__(self, "random")
        self._random = random
        self._draws = draws
        self._factor = factor
        self._servers: tuple[Server, ...] = ()
        self._sums: list[int] = []
        self._total = 0

    def pick(self, key: int | None, avoid: Server | None) -> Server | None:
        servers = self._servers
        if not servers:
            return None
        chosen = servers[self._draw()]
        for _ in range(self._draws - 1):
            rival = servers[self._draw()]
            if chosen is avoid or (rival is not avoid and load(rival) < load(chosen)):
                chosen = rival
        if chosen is avoid or (chosen.maxconn and chosen.is_full()):
            return another(servers, servers.index(chosen), avoid)
        return self._within_share(chosen, avoid) if self._factor else chosen

    def _within_share(self, chosen: Server, avoid: Server | None) -> Server:
        shares = bounded_shares(self._servers, self._factor)
        start = self._servers.index(chosen)
        for server in (*self._servers[start:], *self._servers[:start]):
            if server.served_by_all() < shares[server] and server is not avoid and not server.is_full():
                return server
        return chosen

    def _draw(self) -> int:
        return bisect_right(self._sums, self._random(self._total))

    def rebuild(self, servers: Sequence[Server]) -> None:
        self._servers = tuple(servers)
        self._sums = list(accumulate(server.weight_now for server in servers))
        self._total = self._sums[-1] if self._sums else 0
