"""`balance uri`: the same resource goes to the same server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.core.balance.hashed import Hashed, Placement
from proxy.core.balance.hashing import Hash

if TYPE_CHECKING:
    from proxy.core.http1.head import RequestHead


class Uri(Hashed):
    """Hashes the request target up to its query, or with it (`whole`); from its path on (`path-only`).

    `length` keeps so many octets at most, `depth` ends before the slash after so many; 0 = no limit.
    """

    __slots__ = ("_depth", "_length", "_path_only", "_whole")

    def __init__(self, placement: Placement, hash_octets: Hash, *, length: int, depth: int, whole: bool, path_only: bool) -> None:
        Hashed.__init__(self, "uri", placement, hash_octets)
        self._length = length
        self._depth = depth
        self._whole = whole
        self._path_only = path_only

    def subject(self, head: RequestHead) -> bytes | None:
        target = head.target
        if self._path_only:
            target = _from_path(target)
        if self._length:
            target = target[: self._length]
        if not self._whole:
            target = target.partition(b"?")[0]
        return _to_depth(target, self._depth) if self._depth else target


def _from_path(target: bytes) -> bytes:
    """The target without scheme and authority; empty when it has no path."""
    if target[:1] == b"/":
        return target
    scheme = target.find(b"://")
    path = target.find(b"/", scheme + 3) if scheme >= 0 else -1
    return target[path:] if path >= 0 else b""


def _to_depth(target: bytes, depth: int) -> bytes:
    at = -1
    for _ in range(depth + 1):
        at = target.find(b"/", at + 1)
        if at < 0:
            return target
    return target[:at]
