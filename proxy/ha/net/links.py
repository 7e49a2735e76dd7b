"""Network interfaces: what the kernel says of them."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from proxy.ha.net.netlink import RTM_GETLINK, Netlink, attributes

IFF_UP, IFF_LOOPBACK, IFF_RUNNING = 1, 8, 0x40
IFLA_ADDRESS, IFLA_IFNAME, IFLA_MTU = 1, 3, 4
ARPHRD_ETHER = 1
_IFINFO = struct.Struct("=BxHiII")


@dataclass(frozen=True, slots=True)
class Link:
    """One interface. `up` is administratively up with a carrier."""

    index: int
    name: str
    up: bool
    mac: bytes
    ethernet: bool = True
    loopback: bool = False
    mtu: int = 1500


def read_link(content: bytes) -> Link:
    """What a message about a link says."""
    _, kind, index, flags, _ = _IFINFO.unpack_from(content)
    found = attributes(content, _IFINFO.size)
    mtu = found.get(IFLA_MTU, b"")
    return Link(
        index, found.get(IFLA_IFNAME, b"").rstrip(b"\0").decode("utf-8", "surrogateescape"),
        (flags & (IFF_UP | IFF_RUNNING)) == IFF_UP | IFF_RUNNING,
        found.get(IFLA_ADDRESS, b""), kind == ARPHRD_ETHER, bool(flags & IFF_LOOPBACK),
        int.from_bytes(mtu, "little") if mtu else 1500,
    )


def list_links(netlink: Netlink) -> dict[str, Link]:
    """Every interface by its name."""
    links = (read_link(content) for _, content in netlink.dump(RTM_GETLINK, _IFINFO.pack(0, 0, 0, 0, 0)))
    return {link.name: link for link in links}
