"""`balance source`: the same client address goes to the same server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.core.balance.hashed import Hashed, Placement
from proxy.core.balance.hashing import Hash

if TYPE_CHECKING:
    from proxy.core.http1.head import RequestHead


class Source(Hashed):
    """Hashes the packed address: the hash function of `hash-type` does not apply, its avalanche does."""

    __slots__ = ()

    def __init__(self, placement: Placement, hash_octets: Hash) -> None:
        Hashed.__init__(self, "source", placement, hash_octets)

    def key(self, head: RequestHead | None, client_address: bytes) -> int | None:
        return self._hash(client_address) if client_address else None
