"""The wire format: examples by the RFCs, and every reason to drop."""

from __future__ import annotations

import socket
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.ha.vrrp.packet import (
    AUTH_SIMPLE,
    Advert,
    Drop,
    Envelope,
    Expectations,
    PacketError,
    checksum,
    decode,
    encode,
    pseudo_header,
)

VIP = socket.inet_aton("192.0.2.100")
HERE, GROUP = socket.inet_aton("192.0.2.1"), socket.inet_aton("224.0.0.18")
ENVELOPE = Envelope(HERE, GROUP, 255)
V2 = Advert(2, 51, 150, 1.0, (VIP,), AUTH_SIMPLE, b"123456\0\0")
V3 = Advert(3, 51, 150, 0.05, (VIP,))
WANTS_2 = Expectations(2, 1.0, frozenset({VIP}), AUTH_SIMPLE, b"123456")
WANTS_3 = Expectations(3, 1.0, frozenset({VIP}))


def test_version_2_as_keepalived_sends_it() -> None:
    # From the wire: `tcpdump -x` of keepalived 2.2.7 with vrid 51, priority 150, auth_pass 123456, one address.
    packet = encode(V2, HERE, GROUP)
    assert packet.hex() == "213396010101" + packet[6:8].hex() + "c0000264" + "3132333435360000"
    assert len(packet) == 20
    assert checksum(packet) in (0, 0xFFFF)


def test_version_3_is_12_octets_in_hundredths_with_a_pseudo_header() -> None:
    packet = encode(V3, HERE, GROUP)
    assert packet.hex() == "313396010005" + packet[6:8].hex() + "c0000264"
    assert checksum(pseudo_header(HERE, GROUP, 12) + packet) in (0, 0xFFFF)
    assert checksum(packet) not in (0, 0xFFFF)


def test_without_a_password_version_2_carries_eight_zeros() -> None:
    assert encode(replace(V2, auth_type=0, auth_data=b""), HERE, GROUP)[-8:] == bytes(8)


def test_octets_behind_a_version_2_packet_are_not_summed() -> None:
    assert decode(encode(V2, HERE, GROUP) + b"padding", ENVELOPE) == V2


ADDRESSES_4 = st.lists(st.binary(min_size=4, max_size=4), max_size=20).map(tuple)
ADDRESSES_6 = st.lists(st.binary(min_size=16, max_size=16), max_size=20).map(tuple)
OCTET = st.integers(0, 255)


@given(OCTET, OCTET, st.integers(1, 255), ADDRESSES_4, st.binary(min_size=8, max_size=8))
def test_version_2_comes_back_as_it_was(vrid: int, priority: int, seconds: int, addresses: tuple[bytes, ...],
                                        password: bytes) -> None:
    advert = Advert(2, vrid, priority, float(seconds), addresses, AUTH_SIMPLE, password)
    assert decode(encode(advert, HERE, GROUP), ENVELOPE) == advert


@given(OCTET, OCTET, st.integers(1, 4095), st.one_of(ADDRESSES_4, ADDRESSES_6))
def test_version_3_comes_back_as_it_was(vrid: int, priority: int, hundredths: int, addresses: tuple[bytes, ...]) -> None:
    six = any(len(each) == 16 for each in addresses)
    envelope = Envelope(bytes(16), b"\xff\x02" + bytes(14), 255) if six else ENVELOPE
    advert = Advert(3, vrid, priority, hundredths / 100, addresses)
    assert decode(encode(advert, envelope.source, envelope.destination), envelope) == advert


@given(st.binary(max_size=64), st.sampled_from([4, 16]))
def test_no_octets_do_more_than_raise_packet_error(octets: bytes, size: int) -> None:
    try:
        advert = decode(octets, Envelope(bytes(size), bytes(size), 255))
    except PacketError:
        return
    assert advert.version in (2, 3)


@given(st.integers(0, 19), st.integers(0, 7))
def test_no_flipped_bit_gets_through(index: int, bit: int) -> None:
    packet = bytearray(encode(V2, HERE, GROUP))
    packet[index] ^= 1 << bit
    with pytest.raises(PacketError):
        WANTS_2.check(decode(bytes(packet), ENVELOPE), ENVELOPE)


def resummed(packet: bytes) -> bytes:
    return packet[:6] + checksum(packet[:6] + b"\0\0" + packet[8:]).to_bytes(2, "big") + packet[8:]


@pytest.mark.parametrize(("advert", "envelope", "wants", "drop"), [
    (V2, replace(ENVELOPE, ttl=254), WANTS_2, Drop.TTL),
    (V2, ENVELOPE, WANTS_3, Drop.VERSION),
    (V3, ENVELOPE, WANTS_2, Drop.VERSION),
    (replace(V2, auth_type=0), ENVELOPE, WANTS_2, Drop.AUTH_TYPE),
    (V2, ENVELOPE, replace(WANTS_2, auth_type=0, auth_data=b""), Drop.AUTH_TYPE),
    (replace(V2, auth_data=b"1234567\0"), ENVELOPE, WANTS_2, Drop.AUTH_DATA),
    (replace(V2, interval_s=2.0), ENVELOPE, WANTS_2, Drop.ADVERT_INTERVAL),
    (replace(V3, interval_s=0.0), ENVELOPE, WANTS_3, Drop.ADVERT_INTERVAL),
    (replace(V2, addresses=()), ENVELOPE, WANTS_2, Drop.ADDRESS_COUNT),
    (replace(V2, addresses=(HERE,)), ENVELOPE, WANTS_2, Drop.ADDRESS_LIST),
    (V2, ENVELOPE, replace(WANTS_2, multicast=False, check_source=True, peers=((GROUP, 0, 255),)), Drop.SOURCE),
    (V2, replace(ENVELOPE, ttl=1), replace(WANTS_2, multicast=False, check_source=True, peers=((HERE, 64, 255),)), Drop.TTL),
])
def test_what_a_router_does_not_want(advert: Advert, envelope: Envelope, wants: Expectations, drop: Drop) -> None:
    with pytest.raises(PacketError) as caught:
        wants.check(advert, envelope)
    assert caught.value.drop is drop


def test_a_unicast_packet_may_have_travelled() -> None:
    replace(WANTS_2, multicast=False).check(V2, replace(ENVELOPE, ttl=3))


def test_a_known_senders_addresses_need_not_be_looked_at() -> None:
    WANTS_2.check(replace(V2, addresses=(HERE,)), ENVELOPE, check_addresses=False)


@pytest.mark.parametrize(("octets", "drop"), [
    (b"", Drop.LENGTH), (b"\x21" * 7, Drop.LENGTH), (encode(V2, HERE, GROUP)[:-1], Drop.LENGTH),
    (b"\x41" + encode(V2, HERE, GROUP)[1:], Drop.VERSION), (b"\x22" + encode(V2, HERE, GROUP)[1:], Drop.TYPE),
    (encode(V2, HERE, GROUP)[:6] + b"\0\0" + encode(V2, HERE, GROUP)[8:], Drop.CHECKSUM),
    (encode(V3, HERE, HERE), Drop.CHECKSUM), (encode(V3, HERE, GROUP) + b"\1", Drop.CHECKSUM),
    (resummed(encode(V2, HERE, GROUP)[:3] + b"\xff" + encode(V2, HERE, GROUP)[4:]), Drop.LENGTH),
])
def test_what_is_no_advertisement(octets: bytes, drop: Drop) -> None:
    with pytest.raises(PacketError) as caught:
        decode(octets, ENVELOPE)
    assert caught.value.drop is drop


def test_version_2_does_not_speak_ipv6() -> None:
    with pytest.raises(PacketError, match="version"):
        decode(encode(V2, HERE, GROUP), Envelope(bytes(16), bytes(16), 255))
