"""Routes and rules that an instance carries: put and taken as `ip route` and `ip rule` would."""

from __future__ import annotations

import errno
import re
import socket
import struct
from collections.abc import Callable
from functools import cache

from proxy.base.errors import PyproxyError
from proxy.ha.conf.routing import NextHop, Route, Rule
from proxy.ha.net.netlink import (
    NLM_F_APPEND,
    NLM_F_CREATE,
    NLM_F_EXCL,
    RTM_DELROUTE,
    RTM_DELRULE,
    RTM_NEWROUTE,
    RTM_NEWRULE,
    Netlink,
    attribute,
)

RTA_DST, RTA_OIF, RTA_GATEWAY, RTA_PRIORITY, RTA_PREFSRC = 1, 4, 5, 6, 7
RTA_METRICS, RTA_MULTIPATH, RTA_TABLE, RTA_VIA = 8, 9, 15, 18
FRA_DST, FRA_SRC, FRA_IIFNAME, FRA_GOTO, FRA_PRIORITY, FRA_FWMARK = 1, 2, 3, 4, 6, 10
FRA_SUPPRESS_PREFIXLEN, FRA_TABLE, FRA_FWMASK, FRA_OIFNAME, FRA_PROTOCOL = 14, 15, 16, 17, 21
RTN = {"unicast": 1, "local": 2, "blackhole": 6, "unreachable": 7, "prohibit": 8, "throw": 9}
FR_ACT = {"lookup": 1, "goto": 2, "nop": 3, "blackhole": 6, "unreachable": 7, "prohibit": 8}
FIB_RULE_INVERT = 2
RTNH_F_ONLINK = 4
RTPROT_KEEPALIVED = 18
RT_TABLES = {"": 254, "main": 254, "default": 253, "local": 255}
RT_SCOPES = {"global": 0, "site": 200, "link": 253, "host": 254, "nowhere": 255}
METRICS = {"lock": 1, "mtu": 2, "window": 3, "rtt": 4, "rttvar": 5, "ssthresh": 6, "cwnd": 7, "advmss": 8, "reordering": 9,
           "hoplimit": 10,
           "initcwnd": 11, "rto_min": 13, "initrwnd": 14, "quickack": 15}

_RTMSG = struct.Struct("=BBBBBBBBI")
_NEXTHOP = struct.Struct("=HBBi")
_RULE = struct.Struct("=BBBBBBBBI")
_NAMED = re.compile(r"\s*(0x[0-9a-fA-F]+|[0-9]+)\s+([^\s#]+)")

IndexOf = Callable[[str], int]
"""The index of an interface by its name; LookupError when there is none."""


class RouteError(PyproxyError):
    """A route or rule that cannot be asked for here."""


def put_route(netlink: Netlink, route: Route, index_of: IndexOf, device: str) -> bool:
    """Put a route; `device` is where it goes when neither device nor gateway is written. False when it was there.

    Raises: NetlinkError, RouteError.
    """
    flags = NLM_F_CREATE | (NLM_F_APPEND if route.append else NLM_F_EXCL)
    return netlink.request(RTM_NEWROUTE, _route(route, index_of, device), flags, f"cannot add route {route.destination}",
                           ignore=(errno.EEXIST,))


def take_route(netlink: Netlink, route: Route, index_of: IndexOf, device: str) -> bool:
    """Take a route away; False when it was gone.

    Raises: NetlinkError, RouteError.
    """
    return netlink.request(RTM_DELROUTE, _route(route, index_of, device), 0, f"cannot remove route {route.destination}",
                           ignore=(errno.ESRCH, errno.ENODEV, errno.ENETUNREACH))


def put_rule(netlink: Netlink, rule: Rule) -> bool:
    """Put a rule; False when it was there.

    Raises: NetlinkError, RouteError.
    """
    return netlink.request(RTM_NEWRULE, _rule(rule), NLM_F_CREATE | NLM_F_EXCL, "cannot add rule", ignore=(errno.EEXIST,))


def take_rule(netlink: Netlink, rule: Rule) -> bool:
    """Take a rule away; False when it was gone.

    Raises: NetlinkError, RouteError.
    """
    return netlink.request(RTM_DELRULE, _rule(rule), 0, "cannot remove rule", ignore=(errno.ENOENT, errno.ESRCH))


def table_number(name: str) -> int:
    """The number of a routing table.

    Raises: RouteError.
    """
    return _number(name, RT_TABLES, "rt_tables", "routing table")


def _number(name: str, known: dict[str, int], file: str, what: str) -> int:
    if name in known:
        return known[name]
    if re.fullmatch(r"[0-9]{1,10}", name):
        return int(name)
    numbers = _names_in(file)
    if name not in numbers:
        raise RouteError(f"no {what} '{name}' in /etc/iproute2/{file}")
    return numbers[name]


@cache
def _names_in(file: str) -> dict[str, int]:
    """The names that iproute2's files give to numbers."""
    found: dict[str, int] = {}
    for folder in ("/usr/share/iproute2", "/usr/lib/iproute2", "/etc/iproute2"):
        try:
            with open(f"{folder}/{file}", encoding="utf-8", errors="replace") as lines:
                matches = [_NAMED.match(line) for line in lines]
        except OSError:
            continue
        found.update({match[2]: int(match[1], 0) for match in matches if match})
    return found


def _index(name: str, index_of: IndexOf) -> int:
    try:
        return index_of(name)
    except LookupError:
        raise RouteError(f"no interface {name}") from None


def _route(route: Route, index_of: IndexOf, device: str) -> bytes:
    network = route.destination
    family = socket.AF_INET if network.version == 4 else socket.AF_INET6
    table = table_number(route.table)
    protocol = _number(route.protocol, {"": RTPROT_KEEPALIVED}, "rt_protos", "protocol")
    gateway = any(hop.via is not None for hop in route.hops)
    scope = RT_SCOPES["global"]
    if route.scope:
        scope = _number(route.scope, RT_SCOPES, "rt_scopes", "scope")
    elif route.kind == "unicast" and not gateway and family == socket.AF_INET:
        scope = RT_SCOPES["link"]
    elif route.kind == "local":
        scope = RT_SCOPES["host"]
    flags = RTNH_F_ONLINK if len(route.hops) == 1 and route.hops[0].onlink else 0
    body = _RTMSG.pack(family, network.prefixlen, 0, route.tos, table if table < 256 else 0, protocol, scope, RTN[route.kind],
                       flags)
    body += attribute(RTA_DST, network.network_address.packed) if network.prefixlen else b""
    body += attribute(RTA_TABLE, struct.pack("=I", table))
    if route.source is not None:
        body += attribute(RTA_PREFSRC, route.source.packed)
    if route.priority is not None:
        body += attribute(RTA_PRIORITY, struct.pack("=I", route.priority))
    if route.kind == "unicast":
        body += _ways(route, index_of, device)
    if route.metrics:
        locked = sum(1 << METRICS[name] for name, _, lock in route.metrics if lock)
        inner = b"".join(attribute(METRICS[name], struct.pack("=I", value)) for name, value, _ in route.metrics)
        body += attribute(RTA_METRICS, (attribute(METRICS["lock"], struct.pack("=I", locked)) if locked else b"") + inner)
    return body


def _ways(route: Route, index_of: IndexOf, device: str) -> bytes:
    if len(route.hops) <= 1:
        hop = route.hops[0] if route.hops else NextHop()
        name = hop.device or ("" if hop.via is not None else device)
        return _gateway(hop,
                        route.destination.version) + (attribute(RTA_OIF, struct.pack("=i", _index(name, index_of)))
                                                      if name else b"")
    inner = b""
    for hop in route.hops:
        gateway = _gateway(hop, route.destination.version)
        index = _index(hop.device, index_of) if hop.device else 0
        inner += _NEXTHOP.pack(8 + len(gateway), RTNH_F_ONLINK if hop.onlink else 0, hop.weight - 1, index) + gateway
    return attribute(RTA_MULTIPATH, inner)


def _gateway(hop: NextHop, version: int) -> bytes:
    if hop.via is None:
        return b""
    if hop.via.version == version:
        return attribute(RTA_GATEWAY, hop.via.packed)
    return attribute(RTA_VIA, struct.pack("=H", socket.AF_INET6 if hop.via.version == 6 else socket.AF_INET) + hop.via.packed)


def _rule(rule: Rule) -> bytes:
    family = socket.AF_INET if rule.family == 4 else socket.AF_INET6
    table = table_number(rule.table) if rule.action == "lookup" else 0
    body = _RULE.pack(family, rule.destination.prefixlen if rule.destination else 0, rule.source.prefixlen if rule.source else 0,
                      rule.tos,
                      table if table < 256 else 0, 0, 0, FR_ACT[rule.action], FIB_RULE_INVERT if rule.inverted else 0)
    if rule.destination is not None and rule.destination.prefixlen:
        body += attribute(FRA_DST, rule.destination.network_address.packed)
    if rule.source is not None and rule.source.prefixlen:
        body += attribute(FRA_SRC, rule.source.network_address.packed)
    for kind, name in ((FRA_IIFNAME, rule.iif), (FRA_OIFNAME, rule.oif)):
        body += attribute(kind, name.encode("utf-8", "surrogateescape") + b"\0") if name else b""
    numbers = ((FRA_TABLE, table or None), (FRA_PRIORITY, rule.priority), (FRA_FWMARK, rule.fwmark), (FRA_FWMASK, rule.fwmask),
               (FRA_SUPPRESS_PREFIXLEN, rule.suppress_prefixlength), (FRA_GOTO, rule.goto or None))
    for kind, number in numbers:
        body += attribute(kind, struct.pack("=I", number)) if number is not None else b""
    return body + attribute(FRA_PROTOCOL, bytes((RTPROT_KEEPALIVED,)))
