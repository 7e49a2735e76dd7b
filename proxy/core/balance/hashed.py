"""What `source`, `uri`, `url_param` and `hdr` have in common: a key that is hashed to a server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from proxy.core.balance.contract import Balancer
from proxy.core.balance.hashing import Hash
from proxy.runtime.server import Server

if TYPE_CHECKING:
    from proxy.core.http1.head import RequestHead


class Placement(Protocol):
    """How hashes are mapped to servers (`hash-type`)."""

    def rebuild(self, servers: Sequence[Server]) -> None: ...

    def at(self, key: int, avoid: Server | None) -> Server | None: ...

    def in_turn(self, avoid: Server | None) -> Server | None: ...


class Hashed(Balancer):
    """A balancer with a key; requests without it are served in turns."""

    __slots__ = ("_hash", "_placement")

    def __init__(self, algorithm: str, placement: Placement, hash_octets: Hash) -> None:
        Balancer.__init__(self, algorithm)
        self.needs_key = True
        self._placement = placement
        self._hash = hash_octets

    def key(self, head: RequestHead | None, client_address: bytes) -> int | None:
        if head is None:
            return None
        octets = self.subject(head)
        return None if octets is None else self._hash(octets)

    def subject(self, head: RequestHead) -> bytes | None:
        """The octets of a request that are hashed; None when it has none."""
        raise NotImplementedError

    def pick(self, key: int | None, avoid: Server | None) -> Server | None:
        if key is None:
            return self._placement.in_turn(avoid)
        return self._placement.at(key, avoid)

    def rebuild(self, servers: Sequence[Server]) -> None:
        self._placement.rebuild(servers)
