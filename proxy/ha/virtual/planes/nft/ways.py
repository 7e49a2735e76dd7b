"""How this machine reaches a real server: asked of the kernel's routing."""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Iterable

from proxy.ha.net.links import Link, list_links
from proxy.ha.net.netlink import RTM_GETROUTE, Netlink, attribute, attributes
from proxy.ha.virtual.plan import IpAddress
from proxy.ha.virtual.planes.nft.direct import Way

RTA_DST, RTA_OIF, RTA_GATEWAY = 1, 4, 5
RTN_LOCAL = 2
_RTMSG = struct.Struct("=BBBBBBBBI")
_UNREACHABLE = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EACCES, errno.EINVAL)


class Ways:
    """What the kernel says of routes and interfaces; asked anew each time."""

    def __init__(self) -> None:
        self._netlink = Netlink()

    def close(self) -> None:
        """Give the socket back."""
        self._netlink.close()

    def devices(self) -> list[str]:
        """The interfaces that clients' packets may come in by."""
        return sorted(name for name, link in list_links(self._netlink).items() if not link.loopback)

    def to(self, addresses: Iterable[IpAddress]) -> tuple[dict[str, Way], list[str]]:
        """The way to each address, and what is to be said of those that direct routing cannot reach."""
        names = {link.index: link for link in list_links(self._netlink).values()}
        ways: dict[str, Way] = {}
        faults: list[str] = []
        for address in addresses:
            ways[str(address)], fault = self._way(address, names)
            if fault:
                faults.append(fault)
        return ways, faults

    def _way(self, address: IpAddress, names: dict[int, Link]) -> tuple[Way, str]:
        family, width = (socket.AF_INET, 32) if address.version == 4 else (socket.AF_INET6, 128)
        body = _RTMSG.pack(family, width, 0, 0, 0, 0, 0, 0, 0) + attribute(RTA_DST, address.packed)
        answer = self._netlink.get(RTM_GETROUTE, body, f"route to {address}", ignore=_UNREACHABLE)
        if answer is None:
            return Way(), f"no route to real server {address}"
        if answer[7] == RTN_LOCAL:
            return Way(here=True), ""
        found = attributes(answer, _RTMSG.size)
        link = names.get(int.from_bytes(found.get(RTA_OIF, b""), "little"))
        if link is None:
            return Way(), f"no interface leads to real server {address}"
        if RTA_GATEWAY in found:
            return Way(), f"real server {address} is behind a gateway: direct routing (lb_kind DR) needs it on a network of ours"
        return Way(link.name), ""
