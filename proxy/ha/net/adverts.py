"""Raw sockets for advertisements: one pair per interface and family, shared by every instance there.

The receiving socket is bound to its device, joined to the group by interface index, and deaf to groups others have joined
(IP_MULTICAST_ALL 0). The sending one loops nothing back. IPv4 headers are ours (IP_HDRINCL): TTL 255, TOS 0xc0.
"""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass

from proxy.ha.vrrp.packet import PROTOCOL, Envelope

TOS_INTERNETWORK_CONTROL = 0xC0
IP_MULTICAST_ALL, IPV6_MULTICAST_ALL, IPV6_RECVHOPLIMIT, IPV6_HOPLIMIT = 49, 29, 51, 52
_IPV4 = struct.Struct("!BBHHHBBH4s4s")
_MREQN = struct.Struct("=4s4si")
_MREQ6 = struct.Struct("=16si")
_OCTETS = 4096


@dataclass(frozen=True, slots=True)
class Received:
    """One packet as it came."""

    envelope: Envelope
    octets: bytes


class AdvertSockets:
    """The sockets of one interface and family. Addresses are packed octets; `index` 0 is any interface (unicast only).

    Raises: OSError when they cannot be made.
    """

    def __init__(self, family: int, index: int, name: str) -> None:
        self.family, self.index, self.name = family, index, name
        self._groups: set[bytes] = set()
        self._identification = 0
        kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
        self._receiving = socket.socket(family, kind, PROTOCOL)
        try:
            self._sending = socket.socket(family, kind, PROTOCOL)
        except OSError:
            self._receiving.close()
            raise
        try:
            self._prepare()
        except OSError:
            self.close()
            raise

    def _prepare(self) -> None:
        receiving, sending = self._receiving, self._sending
        if self.name:
            for each in (receiving, sending):
                each.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, self.name.encode("utf-8", "surrogateescape") + b"\0")
        sending.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 0)      # what it receives is never read
        # The control traffic of routers goes before everything else (RFC 2474).
        sending.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, 6)
        if self.family == socket.AF_INET:
            receiving.setsockopt(socket.IPPROTO_IP, IP_MULTICAST_ALL, 0)
            sending.setsockopt(socket.IPPROTO_IP, socket.IP_HDRINCL, 1)
            sending.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)
            if self.index:
                sending.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, _MREQN.pack(bytes(4), bytes(4), self.index))
        else:
            receiving.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1)
            receiving.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
            receiving.setsockopt(socket.IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0)
            sending.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, 0)
            sending.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, TOS_INTERNETWORK_CONTROL)
            if self.index:
                sending.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, self.index)

    def fileno(self) -> int:
        return self._receiving.fileno()

    def close(self) -> None:
        self._receiving.close()
        self._sending.close()

    def join(self, group: bytes) -> None:
        """Receive what is sent to a group."""
        if group in self._groups:
            return
        if self.family == socket.AF_INET:
            self._receiving.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, _MREQN.pack(group, bytes(4), self.index))
        else:
            self._receiving.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, _MREQ6.pack(group, self.index))
        self._groups.add(group)

    def send(self, packet: bytes, source: bytes, destination: bytes, ttl: int = 255) -> None:
        """Send one packet.

        Raises: OSError.
        """
        if self.family == socket.AF_INET:
            self._identification = (self._identification + 1) & 0xFFFF
            header = _IPV4.pack(0x45, TOS_INTERNETWORK_CONTROL, 20 + len(packet), self._identification, 0, ttl, PROTOCOL, 0,
                                source, destination)
            self._sending.sendto(header + packet, (socket.inet_ntoa(destination), 0))
            return
        pktinfo = (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, source + struct.pack("=i", self.index))
        hops = (socket.IPPROTO_IPV6, IPV6_HOPLIMIT, struct.pack("=i", ttl))
        where = (socket.inet_ntop(socket.AF_INET6, destination), 0, 0, self.index)
        self._sending.sendmsg([packet], [pktinfo, hops], 0, where)

    def receive(self) -> Received | None:
        """The next packet, None when there is none; what is no IP packet is passed over.

        Raises: OSError.
        """
        while True:
            try:
                octets, ancillary, _, sender = self._receiving.recvmsg(_OCTETS, 128)
            except BlockingIOError:
                return None
            except InterruptedError:
                continue
            received = self._open(octets, ancillary, sender)
            if received is not None:
                return received

    def _open(self, octets: bytes, ancillary: list[tuple[int, int, bytes]], sender: tuple[str, ...]) -> Received | None:
        if self.family == socket.AF_INET:
            if len(octets) < 20 or octets[0] >> 4 != 4:
                return None
            header = (octets[0] & 15) * 4
            total = min(int.from_bytes(octets[2:4], "big"), len(octets))
            return Received(Envelope(octets[12:16], octets[16:20], octets[8]), octets[header:total])
        ttl, destination = 0, bytes(16)
        for level, kind, value in ancillary:
            if level == socket.IPPROTO_IPV6 and kind == IPV6_HOPLIMIT:
                ttl = int.from_bytes(value[:4], "little", signed=True)
            elif level == socket.IPPROTO_IPV6 and kind == socket.IPV6_PKTINFO:
                destination = value[:16]
        return Received(Envelope(socket.inet_pton(socket.AF_INET6, sender[0].partition("%")[0]), destination, ttl), octets)
