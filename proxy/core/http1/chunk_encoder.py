"""The few octets that make chunks of content (RFC 9112 §7.1)."""

from __future__ import annotations

from proxy.base.errors import LocalProtocolError
from proxy.core.http1.head import Fields

CHUNK_END = b"\r\n"
LAST_CHUNK = b"0\r\n\r\n"


def chunk_head(length: int) -> bytes:
    """The size line of a chunk; CHUNK_END follows its octets.

    Raises: LocalProtocolError for an empty chunk, which would end the body.
    """
    if length <= 0:
        raise LocalProtocolError("an empty chunk ends a body", 500)
    return b"%x\r\n" % length


def last_chunk(trailers: Fields) -> bytes:
    """The last chunk and the trailer section."""
    if not trailers:
        return LAST_CHUNK
    return b"0\r\n" + b"\r\n".join([name + b": " + value for name, value in trailers]) + b"\r\n\r\n"
