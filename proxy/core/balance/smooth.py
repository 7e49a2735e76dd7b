"""Turns in proportion to weights, spread as evenly as possible, that go on smoothly when weights change.

Time is counted in turns. A server of weight w out of a total W is due every W/w turns; whole turns are counted exactly, what is
left over is carried. A newcomer starts in the first turn in which nobody is due, the heaviest first. Of several that are due in
the same turn, the one goes first that has least room before its next turn. This gives HAProxy's order, turn by turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heapify, heappush, heapreplace
from math import gcd

from proxy.runtime.server import Server


class _Place:
    """A server's place in the order of turns."""

    __slots__ = ("due", "remainder", "server", "weight")

    def __init__(self, server: Server, due: int, weight: int) -> None:
        self.server = server
        self.due = due
        self.weight = weight
        self.remainder = 0

    def copy(self) -> _Place:
        other = _Place(self.server, self.due, self.weight)
        other.remainder = self.remainder
        return other


_Entry = tuple[int, int, int, _Place]


class Turns:
    """An endless, deterministic sequence of servers."""

    __slots__ = ("_heap", "_serial", "_total", "_waiting", "position")

    def __init__(self) -> None:
        self.position = 0                               # turns given so far
        self._total = 0
        self._serial = 0
        self._heap: list[_Entry] = []                   # by turn due; ties by room left, then by age
        self._waiting: list[_Place] = []                # newcomers, heaviest first, due when their turn comes

    def step(self) -> Server:
        """The server whose turn it is now. There must be one."""
        now = self.position
        self.position = now + 1
        heap = self._heap
        if heap and (heap[0][0] <= now or not self._waiting):
            place = heap[0][3]
            heapreplace(heap, self._next_entry(place))
            return place.server
        place = self._waiting.pop(0)
        place.due = now
        heappush(heap, self._next_entry(place))
        return place.server

    def _next_entry(self, place: _Place) -> _Entry:
        weight = place.weight
        turns, rest = divmod(self._total + place.remainder, weight)
        place.due += turns
        place.remainder = rest
        self._serial = serial = self._serial + 1
        return (place.due, rest - weight, serial, place)

    def skip_to(self, position: int) -> None:
        """Go on as if the turns up to `position` had been given, by another worker say; whole rounds are jumped over.

        A round is what it takes until every server has had as many turns as its weight says. The order begins again with each,
        once the newcomers have found their places: not before a round has been seen to do so is any jumped over, so that
        everybody comes to the same order, whatever was stepped through and what was not.
        """
        round_turns = self._total // gcd(*(entry[3].weight for entry in self._heap), *(place.weight for place in self._waiting))
        while position - self.position > 2 * round_turns:
            before = self._shape()
            for _ in range(round_turns):
                self.step()
            if self._shape() == before:
                self._jump((position - self.position) // round_turns * round_turns)
        while self.position < position:
            self.step()

    def _shape(self) -> list[tuple[int, int, Server]]:
        """All that decides on the order of turns to come; newcomers, who have no place yet, make it one that never was."""
        return [(due - self.position, room, place.server) for due, room, _, place in sorted(self._heap)] + [
            (self.position, 0, place.server) for place in self._waiting]

    def _jump(self, turns: int) -> None:
        self.position += turns
        for entry in self._heap:
            entry[3].due += turns
        self._heap = [(due + turns, room, serial, place) for due, room, serial, place in self._heap]

    def copy(self) -> Turns:
        """The same sequence, to be stepped through on its own."""
        other = Turns()
        other.position, other._total, other._serial = self.position, self._total, self._serial
        other._waiting = [place.copy() for place in self._waiting]
        other._heap = [(due, room, serial, place.copy()) for due, room, serial, place in self._heap]
        return other

    def upcoming(self) -> list[Server]:
        """Every server once, in the order of their next turns."""
        return [entry[3].server for entry in sorted(self._heap)] + [place.server for place in self._waiting]

    def start(self, order: Sequence[Server], position: int) -> None:
        """Begin at `position` with servers of equal weight, due one after the other in this order."""
        self.position = position
        self._total = sum(server.weight_now for server in order)
        self._waiting = []
        self._heap = []
        for offset, server in enumerate(order):
            place = _Place(server, position + offset, server.weight_now)
            self._heap.append((place.due, -place.weight, offset, place))
        self._serial = len(order)

    def rebuild(self, servers: Sequence[Server]) -> None:
        """Go on with these servers and their weights of now; who was there keeps its place, a changed weight scales its wait."""
        old_total, self._total = self._total, sum(server.weight_now for server in servers)
        wanted = set(servers)
        kept = [entry for entry in self._heap if entry[3].server in wanted]
        self._heap = [self._reweighed(entry, old_total) for entry in kept]
        heapify(self._heap)
        known = {entry[3].server for entry in self._heap}
        newcomers = sorted((server for server in servers if server not in known), key=lambda server: -server.weight_now)
        self._waiting = [_Place(server, 0, server.weight_now) for server in newcomers]

    def _reweighed(self, entry: _Entry, old_total: int) -> _Entry:
        due, _, serial, place = entry
        weight = place.server.weight_now
        if weight == place.weight:
            return entry
        ahead = due - self.position
        if ahead > 0:
            due = self.position + ahead * self._total * place.weight // (old_total * weight)
        place.due, place.weight, place.remainder = due, weight, 0
        return (due, -weight, serial, place)
