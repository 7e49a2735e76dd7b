"""Addresses, routes and rules that an instance carries with it, in the words of ip-address(8), ip-route(8) and ip-rule(8)."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network

from proxy.base.errors import NOWHERE, Where

IpAddress = IPv4Address | IPv6Address
IpInterface = IPv4Interface | IPv6Interface
IpNetwork = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class VirtualAddress:
    """One address with its prefix.

    `dad` (`-nodad`) has the kernel look for duplicates first; it is off because the other machine may still have it for a moment.
    `device` "" is the instance's own interface. `broadcast` is an address, "+", "-" or "" for none. `preferred_lft_s` None is
    the default: preferred for ever, but deprecated (0) for an IPv6 /128 unless `preferred_forever` is written.
    """

    interface: IpInterface
    device: str = ""
    label: str = ""
    scope: str = ""
    broadcast: str = ""
    peer: IpInterface | None = None
    home: bool = False
    dad: bool = False
    mngtmpaddr: bool = False
    noprefixroute: bool = False
    autojoin: bool = False
    preferred_lft_s: int | None = None
    preferred_forever: bool = False
    no_track: bool = False
    where: Where = NOWHERE

    @property
    def address(self) -> IpAddress:
        """The address without its prefix."""
        return self.interface.ip

    def __str__(self) -> str:
        return str(self.interface)


@dataclass(frozen=True, slots=True)
class NextHop:
    """One `nexthop` of a route, or its only way."""

    via: IpAddress | None = None
    device: str = ""
    weight: int = 1
    onlink: bool = False


@dataclass(frozen=True, slots=True)
class Route:
    """One route. `kind` is unicast, blackhole, unreachable, prohibit, throw or local; `table` and `protocol` names or numbers.

    `metrics` are the options that the kernel keeps per route (mtu, advmss, window, …), each with whether it is locked.
    """

    destination: IpNetwork
    kind: str = "unicast"
    hops: tuple[NextHop, ...] = ()
    source: IpAddress | None = None
    scope: str = ""
    table: str = ""
    protocol: str = ""
    priority: int | None = None
    tos: int = 0
    metrics: tuple[tuple[str, int, bool], ...] = ()
    append: bool = False
    no_track: bool = False
    where: Where = NOWHERE


@dataclass(frozen=True, slots=True)
class Rule:
    """One routing rule. `action` is lookup, goto, blackhole, unreachable, prohibit or nop; `family` is 4 or 6."""

    family: int
    source: IpNetwork | None = None
    destination: IpNetwork | None = None
    inverted: bool = False
    action: str = "lookup"
    table: str = ""
    goto: int = 0
    priority: int | None = None
    iif: str = ""
    oif: str = ""
    tos: int = 0
    fwmark: int | None = None
    fwmask: int | None = None
    suppress_prefixlength: int | None = None
    no_track: bool = False
    where: Where = NOWHERE
