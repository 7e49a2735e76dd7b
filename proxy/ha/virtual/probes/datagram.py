"""Checkers that send one datagram: `DNS_CHECK`, `UDP_CHECK`, `PING_CHECK`."""

from __future__ import annotations

import os
import socket
import struct

from proxy.ha.conf.routing import IpAddress
from proxy.ha.conf.services import CheckBasics, DnsCheck, UdpCheck
from proxy.ha.loop import Loop
from proxy.ha.virtual.probes.probe import Done, SocketProbe

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "MX": 15, "TXT": 16, "AAAA": 28}
RCODES = {1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED"}
_RANDOM_OCTETS = 32


class DatagramProbe(SocketProbe):
    """Sends a datagram and reads until one of the answers is the right one."""

    kind = socket.SOCK_DGRAM

    def connected(self, sock: socket.socket) -> None:
        self.loop.add_reader(sock.fileno(), self._read)
        self.send(self.question())

    def _read(self) -> None:
        while (octets := self.receive()) is not None:
            self.answer(octets)

    def question(self) -> bytes:
        """What to send."""
        raise NotImplementedError

    def answer(self, octets: bytes) -> None:
        """Judge what came, or go on waiting."""
        raise NotImplementedError


def dns_query(number: int, kind: str, name: str) -> bytes:
    """A query. Source: RFC 1035 §4.1.

    Raises: ValueError when the name is none.
    """
    labels = [label.encode("ascii") for label in name.rstrip(".").split(".") if name.rstrip(".")]
    if any(not 0 < len(label) < 64 for label in labels) or sum(map(len, labels)) + len(labels) > 254:
        raise ValueError(f"'{name}' is no domain name")
    question = b"".join(bytes((len(label),)) + label for label in labels) + b"\0"
    return struct.pack("!HHHHHH", number, 0x0100, 1, 0, 0, 0) + question + struct.pack("!HH", TYPES[kind], 1)


class DnsProbe(DatagramProbe):
    """A query is answered without an error."""

    def __init__(self, loop: Loop, check: DnsCheck, address: IpAddress, port: int, done: Done) -> None:
        super().__init__(loop, check.basics, address, port, done)
        self._number = int.from_bytes(os.urandom(2), "big")
        self._check = check

    def question(self) -> bytes:
        return dns_query(self._number, self._check.type, self._check.name)

    def answer(self, octets: bytes) -> None:
        if len(octets) < 12:
            return
        number, flags = struct.unpack_from("!HH", octets)
        if number != self._number or not flags & 0x8000:
            return                              # an answer to an earlier question, or none at all
        code = flags & 0xF
        self.finish(code == 0, "answered" if code == 0 else f"{RCODES.get(code, f'RCODE {code}')} for {self._check.name}")


class UdpProbe(DatagramProbe):
    """Nobody says that the port is not there; or the right reply comes."""

    def __init__(self, loop: Loop, check: UdpCheck, address: IpAddress, port: int, done: Done) -> None:
        super().__init__(loop, check.basics, address, port, done)
        self._check = check

    def question(self) -> bytes:
        return os.urandom(_RANDOM_OCTETS) if self._check.payload is None else self._check.payload

    def answer(self, octets: bytes) -> None:
        check = self._check
        if check.require_reply is None:
            self.finish(True, "answered")
        elif not check.min_reply_length <= len(octets) <= check.max_reply_length:
            self.finish(False, f"the reply has {len(octets)} octets")
        elif not matches(octets, check.require_reply):
            self.finish(False, "another reply than required")
        else:
            self.finish(True, "answered")

    def timed_out(self) -> None:
        if self._check.require_reply is None:
            self.finish(True, "nobody says that the port is closed")
        else:
            super().timed_out()


def matches(octets: bytes, pattern: tuple[int | None, ...]) -> bool:
    """Whether the octets are as the pattern of half-octets says, as far as both go."""
    halves = [half for octet in octets for half in (octet >> 4, octet & 15)]
    return all(wanted is None or wanted == half for wanted, half in zip(pattern, halves, strict=False))


class PingProbe(DatagramProbe):
    """An echo request is answered. Source: RFC 792, RFC 4443 §4."""

    kind = socket.SOCK_RAW

    def __init__(self, loop: Loop, basics: CheckBasics, address: IpAddress, done: Done) -> None:
        super().__init__(loop, basics, address, 0, done)
        self._six = address.version == 6
        self.protocol = socket.IPPROTO_ICMPV6 if self._six else socket.IPPROTO_ICMP
        self._payload = os.urandom(16)
        self._identity = self._payload[:2] + b"\0\1"

    def question(self) -> bytes:
        head = bytes((128 if self._six else 8, 0))
        rest = self._identity + self._payload
        # The kernel computes ICMPv6's checksum itself.
        return head + (b"\0\0" if self._six else checksum(head + b"\0\0" + rest)) + rest

    def answer(self, octets: bytes) -> None:
        if not self._six:
            octets = octets[(octets[0] & 15) * 4 :] if octets else b""
        if octets[:1] == bytes((129 if self._six else 0,)) and octets[4:] == self._identity + self._payload:
            self.finish(True, "answered")


def checksum(octets: bytes) -> bytes:
    """The Internet checksum of an even number of octets. Source: RFC 1071."""
    total = sum(struct.unpack(f"!{len(octets) // 2}H", octets))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return struct.pack("!H", ~total & 0xFFFF)
