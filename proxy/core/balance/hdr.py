"""`balance hdr(name)`: the same value of a request header goes to the same server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.base.octets import octets_of
from proxy.core.balance.hashed import Hashed, Placement
from proxy.core.balance.hashing import Hash

if TYPE_CHECKING:
    from proxy.core.http1.head import RequestHead


class Header(Hashed):
    """Hashes the first value of the header, up to its comma; an empty one counts as none.

    `domain_only` keeps the label before the last dot: "1wt" of "haproxy.1wt.eu".
    """

    __slots__ = ("_domain_only", "_name")

    def __init__(self, placement: Placement, hash_octets: Hash, name: str, *, domain_only: bool) -> None:
        Hashed.__init__(self, "hdr", placement, hash_octets)
        self._name = octets_of(name).lower()
        self._domain_only = domain_only

    def subject(self, head: RequestHead) -> bytes | None:
        found = head.get(self._name)
        if not found:
            return None
        value = found.partition(b",")[0].strip(b" \t")
        if not value:
            return None
        return _domain(value) if self._domain_only else value


def _domain(value: bytes) -> bytes:
    """At least one octet before the last dot, back to the dot before it; all of it when there is no such dot."""
    end = value.rfind(b".")
    if end <= 0:
        return value
    return value[value.rfind(b".", 0, end - 1) + 1 : end]
