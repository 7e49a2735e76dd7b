"""`balance url_param`: the same value of a parameter of the query goes to the same server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.base.octets import octets_of
from proxy.core.balance.hashed import Hashed, Placement
from proxy.core.balance.hashing import Hash

if TYPE_CHECKING:
    from proxy.core.http1.head import RequestHead


class UrlParam(Hashed):
    """Hashes the value, as it stands there, of the first parameter of that name in the query; an empty value is one too."""

    __slots__ = ("_start",)

    def __init__(self, placement: Placement, hash_octets: Hash, name: str) -> None:
        Hashed.__init__(self, "url_param", placement, hash_octets)
        self._start = octets_of(name) + b"="

    def subject(self, head: RequestHead) -> bytes | None:
        start = self._start
        for part in head.target.partition(b"?")[2].split(b"&"):
            if part.startswith(start):
                return part[len(start) :]
        return None
