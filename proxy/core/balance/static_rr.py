"""`balance static-rr`: round robin over a map that is drawn up once per change of the servers that are up."""

from __future__ import annotations

from collections.abc import Sequence

from proxy.core.balance.contract import Balancer, another
from proxy.core.balance.weighted_map import weighted_map
from proxy.runtime.server import Server
from proxy.runtime.turn import Turn


class StaticRoundRobin(Balancer):
    """Weights are those of the configuration: changing one at run time, or a slow start, has no effect."""

    __slots__ = ("_map", "_take")

    def __init__(self, turn: Turn | None = None, algorithm: str = "static-rr") -> None:
        Balancer.__init__(self, algorithm)
        self._take = (turn or Turn()).take
        self._map: tuple[Server, ...] = ()

    def pick(self, key: int | None, avoid: Server | None) -> Server | None:
        places = self._map
        if not places:
            return None
        at = self._take()
        server = places[at % len(places)]
        if server is avoid or (server.maxconn and server.is_full()):
            return another(places, at + 1, avoid)
        return server

    def rebuild(self, servers: Sequence[Server]) -> None:
        self._map = weighted_map(servers)
