"""`lb_algo` for data planes without a scheduler: the order in which servers take the next connections.

    rr, wrr, fo                 turns that depend on the weights only
    lc, wlc, sed, nq, ovf       turns for the next connections, from the connections that there are now
    sh, mh, dh                  256 buckets, of which a hash of the client's (dh: the service's) address chooses one

A turn and a bucket name a server by its key. Source: ipvsadm(8), "scheduling-method"; Eisenbud et al., "Maglev" (NSDI 2016) §3.4.
"""

from __future__ import annotations

import heapq
import math
import zlib
from collections.abc import Mapping, Sequence

from proxy.ha.conf.services import Scheduler
from proxy.ha.virtual.plan import Server, Traffic

MAX_TURNS = 1024
"""A list of turns is no longer than this, unless there are more servers."""
NEXT_TURNS = 64
"""How many connections are looked ahead where the turns depend on connections."""
BUCKETS = 256
_MAGLEV_SIZE = 251                              # the largest prime below BUCKETS: every skip visits every place
_ACTIVE = 256                                   # an active connection weighs as much as so many inactive ones

HASHED = frozenset({Scheduler.SH, Scheduler.MH, Scheduler.DH})
COUNTED = frozenset({Scheduler.LC, Scheduler.WLC, Scheduler.SED, Scheduler.NQ, Scheduler.OVF})

Counts = Mapping[str, Traffic]
_NONE = Traffic()


def turns(scheduler: Scheduler, servers: Sequence[Server], counts: Counts) -> tuple[str, ...]:
    """The keys of the servers for the next connections, one after the other and then from the beginning."""
    able = [each for each in servers if each.weight > 0]
    if not able:
        return ()
    if scheduler is Scheduler.RR:
        return tuple(each.key for each in able)
    if scheduler is Scheduler.WRR:
        return smooth([(each.key, each.weight) for each in able])
    if scheduler is Scheduler.FO:
        return (max(able, key=lambda each: each.weight).key,)
    if scheduler is Scheduler.OVF:
        return _overflow(able, counts)
    return _least(scheduler, able, counts)


def smooth(weights: Sequence[tuple[str, int]]) -> tuple[str, ...]:
    """Turns in proportion to the weights, nobody's bunched together.

    Weights that would make more than MAX_TURNS are scaled down; each server keeps one turn at least.
    """
    scaled = _scaled([weight for _, weight in weights])
    total = sum(scaled)
    current = [0] * len(weights)
    found: list[str] = []
    for _ in range(total):
        for index, weight in enumerate(scaled):
            current[index] += weight
        best = max(range(len(weights)), key=lambda index: (current[index], -index))
        current[best] -= total
        found.append(weights[best][0])
    return tuple(found)


def _scaled(weights: list[int]) -> list[int]:
    divisor = math.gcd(*weights)
    whole = [weight // divisor for weight in weights]
    total, room = sum(whole), max(MAX_TURNS, len(whole))
    if total <= room:
        return whole
    # One turn for each, the rest in proportion, what is left over to those that lost most by rounding.
    spare = room - len(whole)
    shares = [weight * spare / total for weight in whole]
    given = [int(share) for share in shares]
    lost = sorted(range(len(whole)), key=lambda index: given[index] - shares[index])
    for index in lost[: spare - sum(given)]:
        given[index] += 1
    return [1 + count for count in given]


def _overflow(able: list[Server], counts: Counts) -> tuple[str, ...]:
    """The heaviest server until it has as many connections as its weight, then the next one; nobody when all are full."""
    found: list[str] = []
    for each in sorted(able, key=lambda server: -server.weight):
        room = each.weight - counts.get(each.key, _NONE).active
        found += [each.key] * max(0, min(room, NEXT_TURNS - len(found)))
    return tuple(found)


def _least(scheduler: Scheduler, able: list[Server], counts: Counts) -> tuple[str, ...]:
    """What picking the least loaded again and again comes to."""
    heap: list[tuple[float, int]] = []
    active = [counts.get(each.key, _NONE).active for each in able]
    inactive = [counts.get(each.key, _NONE).inactive for each in able]

    def load(index: int) -> float:
        weight = able[index].weight
        if scheduler is Scheduler.NQ and active[index] == 0:
            return -1.0
        if scheduler in (Scheduler.SED, Scheduler.NQ):
            return (active[index] + 1) / weight
        overhead = active[index] * _ACTIVE + inactive[index]
        return overhead if scheduler is Scheduler.LC else overhead / weight

    heap = [(load(index), index) for index in range(len(able))]
    heapq.heapify(heap)
    found: list[str] = []
    for _ in range(max(NEXT_TURNS, len(able))):
        _, index = heap[0]
        found.append(able[index].key)
        active[index] += 1
        heapq.heapreplace(heap, (load(index), index))
    return tuple(found)


def buckets(scheduler: Scheduler, servers: Sequence[Server]) -> tuple[str, ...]:
    """The server of each of BUCKETS hash values; () when nobody gets connections.

    Both ways give a server that comes or goes only its own share: the others keep theirs. It depends on addresses and weights
    alone, so two machines agree. Servers of weight 0 have no bucket, as with sh-fallback and mh-fallback.
    """
    able = [each for each in servers if each.weight > 0]
    if not able:
        return ()
    if scheduler is Scheduler.MH:
        return _maglev(able)
    return tuple(max(able, key=lambda each: (_straw(each, bucket), each.key)).key for bucket in range(BUCKETS))


def _number(text: str) -> int:
    # Twice through: the checksum alone is linear, and similar names would order buckets alike.
    first = zlib.crc32(text.encode())
    return (zlib.crc32(first.to_bytes(4, "big") + text.encode()[::-1]) ^ (first * 0x9E3779B1)) & 0xFFFFFFFF


def _straw(server: Server, bucket: int) -> float:
    """Weighted rendezvous: the longest straw has the bucket."""
    uniform = (_number(f"{server.key}/{bucket}") + 1) / (2**32 + 1)
    return -server.weight / math.log(uniform)


def _maglev(able: list[Server]) -> tuple[str, ...]:
    """Maglev hashing: servers take turns, by weight, at claiming the next free place of their own permutation."""
    order = [(_number(f"{each.key}/offset") % _MAGLEV_SIZE, _number(f"{each.key}/skip") % (_MAGLEV_SIZE - 1) + 1)
             for each in able]
    at = [0] * len(able)
    table: list[str | None] = [None] * _MAGLEV_SIZE
    key_index = {each.key: index for index, each in enumerate(able)}
    filled = 0
    while filled < _MAGLEV_SIZE:
        for key in smooth([(each.key, each.weight) for each in able]):
            index = key_index[key]
            offset, skip = order[index]
            place = (offset + at[index] * skip) % _MAGLEV_SIZE
            while table[place] is not None:
                at[index] += 1
                place = (offset + at[index] * skip) % _MAGLEV_SIZE
            table[place] = key
            at[index] += 1
            filled += 1
            if filled == _MAGLEV_SIZE:
                break
    full = [key for key in table if key is not None]
    # The kernel's hash is taken modulo BUCKETS; the few places beyond the prime repeat the first ones.
    return tuple(full[place % _MAGLEV_SIZE] for place in range(BUCKETS))


def overloaded(servers: Sequence[Server], counts: Counts, before: frozenset[str]) -> frozenset[str]:
    """The servers that have reached `uthreshold` and not yet fallen below `lthreshold` (default: three quarters of the upper)."""
    found: set[str] = set()
    for each in servers:
        if not each.uthreshold:
            continue
        traffic = counts.get(each.key, _NONE)
        connections = traffic.active + traffic.inactive
        lower = each.lthreshold or each.uthreshold * 3 / 4
        if connections >= each.uthreshold or (each.key in before and connections >= lower):
            found.add(each.key)
    return frozenset(found)
