"""`balance url_param`: the same value of a parameter of the query goes to the same server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.base.octets import octets_of
from proxy.core.balance.hashed import Hashed, Placement
from proxy.core.balance.hashing import Hash

if TYPE_CHECKING:
    from proxy.core.http1.head import RequestHead


class UrlParam(Hashed):
    """Hashes the value, as it stands there, of the first parameter of that name in the query; an empty value is one too.

    With `check_post` the body of a POST is looked at too, as far as it fits a buffer.
    """

    __slots__ = ("_start",)

    def __init__(self, placement: Placement, hash_octets: Hash, name: str, check_post: bool = False) -> None:
        Hashed.__init__(self, "url_param", placement, hash_octets)
        self._start = octets_of(name) + b"="
        self.searches_body = check_post

    def subject(self, head: RequestHead) -> bytes | None:
        return self._value(head.target.partition(b"?")[2])

    def body_key(self, body: bytes) -> int | None:
        value = self._value(body)
        return None if value is None else self._hash(value)

    def _value(self, query: bytes) -> bytes | None:
        start = self._start
        for part in query.split(b"&"):
            if part.startswith(start):
                return part[len(start) :]
        return None
