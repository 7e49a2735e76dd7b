"""IPVS's messages: services and destinations as netlink attributes, and back.

Source: linux/ip_vs.h, linux/genetlink.h (the kernel's user-space interface).
"""

from __future__ import annotations

import socket
import struct
import sys
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address

from proxy.ha.conf.services import Forwarding, ForwardingMethod, Protocol
from proxy.ha.net.netlink import NLA_F_NESTED, attribute, attributes
from proxy.ha.virtual.plan import IpAddress, Match, Server, Service, Timeouts, Traffic

GENL_ID_CTRL, CTRL_CMD_GETFAMILY, CTRL_ATTR_FAMILY_ID, CTRL_ATTR_FAMILY_NAME = 16, 3, 1, 2
FAMILY_NAME, FAMILY_VERSION = "IPVS", 1

NEW_SERVICE, SET_SERVICE, DEL_SERVICE, GET_SERVICE = 1, 2, 3, 4
NEW_DEST, SET_DEST, DEL_DEST, GET_DEST = 5, 6, 7, 8
SET_CONFIG, FLUSH = 12, 17
CMD_SERVICE, CMD_DEST, CMD_TIMEOUT_TCP, CMD_TIMEOUT_TCP_FIN, CMD_TIMEOUT_UDP = 1, 2, 4, 5, 6

SVC_AF, SVC_PROTOCOL, SVC_ADDR, SVC_PORT, SVC_FWMARK, SVC_SCHED, SVC_FLAGS, SVC_TIMEOUT, SVC_NETMASK = range(1, 10)
SVC_PE_NAME = 11
DEST_ADDR, DEST_PORT, DEST_FWD, DEST_WEIGHT, DEST_UPPER, DEST_LOWER, DEST_ACTIVE, DEST_INACTIVE = range(1, 9)
DEST_STATS, DEST_FAMILY, DEST_STATS64, DEST_TUN_TYPE, DEST_TUN_PORT, DEST_TUN_FLAGS = 10, 11, 12, 13, 14, 15
STATS_CONNECTIONS, STATS_IN_PACKETS, STATS_OUT_PACKETS, STATS_IN_OCTETS, STATS_OUT_OCTETS = range(1, 6)

F_PERSISTENT, F_HASHED, F_ONEPACKET = 1, 2, 4
SCHED_FLAGS = {"flag-1": 8, "flag-2": 16, "flag-3": 32, "sh-fallback": 8, "sh-port": 16, "mh-fallback": 8, "mh-port": 16}
FORWARD = {Forwarding.NAT: 0, Forwarding.TUN: 2, Forwarding.DR: 3}
FORWARD_MASK = 7
PROTOCOLS = {Protocol.TCP: socket.IPPROTO_TCP, Protocol.UDP: socket.IPPROTO_UDP, Protocol.SCTP: 132}
TUNNELS = {"ipip": 0, "gue": 1, "gre": 2}
TUNNEL_FLAGS = {"": 0, "nocsum": 0, "csum": 1, "remcsum": 2}
ALL_ONES = 0xFFFFFFFF
_GENERAL = struct.Struct("=BBH")
_FLAGS = struct.Struct("=II")


def general(command: int) -> bytes:
    """The header of a generic netlink message."""
    return _GENERAL.pack(command, FAMILY_VERSION, 0)


def _u16(kind: int, value: int) -> bytes:
    return attribute(kind, struct.pack("=H", value))


def _port(kind: int, value: int) -> bytes:
    return attribute(kind, struct.pack("!H", value))


def _u32(kind: int, value: int) -> bytes:
    return attribute(kind, struct.pack("=I", value))


def _container(kind: int, body: bytes) -> bytes:
    return attribute(NLA_F_NESTED | kind, body)


def _address(kind: int, address: IpAddress) -> bytes:
    # The kernel takes a union of both families: always sixteen octets.
    return attribute(kind, address.packed.ljust(16, b"\0"))


@dataclass(frozen=True, slots=True)
class Entry:
    """One service of the kernel: one match of one of ours, one address. What tells services apart is `key`."""

    family: int
    protocol: int
    address: IpAddress | None
    port: int
    mark: int
    scheduler: str = ""
    flags: int = 0
    timeout_s: int = 0
    netmask: int = ALL_ONES
    engine: str = ""

    @property
    def key(self) -> tuple[int, int, bytes, int, int]:
        """What the kernel tells services apart by."""
        if self.address is None:
            return (self.family, 0, b"", 0, self.mark)
        return (self.family, self.protocol, self.address.packed, self.port, 0)

    def identity(self) -> bytes:
        """The attributes that name it."""
        body = _u16(SVC_AF, socket.AF_INET if self.family == 4 else socket.AF_INET6)
        if self.address is None:
            return body + _u32(SVC_FWMARK, self.mark)
        return body + _u16(SVC_PROTOCOL, self.protocol) + _address(SVC_ADDR, self.address) + _port(SVC_PORT, self.port)

    def whole(self) -> bytes:
        """All its attributes."""
        body = self.identity() + attribute(SVC_SCHED, self.scheduler.encode() + b"\0")
        if self.engine:
            body += attribute(SVC_PE_NAME, self.engine.encode("utf-8", "surrogateescape") + b"\0")
        body += attribute(SVC_FLAGS, _FLAGS.pack(self.flags, ALL_ONES)) + _u32(SVC_TIMEOUT, self.timeout_s)
        # An IPv4 netmask is in the network's order, an IPv6 one the length of a prefix.
        mask = struct.pack("!I", self.netmask) if self.family == 4 else struct.pack("=I", self.netmask)
        return body + attribute(SVC_NETMASK, mask)


def entries(service: Service) -> list[Entry]:
    """The kernel's services for one of ours: one for each address of each match."""
    flags = 0
    for name in service.flags:
        flags |= SCHED_FLAGS[name]
    flags |= F_ONEPACKET if service.ops else 0
    persistent = service.persistence_timeout_s > 0
    flags |= F_PERSISTENT if persistent else 0
    if service.family == 4:
        netmask = int(IPv4Network(f"0.0.0.0/{service.persistence_prefix}").netmask)
    else:
        netmask = service.persistence_prefix
    protocol = PROTOCOLS[service.protocol]
    named: list[tuple[IpAddress | None, int, int]] = []
    for match in service.matches:
        named += [(None, 0, match.mark)] if match.first is None else [(address, match.port, 0) for address in _span(match)]
    return [Entry(service.family, protocol, address, port, mark, service.scheduler.value, flags, service.persistence_timeout_s,
                  netmask, service.persistence_engine) for address, port, mark in named]


def _span(match: Match) -> list[IpAddress]:
    if match.first is None:
        return []
    last = match.first if match.last is None else match.last
    kind = type(match.first)
    return [kind(number) for number in range(int(match.first), int(last) + 1)]


def port_of(entry: Entry, server: Server) -> int:
    """Where a server of this service gets its connections: 0, the port that was asked for, behind a firewall mark."""
    return 0 if entry.address is None else server.port or entry.port


def destination(server: Server, port: int, whole: bool = True) -> bytes:
    """A server's attributes, with the port in that service."""
    body = _u16(DEST_FAMILY, socket.AF_INET if server.address.version == 4 else socket.AF_INET6)
    body += _address(DEST_ADDR, server.address) + _port(DEST_PORT, port)
    if not whole:
        return body
    body += _u32(DEST_FWD, FORWARD[server.method.kind]) + _u32(DEST_WEIGHT, server.weight)
    body += _u32(DEST_UPPER, server.uthreshold) + _u32(DEST_LOWER, server.lthreshold)
    if server.method.kind is Forwarding.TUN and server.method.tunnel_type != "ipip":
        body += attribute(DEST_TUN_TYPE, bytes((TUNNELS[server.method.tunnel_type],)))
        body += _port(DEST_TUN_PORT, server.method.tunnel_port)
        body += _u16(DEST_TUN_FLAGS, TUNNEL_FLAGS[server.method.tunnel_checksum])
    return body


def read_service(content: bytes) -> Entry:
    """A service as the kernel tells it."""
    found = attributes(attributes(content, 4).get(CMD_SERVICE, b""))
    family = 4 if _native(found, SVC_AF) == socket.AF_INET else 6
    mark = _native(found, SVC_FWMARK)
    address: IpAddress | None = None
    if not mark:
        packed = found.get(SVC_ADDR, bytes(16))
        address = IPv4Address(packed[:4]) if family == 4 else IPv6Address(packed[:16])
    mask = found.get(SVC_NETMASK, b"\xff\xff\xff\xff")
    return Entry(family, _native(found, SVC_PROTOCOL), address, int.from_bytes(found.get(SVC_PORT, b""), "big"), mark,
                 found.get(SVC_SCHED, b"").rstrip(b"\0").decode("ascii", "replace"),
                 int.from_bytes(found.get(SVC_FLAGS, b"")[:4], sys.byteorder) & ~F_HASHED, _native(found, SVC_TIMEOUT),
                 int.from_bytes(mask, "big" if family == 4 else sys.byteorder),
                 found.get(SVC_PE_NAME, b"").rstrip(b"\0").decode("ascii", "replace"))


def read_destination(content: bytes, family: int) -> tuple[Server, Traffic]:
    """A destination as the kernel tells it, and its traffic."""
    found = attributes(attributes(content, 4).get(CMD_DEST, b""))
    packed = found.get(DEST_ADDR, bytes(16))
    if DEST_FAMILY in found:
        family = 4 if _native(found, DEST_FAMILY) == socket.AF_INET else 6
    address = IPv4Address(packed[:4]) if family == 4 else IPv6Address(packed[:16])
    kind = next((kind for kind, number in FORWARD.items() if number == _native(found, DEST_FWD) & FORWARD_MASK), Forwarding.NAT)
    server = Server(address, int.from_bytes(found.get(DEST_PORT, b""), "big"), _native(found, DEST_WEIGHT),
                    ForwardingMethod(kind), _native(found, DEST_UPPER), _native(found, DEST_LOWER))
    stats = attributes(found.get(DEST_STATS64) or found.get(DEST_STATS, b""))
    numbers = [_native(stats, kind) for kind in (STATS_CONNECTIONS, STATS_IN_PACKETS, STATS_IN_OCTETS, STATS_OUT_PACKETS,
                                                 STATS_OUT_OCTETS)]
    return server, Traffic(_native(found, DEST_ACTIVE), _native(found, DEST_INACTIVE), *numbers)


def _native(found: dict[int, bytes], kind: int) -> int:
    return int.from_bytes(found.get(kind, b""), sys.byteorder)


def service_message(command: int, entry: Entry) -> bytes:
    """A request about a service."""
    body = entry.identity() if command == DEL_SERVICE else entry.whole()
    return general(command) + _container(CMD_SERVICE, body)


def destination_message(command: int, entry: Entry, server: Server) -> bytes:
    """A request about a destination."""
    return (general(command) + _container(CMD_SERVICE, entry.identity())
            + _container(CMD_DEST, destination(server, port_of(entry, server), whole=command != DEL_DEST)))


def timeouts_message(timeouts: Timeouts) -> bytes:
    """A request for other timeouts."""
    return (general(SET_CONFIG) + _u32(CMD_TIMEOUT_TCP, timeouts.tcp_s) + _u32(CMD_TIMEOUT_TCP_FIN, timeouts.tcpfin_s)
            + _u32(CMD_TIMEOUT_UDP, timeouts.udp_s))
