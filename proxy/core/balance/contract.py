"""What every algorithm is: given the servers that may be chosen, it says which one is next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from proxy.runtime.server import Server

if TYPE_CHECKING:
    from proxy.core.http1.head import RequestHead


class Balancer:
    """One way to choose among the servers of a farm.

    Contract: `rebuild` is told of every change of the servers or of their weights and keeps what turns it can; `pick` never
    returns `avoid` when another server can be had, returns None when there is no server or (unless it hashes) all are full, and
    a hashing one returns the hashed server even when that one is full: the stream then waits in that server's queue.
    Source: HAProxy configuration manual, "balance".
    """

    __slots__ = ("algorithm", "needs_key", "searches_body", "since")

    def __init__(self, algorithm: str) -> None:
        self.algorithm = algorithm
        self.needs_key = False
        self.searches_body = False                      # `body_key` is to be asked where `key` found nothing
        self.since = 0                                  # the turn at which it was last told of a change, where that matters

    def rebuild(self, servers: Sequence[Server]) -> None:
        """Choose among these from now on, in the order of the configuration; each has `weight_now` > 0."""
        raise NotImplementedError

    def pick(self, key: int | None, avoid: Server | None) -> Server | None:
        """The server for the next stream; `key` is what `key()` gave, `avoid` the server that has just failed the stream."""
        raise NotImplementedError

    def key(self, head: RequestHead | None, client_address: bytes) -> int | None:
        """The hash of what a hashing algorithm looks at, None when the request has none of it.

        `client_address` is the packed IP address: 4 octets, 16, or none.
        """
        return None

    def body_key(self, body: bytes) -> int | None:
        """As `key`, of the beginning of a POST's body."""
        return None

    def opened(self, server: Server) -> None:
        """A stream has taken a slot of `server` (already counted in `served`)."""

    def closed(self, server: Server) -> None:
        """A stream has given its slot back (no longer counted)."""


def another(servers: Sequence[Server], start: int, avoid: Server | None) -> Server | None:
    """The first server from `start` on, around the ring, that is not full; `avoid` only when it is the only one."""
    last_resort = None
    for offset in range(len(servers)):
        server = servers[(start + offset) % len(servers)]
        if server.maxconn and server.is_full():
            continue
        if server is not avoid:
            return server
        last_resort = server
    return last_resort
