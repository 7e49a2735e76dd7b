"""`balance roundrobin`: each server in its turn, as often as its weight says."""

from __future__ import annotations

from collections.abc import Sequence

from proxy.core.balance.contract import Balancer, another
from proxy.core.balance.smooth import Turns
from proxy.runtime.server import Server
from proxy.runtime.turn import Turn


class RoundRobin(Balancer):
    """Weighted, smooth and dynamic.

    Which server has a turn follows from the turn's number alone: equal weights, nearly every farm, are an immutable tuple,
    unequal ones a deterministic sequence that everybody can step through. So workers that share the count of turns alternate
    strictly among all of them, as long as each is told of the same changes at the same turns (`Turn.pinned`). A full server, or
    the one to avoid, loses its turn.
    """

    __slots__ = ("_base", "_offset", "_ring", "_servers", "_size", "_turns", "turn")

    def __init__(self, turn: Turn | None = None, algorithm: str = "roundrobin") -> None:
        Balancer.__init__(self, algorithm)
        self.turn: Turn = turn or Turn()
        self._servers: tuple[Server, ...] = ()
        self._ring: tuple[Server, ...] = ()             # all servers when their weights are equal, else empty
        self._size = 0                                  # of the ring
        self._offset = 0                                # what to add to the turn to find the place in the ring
        self._turns = Turns()                           # as far as this worker has come
        self._base = self._turns                        # as it was at the last change: the same in every worker

    def pick(self, key: int | None, avoid: Server | None) -> Server | None:
        size = self._size
        if size == 0:
            return self._pick_uneven(avoid) if self._servers else None
        at = self.turn.take()
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
            self.turn.take((ring.index(server) - start) % size + 1)
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
        turns = self._turns
        at = self.turn.take()
        if turns.position != at:
            turns.skip_to(at)
        return turns.step()

    def rebuild(self, servers: Sequence[Server]) -> None:
        self.since = at = self.turn.now()
        upcoming = self._upcoming(at)
        self._servers = tuple(servers)
        if len({server.weight_now for server in servers}) <= 1:
            self._rebuild_ring(upcoming, at)
            return
        turns = self._turns
        if self._size:
            turns.start(upcoming, at)
        elif turns.position < at and turns.upcoming():
            turns.skip_to(at)
        turns.rebuild(servers)
        self._base = turns.copy() if self.turn.is_shared else turns
        self._ring, self._size = (), 0

    def _upcoming(self, at: int) -> list[Server]:
        """The servers so far, in the order of their next turns; none before the first turn was given."""
        if at == 0:
            self._turns = self._base = Turns()
            return []
        if self._size == 0:
            if self.turn.is_shared:         # this worker may have taken a later turn meanwhile: begin where all others do
                self._turns = self._base.copy()
                if self._turns.upcoming():
                    self._turns.skip_to(at)
            return self._turns.upcoming()
        start = (at + self._offset) % self._size
        return [*self._ring[start:], *self._ring[:start]]

    def _rebuild_ring(self, upcoming: list[Server], at: int) -> None:
        """Servers in the order of the configuration, going on with the one whose turn was next."""
        self._ring, self._size = self._servers, len(self._servers)
        following = next((server for server in upcoming if server in self._ring), None)
        self._offset = self._ring.index(following) - at if following is not None else -at
