"""A check of layer 4: a connection that opens is all that is asked for."""

from __future__ import annotations

from proxy.base.proxy_parts import V2
from proxy.core.proxy_protocol import encode
from proxy.health.result import Verdict

CONNECTED = Verdict("L4OK")


def proxy_header(parts: int, source: object, destination: object) -> bytes:
    """The PROXY header of a check: version 1 gives the check's own addresses, version 2 says LOCAL.

    `source` and `destination` are socket addresses; those that are not of TCP give UNKNOWN.
    """
    if isinstance(source, tuple) and isinstance(destination, tuple) and not parts & V2:
        return encode(parts, source[:2], destination[:2])
    return encode(parts, None, None)
