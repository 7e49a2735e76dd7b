"""PROXY protocol headers: what HAProxy sends, what it refuses, split anywhere."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.base.errors import RemoteProtocolError
from proxy.base.proxy_parts import CRC32C, SSL, UNIQUE_ID, V1, V2
from proxy.core.proxy_protocol import (
    ALIEN,
    INVALID,
    TRUNCATED,
    UNHANDLED,
    V1_MAX,
    V1_UNKNOWN,
    V2_LOCAL,
    V2_SIGNATURE,
    ProxyHeader,
    crc32c,
    encode,
    encode_v1,
    encode_v2,
    parse,
)

V4 = (("1.2.3.4", 11), ("5.6.7.8", 22))
V6 = (("2001:db8::1", 1), ("::2", 65535))
MAPPED = (("::ffff:1.2.3.4", 11), ("::ffff:127.0.0.1", 22))
V2_V4 = V2_SIGNATURE + b"\x21\x11\x00\x0c\x01\x02\x03\x04\x05\x06\x07\x08\x00\x0b\x00\x16"
REST = b"GET / HTTP/1.0\r\n\r\n"


@pytest.mark.parametrize(("octets", "ends"), [
    (b"PROXY TCP4 1.2.3.4 5.6.7.8 11 22\r\n", V4),
    (b"PROXY TCP6 2001:db8::1 ::2 1 65535\r\n", V6),
    (b"PROXY TCP6 2001:DB8:0::1 0:0::2 1 65535\r\n", V6),
    (b"PROXY TCP4 1.2.3.4 5.6.7.8 0 22\r\n", (("1.2.3.4", 0), V4[1])),
    (V1_UNKNOWN, (None, None)),
    (b"PROXY UNKNOWN ffff::1 some thing\r\n", (None, None)),
    (b"PROXY UNKNOWN " + b"a" * (V1_MAX - 16) + b"\r\n", (None, None)),
    (V2_V4, V4),
    (V2_SIGNATURE + b"\x21\x11\x00\x10\x01\x02\x03\x04\x05\x06\x07\x08\x00\x0b\x00\x16\x04\x00\x01\x00", V4),
    (encode_v2(*V6), V6),
    (encode_v2(*MAPPED), MAPPED),
    (b"PROXY TCP6 ::ffff:1.2.3.4 ::FFFF:7f00:1 11 22\r\n", MAPPED),
    (V2_LOCAL, (None, None)),
    (V2_SIGNATURE + b"\x20\x55\x00\x01a", (None, None)),
    (V2_SIGNATURE + b"\x21\x00\x00\x03abc", (None, None)),
    (V2_SIGNATURE + b"\x21\x31\x00\xd8" + b"a" * 216, (None, None)),
])
def test_headers_whole_and_octet_by_octet(octets: bytes, ends: tuple[object, object]) -> None:
    assert parse(octets + REST) == ProxyHeader(*ends, len(octets))      # type: ignore[arg-type]
    for size in range(len(octets)):
        assert parse(octets[:size]) is None


@pytest.mark.parametrize(("octets", "text"), [
    (b"GET / HTTP/1.0\r\n\r\n", ALIEN),
    (b"proxy TCP4 1.2.3.4 5.6.7.8 11 22\r\n", ALIEN),
    (b"\r\n\r\n\x00\r\nQUIT\r", ALIEN),
    (b"PROXY TCP4 1.2.3.4 5.6.7.8 11 22\n", INVALID),
    (b"PROXY TCP4 1.2.3.4  5.6.7.8 11 22\r\n", INVALID),
    (b"PROXY TCP4 1.2.3.4 5.6.7.8 11 22 \r\n", INVALID),
    (b"PROXY TCP4 1.2.3.04 5.6.7.8 11 22\r\n", INVALID),
    (b"PROXY TCP4 1.2.3.4 5.6.7.8 011 22\r\n", INVALID),
    (b"PROXY TCP4 1.2.3.4 5.6.7.8 70000 22\r\n", INVALID),
    (b"PROXY TCP4 1.2.3.4 5.6.7.8 +1 22\r\n", INVALID),
    (b"PROXY TCP4 ::1 ::2 1 2\r\n", INVALID),
    (b"PROXY TCP6 1.2.3.4 ::2 1 2\r\n", INVALID),
    (b"PROXY TCP6 fe80::1%1 ::2 1 2\r\n", INVALID),
    (b"PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n", UNHANDLED),
    (b"PROXY UNKNOWNxx\r\n", UNHANDLED),
    (b"PROXY " + b"a" * V1_MAX, TRUNCATED),
    (V2_SIGNATURE + b"\x11\x11\x00\x0c" + V2_V4[16:], ALIEN),
    (V2_SIGNATURE + b"\x22\x11\x00\x0c" + V2_V4[16:], INVALID),
    (V2_SIGNATURE + b"\x21\x11\x00\x04aaaa", INVALID),
    (V2_SIGNATURE + b"\x21\x11\x00\x10" + V2_V4[16:] + b"\x04\x00\x05\x00", INVALID),
    (V2_SIGNATURE + b"\x21\x11\x00\x0e" + V2_V4[16:] + b"\x04\x00", INVALID),
    (V2_SIGNATURE + b"\x21\x12\x00\x0c" + V2_V4[16:], INVALID),
    (V2_SIGNATURE + b"\x21\x41\x00\x00", INVALID),
    (V2_SIGNATURE + b"\x21\x11\xff\xff", TRUNCATED),
])
def test_what_is_refused(octets: bytes, text: str) -> None:
    with pytest.raises(RemoteProtocolError, match=f"^{text}$"):
        parse(octets)


def with_checksum(checksum: bytes, more: bytes = b"") -> bytes:
    tlv = b"\x03\x00\x04" + checksum + more
    return V2_SIGNATURE + b"\x21\x11" + (12 + len(tlv)).to_bytes(2, "big") + V2_V4[16:] + tlv


def test_a_checksum_must_be_right() -> None:
    assert crc32c(b"123456789") == 0xE3069283, "the check value of every catalogue of checksums"
    right = crc32c(with_checksum(bytes(4))).to_bytes(4, "big")
    octets = with_checksum(right)
    assert parse(octets) == ProxyHeader(*V4, len(octets))
    for wrong in (with_checksum(bytes(4)), with_checksum(right, b"\x03\x00\x04" + right)):
        with pytest.raises(RemoteProtocolError, match=INVALID):
            parse(wrong)


def test_what_haproxy_sends() -> None:
    assert encode_v1(("127.0.0.1", 55196), ("127.0.0.1", 26180)) == b"PROXY TCP4 127.0.0.1 127.0.0.1 55196 26180\r\n"
    assert encode_v1(("::1", 49932), ("::1", 26182)) == b"PROXY TCP6 ::1 ::1 49932 26182\r\n"
    assert encode_v2(*V4) == V2_V4
    for write, unknown in ((encode_v1, V1_UNKNOWN), (encode_v2, V2_LOCAL)):
        assert write(None, None) == unknown
        assert write(("/run/x.sock", 0), ("/run/x.sock", 0)) == unknown
        assert write(("1.2.3.4", 1), ("::1", 1)) == unknown


PORTS = st.integers(0, 65535)


def written(address: IPv4Address | IPv6Address) -> str:
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return f"::ffff:{mapped}" if mapped else str(address)


@given(st.ip_addresses(v=4) | st.ip_addresses(v=6), st.data(), PORTS, PORTS, st.booleans())
def test_encode_then_parse_is_the_identity(source, data, source_port, destination_port, binary):  # type: ignore[no-untyped-def]
    destination = data.draw(st.ip_addresses(v=source.version))
    ends = ((written(source), source_port), (written(destination), destination_port))
    octets = (encode_v2 if binary else encode_v1)(*ends)
    assert parse(octets + REST) == ProxyHeader(*ends, len(octets))


@given(st.binary(max_size=80), st.sampled_from([b"", b"PROXY ", b"PROXY TCP4 ", V2_SIGNATURE, V2_SIGNATURE + b"\x21\x11\x00"]))
def test_any_octets_give_a_header_or_an_error(tail: bytes, head: bytes) -> None:
    try:
        header = parse(head + tail)
    except RemoteProtocolError:
        return
    assert header is None or 0 < header.size <= len(head + tail)


# what HAProxy 2.6 sent for the same words from 127.0.0.1 to 127.0.0.1, and for a check
HERE = (("127.0.0.1", 0x3C43), ("127.0.0.1", 0x3C46))
ENDS = "7f0000017f0000013c433c46"


@pytest.mark.parametrize(("parts", "ends", "unique_id", "after_signature"), [
    (V2, HERE, b"", "2111000c" + ENDS),
    (V2 | SSL, HERE, b"", "21110014" + ENDS + "2000050000000000"),
    (V1 | V2 | SSL, HERE, b"", "21110014" + ENDS + "2000050000000000"),
    (V2 | UNIQUE_ID, HERE, b"", "2111000f" + ENDS + "050000"),
    (V2 | UNIQUE_ID | SSL, HERE, b"7F-0", "2111001b" + ENDS + "050004" + b"7F-0".hex() + "2000050000000000"),
    (V2 | UNIQUE_ID, HERE, b"x" * 200, "2111008f" + ENDS + "050080" + "78" * 128),
    (V2 | UNIQUE_ID | SSL, (None, None), None, "20000008" + "2000050000000000"),
])
def test_parts_of_a_header(parts: int, ends: tuple[object, object], unique_id: bytes | None, after_signature: str) -> None:
    header = encode(parts, *ends, unique_id)                            # type: ignore[arg-type]
    assert header[12:].hex() == after_signature
    assert parse(header) == ProxyHeader(*ends, len(header))             # type: ignore[arg-type]


def test_a_checksum_comes_first_and_is_right() -> None:
    header = encode(V2 | CRC32C | SSL, *V4)
    assert header[28:31] == b"\x03\x00\x04"
    assert parse(header) == ProxyHeader(*V4, len(header))
    with pytest.raises(RemoteProtocolError):
        parse(header[:-1] + b"\x01")


@pytest.mark.parametrize("parts", [V1, CRC32C, SSL | UNIQUE_ID])
def test_without_version_2_it_is_a_line(parts: int) -> None:
    assert encode(parts, *V4, b"id") == encode_v1(*V4)
