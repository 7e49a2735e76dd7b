"""A speaker made by hand: adverts as they should be, and every way in which they should not."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass, replace

from proxy.ha.vrrp.packet import AUTH_SIMPLE, Advert, checksum, encode
from tests.ha.lab import Host
from tests.ha.texts import VIP

GROUP = socket.inet_aton("224.0.0.18")
GROUP_MAC = bytes.fromhex("01005e000012")

GOOD = Advert(2, 51, 200, 1.0, (socket.inet_aton(VIP),), AUTH_SIMPLE, b"123456")


@dataclass(frozen=True)
class Letter:
    """An advert and its envelope, each open to spoiling."""

    advert: Advert = GOOD
    ttl: int = 255
    spoil: Callable[[bytes], bytes] = bytes

    def frame(self, host: Host) -> bytes:
        """The whole Ethernet frame."""
        source = socket.inet_aton(host.address)
        packet = self.spoil(encode(self.advert, source, GROUP))
        header = b"\x45\xc0" + (20 + len(packet)).to_bytes(2,
            "big") + b"\0\x01\0\0" + bytes((self.ttl, 112)) + b"\0\0" + source + GROUP
        header = header[:10] + checksum(header).to_bytes(2, "big") + header[12:]
        return GROUP_MAC + host.mac + b"\x08\0" + header + packet


def resummed(packet: bytes) -> bytes:
    """The packet with its checksum right again (version 2)."""
    return packet[:6] + checksum(packet[:6] + b"\0\0" + packet[8:]).to_bytes(2, "big") + packet[8:]


def at(index: int, value: int) -> Callable[[bytes], bytes]:
    """One octet replaced, the checksum right."""
    return lambda packet: resummed(packet[:index] + bytes((value,)) + packet[index + 1 :])


# Every packet that must be dropped, and as what it is counted.
MALFORMED: dict[str, tuple[str, Letter]] = {
    "ttl": ("ttl", Letter(ttl=254)),
    "checksum": ("checksum", Letter(spoil=lambda packet: packet[:6] + bytes((packet[6] ^ 1,)) + packet[7:])),
    "type": ("type", Letter(spoil=at(0, 0x22))),
    "version": ("version", Letter(spoil=at(0, 0x41))),
    "other version": ("version", Letter(advert=replace(GOOD, version=3))),
    "empty": ("length", Letter(spoil=lambda packet: packet[:6])),
    "cut": ("length", Letter(spoil=lambda packet: packet[:-9])),
    "no authentication data": ("length", Letter(spoil=lambda packet: packet[:12])),
    "auth type": ("auth_type", Letter(advert=replace(GOOD, auth_type=0, auth_data=b""))),
    "password": ("auth_data", Letter(advert=replace(GOOD, auth_data=b"654321"))),
    "too many addresses": ("address_count", Letter(advert=replace(GOOD, addresses=(socket.inet_aton(VIP),) * 2))),
    "another address": ("address_list", Letter(advert=replace(GOOD, addresses=(socket.inet_aton("10.77.0.101"),)))),
    "advert interval": ("advert_interval", Letter(advert=replace(GOOD, interval_s=2.0))),
}
