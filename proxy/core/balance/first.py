"""`balance first`: the lowest server id that has a free slot, so that as few servers as possible are in use."""

from __future__ import annotations

from collections.abc import Sequence

from proxy.core.balance.contract import Balancer, another
from proxy.runtime.server import Server


class First(Balancer):
    """Weights do not matter; without `maxconn` the first server gets everything."""

    __slots__ = ("_servers",)

    def __init__(self) -> None:
        Balancer.__init__(self, "first")
        self._servers: tuple[Server, ...] = ()

    def pick(self, key: int | None, avoid: Server | None) -> Server | None:
        return another(self._servers, 0, avoid)

    def rebuild(self, servers: Sequence[Server]) -> None:
        self._servers = tuple(sorted(servers, key=lambda server: server.sid))
