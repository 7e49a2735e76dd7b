"""Addresses of interfaces: put, take, list."""

from __future__ import annotations

import errno
import socket
import struct
from dataclasses import dataclass
from ipaddress import IPv4Interface

from proxy.ha.conf.routing import VirtualAddress
from proxy.ha.net.netlink import (
    NLM_F_CREATE,
    NLM_F_EXCL,
    NLM_F_REPLACE,
    RTM_DELADDR,
    RTM_GETADDR,
    RTM_NEWADDR,
    Netlink,
    attribute,
    attributes,
)

IFA_ADDRESS, IFA_LOCAL, IFA_LABEL, IFA_BROADCAST, IFA_CACHEINFO, IFA_FLAGS, IFA_PROTO = 1, 2, 3, 4, 6, 8, 11
IFA_F_SECONDARY, IFA_F_NODAD, IFA_F_HOMEADDRESS, IFA_F_DADFAILED, IFA_F_DEPRECATED, IFA_F_TENTATIVE = 1, 2, 0x10, 8, 0x20, 0x40
IFA_F_MANAGETEMPADDR, IFA_F_NOPREFIXROUTE, IFA_F_MCAUTOJOIN = 0x100, 0x200, 0x400
SCOPES = {"": 0, "global": 0, "site": 200, "link": 253, "host": 254, "nowhere": 255}
IFAPROT_KEEPALIVED = 18
"""Marks what is ours, so that it can be told from an administrator's addresses (kernel 5.18 and later)."""

_IFADDR = struct.Struct("=BBBBi")
_CACHEINFO = struct.Struct("=IIII")
_FOREVER = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Assigned:
    """An address that an interface has. `address` is packed octets."""

    index: int
    address: bytes
    prefix: int
    scope: int
    flags: int

    @property
    def usable(self) -> bool:
        """Whether packets may be sent from it."""
        return not self.flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)

    @property
    def secondary(self) -> bool:
        return bool(self.flags & IFA_F_SECONDARY)


def read_address(content: bytes) -> Assigned:
    """What a message about an address says."""
    _, prefix, flags, scope, index = _IFADDR.unpack_from(content)
    found = attributes(content, _IFADDR.size)
    wide = found.get(IFA_FLAGS)
    address = found.get(IFA_LOCAL) or found.get(IFA_ADDRESS, b"")
    return Assigned(index, address, prefix, scope, struct.unpack("=I", wide)[0] if wide else flags)


def list_addresses(netlink: Netlink) -> list[Assigned]:
    """Every address of every interface, in the kernel's order."""
    body = _IFADDR.pack(socket.AF_UNSPEC, 0, 0, 0, 0)
    return [read_address(content) for _, content in netlink.dump(RTM_GETADDR, body)]


def put_address(netlink: Netlink, address: VirtualAddress, index: int) -> bool:
    """Put an address on an interface; False when it was there already.

    Raises: NetlinkError.
    """
    flags = NLM_F_CREATE | (NLM_F_REPLACE if address.address.version == 6 else NLM_F_EXCL)
    return netlink.request(RTM_NEWADDR, _message(address, index), flags, f"cannot add {address}", ignore=(errno.EEXIST,))


def take_address(netlink: Netlink, address: VirtualAddress, index: int) -> bool:
    """Take an address from an interface; False when it, or the interface, was gone already.

    Raises: NetlinkError.
    """
    return netlink.request(RTM_DELADDR, _message(address, index), 0, f"cannot remove {address}",
                           ignore=(errno.EADDRNOTAVAIL, errno.ENODEV, errno.ENXIO, errno.ENOENT))


def _message(address: VirtualAddress, index: int) -> bytes:
    interface, packed = address.interface, address.address.packed
    body = _IFADDR.pack(socket.AF_INET if interface.version == 4 else socket.AF_INET6,
                        (address.peer or interface).network.prefixlen,
                        0, SCOPES[address.scope], index)
    body += attribute(IFA_LOCAL, packed) + attribute(IFA_ADDRESS, address.peer.ip.packed if address.peer else packed)
    if address.label:
        body += attribute(IFA_LABEL, address.label.encode("utf-8", "surrogateescape") + b"\0")
    if broadcast := _broadcast(address):
        body += attribute(IFA_BROADCAST, broadcast)
    flags = _flags(address)
    if flags:
        body += attribute(IFA_FLAGS, struct.pack("=I", flags))
    body += attribute(IFA_PROTO, bytes((IFAPROT_KEEPALIVED,)))
    preferred = address.preferred_lft_s
    if preferred is None and interface.version == 6 and interface.network.prefixlen == 128 and not address.preferred_forever:
        preferred = 0
    if preferred is not None:
        body += attribute(IFA_CACHEINFO, _CACHEINFO.pack(preferred, _FOREVER, 0, 0))
    return body


def _flags(address: VirtualAddress) -> int:
    flags = IFA_F_NODAD if address.interface.version == 6 and not address.dad else 0
    for wanted, flag in ((address.home, IFA_F_HOMEADDRESS), (address.mngtmpaddr, IFA_F_MANAGETEMPADDR),
                         (address.noprefixroute, IFA_F_NOPREFIXROUTE), (address.autojoin, IFA_F_MCAUTOJOIN)):
        flags |= flag if wanted else 0
    return flags


def _broadcast(address: VirtualAddress) -> bytes:
    if not address.broadcast or not isinstance(address.interface, IPv4Interface):
        return b""
    network = address.interface.network
    if address.broadcast == "+":
        return network.broadcast_address.packed
    if address.broadcast == "-":
        return network.network_address.packed
    return socket.inet_aton(address.broadcast)
