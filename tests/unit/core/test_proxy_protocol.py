"""PROXY protocol headers: what HAProxy sends, what it refuses, split anywhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.base.errors import RemoteProtocolError
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
    encode_v1,
    encode_v2,
    parse,
)

V4 = (("1.2.3.4", 11), ("5.6.7.8", 22))
V6 = (("2001:db8::1", 1), ("::2", 65535))
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
    for encode, unknown in ((encode_v1, V1_UNKNOWN), (encode_v2, V2_LOCAL)):
        assert encode(None, None) == unknown
        assert encode(("/run/x.sock", 0), ("/run/x.sock", 0)) == unknown
        assert encode(("1.2.3.4", 1), ("::1", 1)) == unknown


PORTS = st.integers(0, 65535)


@given(st.ip_addresses(v=4) | st.ip_addresses(v=6), st.data(), PORTS, PORTS, st.booleans())
def test_encode_then_parse_is_the_identity(source, data, source_port, destination_port, binary):  # type: ignore[no-untyped-def]
    destination = data.draw(st.ip_addresses(v=source.version))
    ends = ((str(source), source_port), (str(destination), destination_port))
    octets = (encode_v2 if binary else encode_v1)(*ends)
    assert parse(octets + REST) == ProxyHeader(*ends, len(octets))


@given(st.binary(max_size=80), st.sampled_from([b"", b"PROXY ", b"PROXY TCP4 ", V2_SIGNATURE, V2_SIGNATURE + b"\x21\x11\x00"]))
def test_any_octets_give_a_header_or_an_error(tail: bytes, head: bytes) -> None:
    try:
        header = parse(head + tail)
    except RemoteProtocolError:
        return
    assert header is None or 0 < header.size <= len(head + tail)
