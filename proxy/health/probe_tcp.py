"""A check of layer 4: a connection that opens is all that is asked for."""

from __future__ import annotations

from proxy.core.proxy_protocol import V2_LOCAL, encode_v1
from proxy.health.result import Verdict

CONNECTED = Verdict("L4OK")


def proxy_header(version: int, source: object, destination: object) -> bytes:
    """The PROXY header of a check: version 1 gives the check's own addresses, version 2 says LOCAL.

    `source` and `destination` are socket addresses; those that are not of TCP give UNKNOWN.
    """
    if version == 2:
        return V2_LOCAL
    if isinstance(source, tuple) and isinstance(destination, tuple):
        return encode_v1(source[:2], destination[:2])
    return encode_v1(None, None)
