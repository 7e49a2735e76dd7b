"""The PROXY protocol: a header before the first octet of a connection that tells who the client really is.

Versions 1 (a line of text) and 2 (binary). Functions over bytes: feed `parse` what has come so far until it gives a header.

Source: "The PROXY protocol", versions 1 & 2 (haproxy.org, proxy-protocol.txt), sections 2.1 and 2.2.
"""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import NamedTuple

from proxy.base.errors import RemoteProtocolError
from proxy.base.proxy_parts import CRC32C, SSL, UNIQUE_ID, V2

V1_START = b"PROXY "
V1_MAX = 107                    # octets, CRLF included
V2_SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
V2_FIXED = 16                   # octets before the addresses
V2_MAX = 16384                  # octets of a whole header, its TLVs included: HAProxy reads no more than one buffer

V1_UNKNOWN = b"PROXY UNKNOWN\r\n"
ALIEN = "Received something which does not look like a PROXY protocol header"
INVALID = "Received an invalid PROXY protocol header"
UNHANDLED = "Received an unhandled protocol in the PROXY protocol header"
TRUNCATED = "Truncated PROXY protocol header received"

TLV_CRC32C = 0x03
TLV_UNIQUE_ID = 0x05
TLV_SSL = 0x20
NO_TLS = bytes(5)               # no bit of the client's set, nothing verified
UNIQUE_ID_MAX = 128             # octets (section 2.2.5)
CRC_OCTETS = 4
CRC32C_REVERSED = 0x82F63B78        # the polynomial 0x1EDC6F41, bits reversed

V2_LOCAL = V2_SIGNATURE + b"\x20\x00\x00\x00"

_V1_FIELDS = re.compile(
    rb"PROXY (TCP4|TCP6) ([0-9A-Fa-f:.]{2,39}) ([0-9A-Fa-f:.]{2,39}) (0|[1-9][0-9]{0,4}) (0|[1-9][0-9]{0,4})\r\n"
)
_V2_ADDRESS_OCTETS = {0x0: 0, 0x1: 12, 0x2: 36, 0x3: 216}       # by address family


class ProxyHeader(NamedTuple):
    """What a header said.

    `source` and `destination` are (IP address, port), or None: the connection is the sender's own (LOCAL, a health check), or
    the sender does not know, or the addresses are not of TCP; then the addresses of the connection itself hold.
    `size` is how many octets the header took.
    """

    source: tuple[str, int] | None
    destination: tuple[str, int] | None
    size: int


def parse(received: bytes) -> ProxyHeader | None:
    """The header at the start of the octets; None while more are needed.

    Raises: RemoteProtocolError, with the text that HAProxy logs, as soon as the octets cannot be the start of a header.
    """
    if received.startswith(V1_START):
        return _parse_v1(received)
    if received.startswith(V2_SIGNATURE):
        return _parse_v2(received)
    if V1_START.startswith(received) or V2_SIGNATURE.startswith(received):
        return None
    raise RemoteProtocolError(ALIEN)


def encode_v1(source: tuple[str, int] | None, destination: tuple[str, int] | None) -> bytes:
    """A header of version 1 for two IP addresses of one family, UNKNOWN for anything else."""
    packed = _packed(source, destination)
    if packed is None or source is None or destination is None:
        return V1_UNKNOWN
    family = "TCP4" if packed[0] == 1 else "TCP6"
    return f"PROXY {family} {source[0]} {destination[0]} {source[1]} {destination[1]}\r\n".encode("ascii")


def encode(
    parts: int, source: tuple[str, int] | None, destination: tuple[str, int] | None, unique_id: bytes | None = None
) -> bytes:
    """The header that these parts (`base.proxy_parts`) make; no id goes with a connection of our own (None)."""
    if not parts & V2:
        return encode_v1(source, destination)
    others = b""
    if parts & UNIQUE_ID and unique_id is not None:
        others += _tlv(TLV_UNIQUE_ID, unique_id[:UNIQUE_ID_MAX])
    if parts & SSL:
        others += _tlv(TLV_SSL, NO_TLS)
    if not parts & CRC32C:
        return encode_v2(source, destination, others)
    blank = encode_v2(source, destination, _tlv(TLV_CRC32C, bytes(CRC_OCTETS)) + others)
    return encode_v2(source, destination, _tlv(TLV_CRC32C, crc32c(blank).to_bytes(CRC_OCTETS, "big")) + others)


def encode_v2(source: tuple[str, int] | None, destination: tuple[str, int] | None, tlvs: bytes = b"") -> bytes:
    """A header of version 2 for two IP addresses of one family, LOCAL for anything else."""
    packed = _packed(source, destination)
    if packed is None or source is None or destination is None:
        return V2_LOCAL[:-2] + len(tlvs).to_bytes(2, "big") + tlvs
    family, addresses = packed
    ports = source[1].to_bytes(2, "big") + destination[1].to_bytes(2, "big")
    fixed = bytes((0x21, family << 4 | 1)) + (len(addresses) + 4 + len(tlvs)).to_bytes(2, "big")
    return V2_SIGNATURE + fixed + addresses + ports + tlvs


def _tlv(kind: int, value: bytes) -> bytes:
    return bytes((kind,)) + len(value).to_bytes(2, "big") + value


def _packed(source: tuple[str, int] | None, destination: tuple[str, int] | None) -> tuple[int, bytes] | None:
    """(family 1 or 2, both addresses in octets), None when they are not two IP addresses of one family."""
    if source is None or destination is None:
        return None
    for family, kind in ((1, IPv4Address), (2, IPv6Address)):
        try:
            return family, kind(source[0]).packed + kind(destination[0]).packed
        except AddressValueError:
            continue
    return None


def _parse_v1(received: bytes) -> ProxyHeader | None:
    end = received.find(b"\n", 0, V1_MAX)
    if end < 0:
        if len(received) >= V1_MAX:
            raise RemoteProtocolError(TRUNCATED)
        return None
    line = received[: end + 1]
    if not line.endswith(b"\r\n"):
        raise RemoteProtocolError(INVALID)
    if line == V1_UNKNOWN or line.startswith(b"PROXY UNKNOWN "):
        return ProxyHeader(None, None, len(line))
    fields = _V1_FIELDS.fullmatch(line)
    if fields is None:
        known = line.startswith((b"PROXY TCP4 ", b"PROXY TCP6 "))
        raise RemoteProtocolError(INVALID if known else UNHANDLED)
    kind = IPv4Address if fields[1] == b"TCP4" else IPv6Address
    try:
        hosts = [_text(kind(fields[place].decode("ascii"))) for place in (2, 3)]
    except AddressValueError as error:
        raise RemoteProtocolError(INVALID) from error
    ports = [int(fields[place]) for place in (4, 5)]
    if max(ports) > 65535:
        raise RemoteProtocolError(INVALID)
    return ProxyHeader((hosts[0], ports[0]), (hosts[1], ports[1]), len(line))


def _parse_v2(received: bytes) -> ProxyHeader | None:
    if len(received) < V2_FIXED:
        return None
    version, command = received[12] >> 4, received[12] & 15
    family, transport = received[13] >> 4, received[13] & 15
    if version != 2:
        raise RemoteProtocolError(ALIEN)
    if command > 1:
        raise RemoteProtocolError(INVALID)
    size = V2_FIXED + int.from_bytes(received[14:16], "big")
    if size > V2_MAX:
        raise RemoteProtocolError(TRUNCATED)
    if len(received) < size:
        return None
    if command == 0:
        return ProxyHeader(None, None, size)
    octets = _V2_ADDRESS_OCTETS.get(family)
    if octets is None or transport > 1:
        raise RemoteProtocolError(INVALID)
    if size < V2_FIXED + octets:
        raise RemoteProtocolError(INVALID)
    if family in (1, 2):
        _check_tlvs(received[:size], V2_FIXED + octets)
    if transport == 0 or family not in (1, 2):
        return ProxyHeader(None, None, size)
    half = 4 if family == 1 else 16
    hosts = [_host(received[V2_FIXED + part * half : V2_FIXED + (part + 1) * half]) for part in (0, 1)]
    at = V2_FIXED + 2 * half
    ports = [int.from_bytes(received[at + part * 2 : at + part * 2 + 2], "big") for part in (0, 1)]
    return ProxyHeader((hosts[0], ports[0]), (hosts[1], ports[1]), size)


def _host(octets: bytes) -> str:
    return _text(IPv4Address(octets) if len(octets) == 4 else IPv6Address(octets))


def _text(address: IPv4Address | IPv6Address) -> str:
    """An address as the kernel's own are written: one of IPv4 inside IPv6 stays readable."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(address) if mapped is None else f"::ffff:{mapped}"


def _check_tlvs(header: bytes, at: int) -> None:
    """Walk over the type-length-value entries from `at` on: all must fit, and a checksum must be right; none else is used.

    Raises: RemoteProtocolError.
    Source: proxy-protocol.txt, section 2.2.3 "PP2_TYPE_CRC32C".
    """
    is_checked = False
    while at < len(header):
        start = at + 3
        at = start + int.from_bytes(header[at + 1 : start], "big")
        if at > len(header) or start > len(header):
            raise RemoteProtocolError(INVALID)
        if header[start - 3] == TLV_CRC32C:
            blank = header[:start] + bytes(at - start) + header[at:]
            if is_checked or at - start != CRC_OCTETS or crc32c(blank) != int.from_bytes(header[start:at], "big"):
                raise RemoteProtocolError(INVALID)      # more than one would only cost us time
            is_checked = True


def crc32c(octets: bytes) -> int:
    """The CRC-32C of these octets (RFC 9260, appendix A)."""
    crc = 0xFFFFFFFF
    for octet in octets:
        crc = crc >> 8 ^ _CRC32C_TABLE[(crc ^ octet) & 0xFF]
    return crc ^ 0xFFFFFFFF


def _crc32c_table() -> tuple[int, ...]:
    """What each value of an octet does to the checksum."""
    table = []
    for octet in range(256):
        for _ in range(8):
            octet = octet >> 1 ^ (CRC32C_REVERSED if octet & 1 else 0)
        table.append(octet)
    return tuple(table)


_CRC32C_TABLE = _crc32c_table()
