"""Addresses of servers as the sockets want them; names are asked for once here, and again later by `health.resolution`."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from proxy.base.addresses import Address, Family
from proxy.build.findings import Findings
from proxy.config.model import ServerLine

Found = tuple[int, Any] | str

FAMILIES: dict[Family, int] = {Family.IPV4: socket.AF_INET, Family.IPV6: socket.AF_INET6}
FAMILY_OF = {number: family for family, number in FAMILIES.items()}


def socket_address(address: Address) -> tuple[int, Any] | None:
    """(socket family, address for connect) of an address that needs no resolver; None for a host name."""
    if address.family in (Family.UNIX, Family.ABSTRACT):
        return socket.AF_UNIX, address.socket_name
    family = FAMILIES.get(address.family)
    return None if family is None else (family, (address.host, address.port))


def resolved(address: Address) -> Found:
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


@dataclass(frozen=True, slots=True)
class Start:
    """Where a server starts: `found` is None where it has no address yet, `unresolved` why its name has none ("" when not asked).

    `may_be_without` is true where `init-addr` has `none`.
    """

    found: tuple[int, Any] | None
    unresolved: str = ""
    may_be_without: bool = False


def initial_address(address: Address, methods: tuple[str, ...], resolve: Callable[[Address], Found] | None = None) -> Start:
    """The address to start with, by the methods of `init-addr` in turn.

    `last` gives none: no state file is kept. Source: HAProxy configuration manual, "init-addr".
    """
    known = socket_address(address)
    if known is not None:
        return Start(known)
    unresolved = ""
    for method in methods:
        if method == "none":
            return Start(None, unresolved, may_be_without=True)
        if method == "libc":
            answer = (resolve or resolved)(address)
            if not isinstance(answer, str):
                return Start(answer)
            unresolved = answer
        elif method != "last":
            family = socket.AF_INET6 if ":" in method else socket.AF_INET
            return Start((family, (method, address.port)), unresolved)
    return Start(None, unresolved)


def required(address: Address, line: ServerLine, backend: str, what: str, findings: Findings) -> tuple[int, Any]:
    """(socket family, address) of what a server line cannot do without; a name that does not resolve is a fault."""
    found = resolved(address)
    if isinstance(found, str):
        findings.fault(
            line.where, f"{title(line, backend)} : {what} : invalid address: '{address.host}' in '{address.host}'.",
            f"{found}: write an IP address, or fix the name",
        )
        return 0, None
    return found


def title(line: ServerLine, backend: str) -> str:
    """How HAProxy begins what it says of a server line."""
    return f"[{line.where}] : 'server {backend}/{line.name}'"
