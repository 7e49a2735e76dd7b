"""Requests to the kernel's IPVS."""

from __future__ import annotations

import errno
import sys
from typing import Protocol

from proxy.ha.net.netlink import NLA_F_NESTED, Netlink, NetlinkError, attribute, attributes
from proxy.ha.virtual.plan import Server, Timeouts, Traffic
from proxy.ha.virtual.planes.ipvs import wire
from proxy.ha.virtual.planes.ipvs.wire import Entry

NETLINK_GENERIC = 16


class Kernel(Protocol):
    """What a plane asks of IPVS. Every request raises NetlinkError when it is refused."""

    def services(self) -> list[Entry]:
        """What there is."""

    def destinations(self, entry: Entry) -> list[tuple[Server, Traffic]]:
        """The servers of a service."""

    def service(self, command: int, entry: Entry) -> None:
        """Add, change or remove a service."""

    def destination(self, command: int, entry: Entry, server: Server) -> None:
        """Add, change or remove a server."""

    def timeouts(self, timeouts: Timeouts) -> None:
        """Set the timeouts of connections."""

    def flush(self) -> None:
        """Remove everything."""

    def close(self) -> None:
        """Give the socket back."""


class IpvsKernel:
    """The kernel.

    Raises: LookupError when it has no IPVS.
    """

    def __init__(self) -> None:
        try:
            self._netlink = Netlink(NETLINK_GENERIC)
        except OSError as error:
            raise LookupError(f"no generic netlink: {error.strerror}") from None
        try:
            name = attribute(wire.CTRL_ATTR_FAMILY_NAME, wire.FAMILY_NAME.encode() + b"\0")
            # Asking for the family loads the module where there is one.
            answer = self._netlink.get(wire.GENL_ID_CTRL, wire.general(wire.CTRL_CMD_GETFAMILY) + name, "IPVS",
                                       ignore=(errno.ENOENT,))
            family = attributes(answer or b"", 4).get(wire.CTRL_ATTR_FAMILY_ID)
        except NetlinkError as error:
            family = None
            reason = str(error)
        else:
            reason = "the kernel has no IPVS (module ip_vs)"
        if family is None:
            self._netlink.close()
            raise LookupError(reason)
        self._family = int.from_bytes(family, sys.byteorder)

    def services(self) -> list[Entry]:
        return [wire.read_service(content) for _, content in self._netlink.dump(self._family, wire.general(wire.GET_SERVICE))]

    def destinations(self, entry: Entry) -> list[tuple[Server, Traffic]]:
        body = wire.general(wire.GET_DEST) + attribute(NLA_F_NESTED | wire.CMD_SERVICE, entry.identity())
        return [wire.read_destination(content, entry.family) for _, content in self._netlink.dump(self._family, body)]

    def service(self, command: int, entry: Entry) -> None:
        self._netlink.request(self._family, wire.service_message(command, entry), 0, "IPVS service")

    def destination(self, command: int, entry: Entry, server: Server) -> None:
        self._netlink.request(self._family, wire.destination_message(command, entry, server), 0, f"IPVS server {server}")

    def timeouts(self, timeouts: Timeouts) -> None:
        self._netlink.request(self._family, wire.timeouts_message(timeouts), 0, "IPVS timeouts")

    def flush(self) -> None:
        self._netlink.request(self._family, wire.general(wire.FLUSH), 0, "IPVS flush")

    def close(self) -> None:
        self._netlink.close()
