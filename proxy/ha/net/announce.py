"""Gratuitous ARP and unsolicited neighbour advertisements: who has an address now, told to everybody on the link, not too fast.

Frames are made here and sent through one packet socket. ARP is a *request* with the target hardware address all ones, as
keepalived sends it. Source: RFC 5227 §2.3, RFC 4861 §4.4 and §7.2.6, RFC 2464 §7.
"""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from proxy.ha.net.links import Link
from proxy.ha.vrrp.packet import checksum

ETH_P_ARP, ETH_P_IPV6 = 0x0806, 0x86DD
BROADCAST = b"\xff" * 6
ALL_NODES = bytes.fromhex("ff020000000000000000000000000001")
ALL_NODES_MAC = bytes.fromhex("333300000001")
OVERRIDE, ROUTER = 0x20000000, 0x80000000


def arp_frame(mac: bytes, address: bytes) -> bytes:
    """A gratuitous ARP request: sender and target are the same address."""
    arp = b"\0\x01\x08\0\x06\x04\0\x01" + mac + address + BROADCAST + address
    return BROADCAST + mac + ETH_P_ARP.to_bytes(2, "big") + arp


def neighbour_frame(mac: bytes, address: bytes, router: bool = True) -> bytes:
    """An unsolicited neighbour advertisement to all nodes, which overrides what they know."""
    flags = OVERRIDE | (ROUTER if router else 0)
    body = flags.to_bytes(4, "big") + address + b"\x02\x01" + mac
    icmp = b"\x88\0\0\0" + body
    pseudo = address + ALL_NODES + len(icmp).to_bytes(4, "big") + b"\0\0\0\x3a"
    icmp = b"\x88\0" + checksum(pseudo + icmp).to_bytes(2, "big") + body
    header = b"\x60\0\0\0" + len(icmp).to_bytes(2, "big") + b"\x3a\xff" + address + ALL_NODES
    return ALL_NODES_MAC + mac + ETH_P_IPV6.to_bytes(2, "big") + header + icmp


@dataclass(slots=True)
class _Pace:
    """One queue of frames with a gap between them."""

    garp_s: float
    gna_s: float
    waiting: deque[tuple[Link, bytes]] = field(default_factory=deque)
    free_at: float = 0.0


MAX_WAITING = 65536

Sender = Callable[[Link, bytes], None]


class Announcer:
    """Sends announcements, paced per interface or per group of interfaces.

    `intervals` gives what an interface shares its pace with, and the seconds between two ARP and between two neighbour frames.
    Pure but for `sender`: `now` is passed in, `deadline` says when `handle_timer` is due.
    """

    def __init__(self, intervals: Callable[[str], tuple[str, float, float]], sender: Sender) -> None:
        self._intervals, self._sender = intervals, sender
        self._paces: dict[str, _Pace] = {}
        self.sent_count = 0

    @property
    def deadline(self) -> float:
        """When the next frame may go; infinity when none waits."""
        return min((pace.free_at for pace in self._paces.values() if pace.waiting), default=float("inf"))

    def announce(self, now: float, link: Link, addresses: Iterable[bytes], repeat: int) -> None:
        """Tell the neighbours on a link about addresses, so many times each: all of them once, then all again."""
        if not link.ethernet or len(link.mac) != 6:
            return
        key, garp_s, gna_s = self._intervals(link.name)
        pace = self._paces.setdefault(key, _Pace(garp_s, gna_s))
        pace.garp_s, pace.gna_s = garp_s, gna_s
        frames = [arp_frame(link.mac, each) if len(each) == 4 else neighbour_frame(link.mac, each) for each in addresses]
        for _ in range(repeat):
            for frame in frames:
                if len(pace.waiting) < MAX_WAITING:
                    pace.waiting.append((link, frame))
        self._drain(now, pace)

    def forget(self, addresses: Iterable[bytes]) -> None:
        """Send nothing more about addresses that are no longer ours."""
        gone = set(addresses)
        for pace in self._paces.values():
            if pace.waiting:
                pace.waiting = deque((link, frame) for link, frame in pace.waiting if _subject(frame) not in gone)

    def handle_timer(self, now: float) -> None:
        """Send what is due."""
        for pace in self._paces.values():
            if pace.waiting and now >= pace.free_at:
                self._drain(now, pace)

    def _drain(self, now: float, pace: _Pace) -> None:
        while pace.waiting and now >= pace.free_at:
            link, frame = pace.waiting.popleft()
            gap = pace.garp_s if frame[12:14] == b"\x08\x06" else pace.gna_s
            if gap:
                pace.free_at = now + gap
            self._sender(link, frame)
            self.sent_count += 1


def _subject(frame: bytes) -> bytes:
    """The address that a frame is about."""
    return frame[28:32] if frame[12:14] == b"\x08\x06" else frame[22:38]


class PacketSocket:
    """Frames onto a link.

    Raises: OSError when it cannot be made.
    """

    def __init__(self) -> None:
        # Protocol 0: it receives nothing.
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, 0)

    def send(self, link: Link, frame: bytes) -> None:
        """Send one frame; a link that has gone or is full loses it, the next set repeats it.

        Raises: OSError.
        """
        self._socket.sendto(frame, (link.name, int.from_bytes(frame[12:14], "big"), 0, 0, frame[:6]))

    def close(self) -> None:
        self._socket.close()
