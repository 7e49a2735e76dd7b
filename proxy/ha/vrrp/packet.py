"""An advertisement on the wire, and every reason why a packet is dropped.

     0                   1                   2                   3
    +-------+-------+---------------+---------------+---------------+
    |version| type 1|  virtual rtr  |   priority    | address count |
    +-------+-------+---------------+---------------+---------------+
    | v2: auth type | v2: advert s  |           checksum            |      v3: 4 bits reserved, 12 bits of centiseconds
    +---------------+---------------+-------------------------------+
    |  addresses …, v2: 8 octets of password, zeros without one     |
    +---------------------------------------------------------------+

Source: RFC 3768 §5.3, RFC 5798 §5.2, RFC 9568 §5.2.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from enum import Enum

PROTOCOL = 112
TYPE_ADVERTISEMENT = 1
HEADER_OCTETS = 8
AUTH_OCTETS = 8
AUTH_NONE, AUTH_SIMPLE = 0, 1
STOPPING = 0
OWNER = 255
FULL_TTL = 255
MAX_CENTISECONDS = 0xFFF


class Drop(Enum):
    """Why a packet is not an advertisement for us; the value is what the log says and the metrics' label."""

    TTL = "ttl"
    LENGTH = "length"
    VERSION = "version"
    TYPE = "type"
    CHECKSUM = "checksum"
    AUTH_TYPE = "auth_type"
    AUTH_DATA = "auth_data"
    ADDRESS_COUNT = "address_count"
    ADDRESS_LIST = "address_list"
    ADVERT_INTERVAL = "advert_interval"
    UNKNOWN_VRID = "unknown_vrid"
    SOURCE = "source"
    LOOPED = "looped"


class PacketError(Exception):
    """A packet that is dropped; the state machine never sees it."""

    def __init__(self, drop: Drop, detail: str) -> None:
        self.drop, self.detail = drop, detail
        super().__init__(f"{drop.value}: {detail}")


@dataclass(frozen=True, slots=True)
class Advert:
    """One advertisement. `interval_s` is whole seconds in version 2, hundredths in version 3; addresses are packed octets."""

    version: int
    vrid: int
    priority: int
    interval_s: float
    addresses: tuple[bytes, ...]
    auth_type: int = AUTH_NONE
    auth_data: bytes = b""


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the IP header says of a packet. `source` and `destination` are packed octets."""

    source: bytes
    destination: bytes
    ttl: int


def checksum(octets: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    if len(octets) & 1:
        octets += b"\0"
    # 2^16 is 1 modulo 2^16 - 1, so the ones' complement sum of the words is the whole number modulo that.
    total = int.from_bytes(octets, "big")
    folded = total % 0xFFFF
    return 0xFFFF - (folded or (0xFFFF if total else 0))


def pseudo_header(source: bytes, destination: bytes, length: int) -> bytes:
    """What version 3 sums up before the packet itself (RFC 5798 §5.2.8; IPv4 as in TCP, IPv6 as in RFC 8200 §8.1)."""
    if len(source) == 4:
        return source + destination + bytes((0, PROTOCOL)) + length.to_bytes(2, "big")
    return source + destination + length.to_bytes(4, "big") + bytes((0, 0, 0, PROTOCOL))


def encode(advert: Advert, source: bytes, destination: bytes) -> bytes:
    """The packet behind the IP header."""
    body = b"".join(advert.addresses)
    if advert.version == 2:
        middle = bytes((advert.auth_type, int(advert.interval_s)))
        body += advert.auth_data[:AUTH_OCTETS].ljust(AUTH_OCTETS, b"\0")
    else:
        middle = min(max(round(advert.interval_s * 100), 1), MAX_CENTISECONDS).to_bytes(2, "big")
    head = bytes((advert.version << 4 | TYPE_ADVERTISEMENT, advert.vrid, advert.priority, len(advert.addresses))) + middle
    summed = head + b"\0\0" + body
    if advert.version == 3:
        summed = pseudo_header(source, destination, len(summed)) + summed
    return head + checksum(summed).to_bytes(2, "big") + body


def decode(octets: bytes, envelope: Envelope) -> Advert:
    """Read a packet; its own length, type and checksum are checked here, what it means to a router in `Expectations`.

    Raises: PacketError.
    """
    if len(octets) < HEADER_OCTETS:
        raise PacketError(Drop.LENGTH, f"{len(octets)} octets are no advertisement")
    version, kind = octets[0] >> 4, octets[0] & 15
    if version not in (2, 3) or (version == 2 and len(envelope.source) != 4):
        raise PacketError(Drop.VERSION, f"version {version}")
    if kind != TYPE_ADVERTISEMENT:
        raise PacketError(Drop.TYPE, f"type {kind}")
    count, size = octets[3], len(envelope.source)
    needed = HEADER_OCTETS + count * size + (AUTH_OCTETS if version == 2 else 0)
    if len(octets) < needed:
        raise PacketError(Drop.LENGTH, f"{len(octets)} octets where {count} addresses take {needed}")
    summed = octets[:needed] if version == 2 else pseudo_header(envelope.source, envelope.destination, len(octets)) + octets
    # Some senders of version 2 pad their packets: what is behind the last octet is not summed.
    if checksum(summed) not in (0, 0xFFFF):
        raise PacketError(Drop.CHECKSUM, f"0x{octets[6]:02x}{octets[7]:02x} is wrong")
    body = octets[HEADER_OCTETS:needed]
    addresses = tuple(body[start : start + size] for start in range(0, count * size, size))
    if version == 2:
        return Advert(2, octets[1], octets[2], float(octets[5]), addresses, octets[4], body[count * size :])
    interval = (octets[4] << 8 | octets[5]) & MAX_CENTISECONDS
    return Advert(3, octets[1], octets[2], interval / 100, addresses)


@dataclass(frozen=True, slots=True)
class Expectations:
    """What a router wants of an advertisement. `peers` are the unicast peers, each with the lowest and highest TTL allowed."""

    version: int
    interval_s: float
    addresses: frozenset[bytes]
    auth_type: int = AUTH_NONE
    auth_data: bytes = b""
    multicast: bool = True
    peers: tuple[tuple[bytes, int, int], ...] = ()
    check_source: bool = False

    def check(self, advert: Advert, envelope: Envelope, *, check_addresses: bool = True) -> None:
        """Refuse what this router must not act upon.

        Raises: PacketError.
        """
        if self.multicast and envelope.ttl != FULL_TTL:
            raise PacketError(Drop.TTL, f"{envelope.ttl} where {FULL_TTL} is asked for")
        if self.check_source:
            self._check_source(envelope)
        if advert.version != self.version:
            raise PacketError(Drop.VERSION, f"version {advert.version} where {self.version} is spoken")
        if advert.version == 2:
            self._check_version_2(advert)
        if advert.version == 3 and advert.interval_s == 0:
            raise PacketError(Drop.ADVERT_INTERVAL, "an interval of 0")
        if len(advert.addresses) != len(self.addresses):
            raise PacketError(Drop.ADDRESS_COUNT, f"{len(advert.addresses)} addresses where {len(self.addresses)} are configured")
        if check_addresses and not self.addresses.issuperset(advert.addresses):
            raise PacketError(Drop.ADDRESS_LIST, f"{_shown(advert.addresses)} are not those configured")

    def _check_source(self, envelope: Envelope) -> None:
        for address, low, high in self.peers:
            if address == envelope.source:
                if not low <= envelope.ttl <= high:
                    raise PacketError(Drop.TTL, f"{envelope.ttl} where {low} to {high} is asked for")
                return
        raise PacketError(Drop.SOURCE, f"{_shown((envelope.source,))} is no peer")

    def _check_version_2(self, advert: Advert) -> None:
        if advert.auth_type != self.auth_type:
            raise PacketError(Drop.AUTH_TYPE, f"type {advert.auth_type} where {self.auth_type} is configured")
        if self.auth_type == AUTH_SIMPLE and advert.auth_data != self.auth_data.ljust(AUTH_OCTETS, b"\0"):
            raise PacketError(Drop.AUTH_DATA, "not our password")
        if advert.interval_s != self.interval_s:
            raise PacketError(Drop.ADVERT_INTERVAL, f"{advert.interval_s:g} s where {self.interval_s:g} s is configured")


def _shown(addresses: tuple[bytes, ...]) -> str:
    return " ".join(socket.inet_ntop(socket.AF_INET if len(each) == 4 else socket.AF_INET6, each) for each in addresses)
