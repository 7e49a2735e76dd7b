"""`hash-type map-based`: a hash is a place in the static map."""

from __future__ import annotations

from collections.abc import Sequence

from proxy.core.balance.static_rr import StaticRoundRobin
from proxy.core.balance.weighted_map import weighted_map
from proxy.runtime.server import Server
from proxy.runtime.turn import Turn


class MapBased:
    """The map of the servers that are up, and the turns of requests that have no key."""

    __slots__ = ("_map", "_unkeyed")

    def __init__(self, turn: Turn | None = None) -> None:
        self._map: tuple[Server, ...] = ()
        self._unkeyed = StaticRoundRobin(turn)

    def rebuild(self, servers: Sequence[Server]) -> None:
        self._map = weighted_map(servers)
        self._unkeyed.rebuild(servers)

    def at(self, key: int, avoid: Server | None) -> Server | None:
        """The server at that key's place; when that one is to be avoided, the next other one in the map."""
        places = self._map
        if not places:
            return None
        start = key % len(places)
        server = places[start]
        if server is avoid:
            return next((one for one in (*places[start:], *places[:start]) if one is not avoid), avoid)
        return server

    def in_turn(self, avoid: Server | None) -> Server | None:
        """The next server for a request without a key."""
        return self._unkeyed.pick(None, avoid)
