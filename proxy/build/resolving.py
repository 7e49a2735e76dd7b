"""Addresses of servers as the sockets want them; names are asked for once here, and again later by `health.resolution`."""

from __future__ import annotations

import socket
from typing import Any

from proxy.base.addresses import Address, Family

FAMILIES = {Family.IPV4: socket.AF_INET, Family.IPV6: socket.AF_INET6}


def socket_address(address: Address) -> tuple[int, Any] | None:
    """(socket family, address for connect) of an address that needs no resolver; None for a host name."""
    if address.family is Family.UNIX:
        return socket.AF_UNIX, address.host
    if address.family is Family.ABSTRACT:
        return socket.AF_UNIX, "\0" + address.host
    family = FAMILIES.get(address.family)
    return None if family is None else (family, (address.host, address.port))


def resolved(address: Address) -> tuple[int, Any] | str:
    """(socket family, address for connect), or why the name has none.

    Source: HAProxy configuration manual, "init-addr libc"; IPv4 is preferred, as the C library orders it.
    """
    known = socket_address(address)
    if known is not None:
        return known
    only = FAMILIES.get(address.only, 0) if address.only is not None else 0
    try:
        found = socket.getaddrinfo(address.host, address.port, only, socket.SOCK_STREAM)
    except OSError as error:
        return error.strerror or str(error)
    except UnicodeError:
        return "not a valid host name"
    return found[0][0], found[0][4][:2]


def initial_address(address: Address, methods: tuple[str, ...], resolver_allowed: bool) -> tuple[int, Any] | str:
    """The address to start with, by the methods of `init-addr` in turn; a text when the server is to start without one.

    Raises: LookupError when no method gives an address and `none` is not among them.
    """
    known = socket_address(address)
    if known is not None:
        return known
    reason = "no method of init-addr gives an address"
    for method in methods:
        if method == "none":
            return reason
        if method == "last":
            continue                # no state file is kept: there is no last address
        if method == "libc":
            if resolver_allowed:
                answer = resolved(address)
                if not isinstance(answer, str):
                    return answer
                reason = answer
        else:
            family = socket.AF_INET6 if ":" in method else socket.AF_INET
            return family, (method, address.port)
    raise LookupError(reason)
