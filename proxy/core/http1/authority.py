"""Host and port: which spellings of an authority are valid, and where one stands in a target (RFC 3986 §3.2, RFC 9112 §3.2)."""

from __future__ import annotations

from ipaddress import AddressValueError, IPv6Address

from proxy.base.errors import RemoteProtocolError
from proxy.core.http1.tables import ABSOLUTE_FORM, HOST, PLAIN_HOST

LARGEST_PORT = 65535
SLASH = 47


def check_host(authority: bytes) -> None:
    """Refuse what is not `uri-host [":" port]`: user information, a list, a path, white space, a broken address.

    The empty authority is valid: a client whose target has none must send it (RFC 9112 §3.2).
    Raises: RemoteProtocolError with 400.
    """
    if PLAIN_HOST.fullmatch(authority) is not None:
        return
    match = HOST.fullmatch(authority)
    if match is None:
        raise RemoteProtocolError("invalid Host")
    host: bytes = match[1]
    port: bytes = match[2] or b""
    if port and int(port) > LARGEST_PORT:
        raise RemoteProtocolError("invalid port in Host")
    if host[:1] == b"[" and host[1:2] not in (b"v", b"V"):
        try:
            IPv6Address(host[1:-1].decode("ascii"))
        except AddressValueError:
            raise RemoteProtocolError("invalid IPv6 address in Host") from None


def absolute_authority(target: bytes) -> bytes:
    """The authority of an absolute-form target.

    Raises: RemoteProtocolError with 400 where the target is no absolute URI, or its authority is empty or invalid.
    """
    match = ABSOLUTE_FORM.fullmatch(target)
    if match is None:
        raise RemoteProtocolError("target is neither a path nor an absolute URI")
    authority: bytes = match[1]
    check_host(authority)
    if authority[:1] == b":":
        raise RemoteProtocolError("absolute URI with an empty host")
    return authority


def names(target: bytes, uri: bytes) -> bool:
    """Is `uri` this target, or all of an absolute one that stands behind its authority?"""
    if target == uri:
        return True
    absolute = ABSOLUTE_FORM.fullmatch(target) if target[0] != SLASH else None
    return absolute is not None and target[absolute.end(1):] == uri
