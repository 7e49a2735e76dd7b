"""The static map of a farm: a list in which each server stands as often as its weight says, well mixed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from heapq import heappop, heappush
from math import gcd

from proxy.runtime.server import Server


def weighted_map(servers: Sequence[Server]) -> tuple[Server, ...]:
    """Mix the servers by their configured weights, in HAProxy's order.

    In each place every server gains its weight in credit; who has most whole shares of the total left to claim stands there, the
    first in the configuration among equals.
    """
    weights = [max(1, server.configured_weight) for server in servers]
    if not weights:
        return ()
    divisor = reduce(gcd, weights)
    weights = [weight // divisor for weight in weights]
    if sum(weights) == len(weights):
        return tuple(servers)
    return tuple(servers[index] for index in _mixed(weights))


def _mixed(weights: list[int]) -> list[int]:
    """The places, by index. A heap of (claims, negated; index) tells who stands there; outdated entries are dropped on sight."""
    total = sum(weights)
    claims = [0] * len(weights)
    gains: list[list[int]] = [[] for _ in range(total + 1)]
    for index, weight in enumerate(weights):
        for share in range(1, weight + 1):
            gains[(share * total + weight - 1) // weight].append(index)     # the place in which this share is complete
    heap = [(0, index) for index in range(len(weights))]
    places = []
    for place in range(1, total + 1):
        for index in gains[place]:
            claims[index] += 1
            heappush(heap, (-claims[index], index))
        while heap[0][0] != -claims[heap[0][1]]:
            heappop(heap)
        index = heappop(heap)[1]
        claims[index] -= 1
        heappush(heap, (-claims[index], index))
        places.append(index)
    return places
