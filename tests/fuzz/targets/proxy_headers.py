"""PROXY headers of both versions: a header or a typed refusal, whatever the cuts; what is told can be told on, alike."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address

from proxy.base.errors import RemoteProtocolError
from proxy.base.proxy_parts import CRC32C, SSL, UNIQUE_ID, V1, V2
from proxy.core.proxy_protocol import (
    ALIEN,
    INVALID,
    TRUNCATED,
    UNHANDLED,
    V2_LOCAL,
    V2_SIGNATURE,
    ProxyHeader,
    encode,
    encode_v2,
    parse,
)
from tests.fuzz.cuts import ends_of

LONGEST = 600
TEXTS = {ALIEN, INVALID, TRUNCATED, UNHANDLED}
WORDS = (
    b"PROXY ", b"TCP4 ", b"TCP6 ", b"UNKNOWN", b"\r\n", b"1.2.3.4 ", b"::1 ", b"65535", V2_SIGNATURE,
    V2_SIGNATURE + b"\x21\x11\x00\x0c", V2_SIGNATURE + b"\x21\x21\x00\x24", V2_SIGNATURE + b"\x20",
    b"\x03\x00\x04", b"\x05\x00\x01a", b"\x20\x00\x05",
)


def seeds() -> Iterable[bytes]:
    four, six = (("1.2.3.4", 11), ("5.6.7.8", 22)), (("2001:db8::1", 1), ("::2", 65535))
    for ends in (four, six, (None, None)):
        for parts in (V1, V2, V2 | CRC32C, V2 | UNIQUE_ID, V2 | SSL | CRC32C | UNIQUE_ID):
            yield encode(parts, *ends, unique_id=b"some id") + b"GET / HTTP/1.0\r\n\r\n"
    yield b"PROXY UNKNOWN ffff::1 some thing\r\n"
    yield V2_LOCAL + b"hello"
    yield V2_SIGNATURE + b"\x21\x31\x00\xd8" + b"a" * 216
    yield encode_v2(*four, tlvs=b"\x04\x00\x03abc")


def fate(octets: bytes) -> ProxyHeader | str | None:
    """The header, the cause of a refusal, or None for one that has not ended."""
    try:
        return parse(octets)
    except RemoteProtocolError as error:
        assert str(error) in TEXTS
        return str(error)


def check(octets: bytes) -> None:
    whole = fate(octets)
    for end in ends_of(octets):
        early = fate(octets[:end])
        if early is not None:
            assert early == whole, (end, early, whole)
            break
    if not isinstance(whole, ProxyHeader):
        return
    assert 0 < whole.size <= len(octets)
    assert fate(octets + b"\r\n\x00more") == whole
    assert fate(octets[:whole.size]) == whole
    assert fate(octets[:whole.size - 1]) is None
    for end_of_it in (whole.source, whole.destination):
        if end_of_it is not None:
            assert str(ip_address(end_of_it[0])) == end_of_it[0]
            assert 0 <= end_of_it[1] <= 65535
    for parts in (V1, V2, V2 | CRC32C | SSL):
        told = encode(parts, whole.source, whole.destination)
        assert parse(told) == ProxyHeader(whole.source, whole.destination, len(told))
