"""`balance roundrobin`: each server in its turn, as often as its weight says."""

from __future__ import annotations

from collections.abc import MutableSequence, Sequence

from proxy.core.balance.contract import Balancer, another
from proxy.core.balance.smooth import Turns
from proxy.runtime.server import Server


class RoundRobin(Balancer):
    """Weighted, smooth and dynamic.

    Equal weights, nearly every farm, are an immutable tuple and one counter, `turn[0]`, which workers may share: they then
    alternate strictly among all of them. Unequal weights are a deterministic sequence that every worker steps through up to the
    same counter. A full server, or the one to avoid, loses its turn.
    """

    __slots__ = ("_offset", "_ring", "_servers", "_size", "_turn", "_turns")

    def __init__(self, turn: MutableSequence[int] | None = None, algorithm: str = "roundrobin") -> None:
        Balancer.__init__(self, algorithm)
        self._turn: MutableSequence[int] = [0] if turn is None else turn
        self._servers: tuple[Server, ...] = ()
        self._ring: tuple[Server, ...] = ()             # all servers when their weights are equal, else empty
        self._size = 0                                  # of the ring
        self._offset = 0                                # what to add to the counter to find the place in the ring
        self._turns = Turns()

    def pick(self, key: int | None, avoid: Server | None) -> Server | None:
        size = self._size
        if size == 0:
            return self._pick_uneven(avoid) if self._servers else None
        turn = self._turn
        at = turn[0]
        turn[0] = at + 1
        server = self._ring[(at + self._offset) % size]
        if server is avoid or (server.maxconn and server.is_full()):
            return self._pick_from(at + 1, avoid)
        return server

    def _pick_from(self, at: int, avoid: Server | None) -> Server | None:
        """Go on along the ring to a server with a free slot, which then has had its turn."""
        ring, size = self._ring, self._size
        start = (at + self._offset) % size
        server = another(ring, start, avoid)
        if server is not None:
            self._turn[0] = at + (ring.index(server) - start) % size + 1
        return server

    def _pick_uneven(self, avoid: Server | None) -> Server | None:
        server = self._step()
        if server is not avoid and not (server.maxconn and server.is_full()):
            return server
        willing = [one for one in self._servers if one is not avoid and not one.is_full()]
        if not willing:
            return None if avoid is None or avoid.is_full() or avoid not in self._servers else avoid
        for _ in range(len(self._servers)):
            server = self._step()
            if server in willing:
                return server
        return willing[0]

    def _step(self) -> Server:
        turn, turns = self._turn, self._turns
        at = turn[0]
        turn[0] = at + 1
        if turns.position != at:
            turns.skip_to(at)
        return turns.step()

    def rebuild(self, servers: Sequence[Server]) -> None:
        position = self._turn[0]
        upcoming = self._upcoming(position)
        self._servers = tuple(servers)
        if len({server.weight_now for server in servers}) <= 1:
            self._rebuild_ring(upcoming, position)
            return
        if self._size:
            self._turns.start(upcoming, position)
        elif self._turns.position < position and self._turns.upcoming():
            self._turns.skip_to(position)
        self._turns.rebuild(servers)
        self._ring, self._size = (), 0

    def _upcoming(self, position: int) -> list[Server]:
        """The servers so far, in the order of their next turns; none before the first turn was given."""
        if position == 0:
            self._turns = Turns()
            return []
        if self._size == 0:
            return self._turns.upcoming()
        start = (position + self._offset) % self._size
        return [*self._ring[start:], *self._ring[:start]]

    def _rebuild_ring(self, upcoming: list[Server], position: int) -> None:
        """Servers in the order of the configuration, going on with the one whose turn was next."""
        self._ring, self._size = self._servers, len(self._servers)
        following = next((server for server in upcoming if server in self._ring), None)
        self._offset = self._ring.index(following) - position if following is not None else -position
