"""The line between master and worker: whole packets in their order, nothing waited for, nothing believed."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from proxy.master.workers import channel as channel_module
from proxy.master.workers.channel import PACKET_MAX, Channel, LineBroken, octets_of, text_of, values_of


@pytest.fixture
def raw() -> Iterator[tuple[Channel, socket.socket]]:
    """One end, and the bare socket of the other."""
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    channel = Channel(ours)
    yield channel, theirs
    channel.close()
    theirs.close()


@pytest.fixture
def ends() -> Iterator[tuple[Channel, Channel]]:
    first, second = map(Channel, socket.socketpair())
    yield first, second
    first.close()
    second.close()


def test_packets_come_whole_and_in_their_order(ends: tuple[Channel, Channel]) -> None:
    first, second = ends
    first.send(b"a")
    first.send(b"b", b"octets")
    first.send_values(b"c", 1, None, "é", [2])
    assert second.receive() == [(b"a", b""), (b"b", b"octets"), (b"c", b'[1,null,"\\u00e9",[2]]')]
    assert second.receive() == []


def test_however_they_are_cut(raw: tuple[Channel, socket.socket]) -> None:
    channel, other = raw
    octets = b"\0\0\0\x02ab\0\0\0\x01c"
    found = []
    for place in range(len(octets)):
        other.send(octets[place : place + 1])
        found += channel.receive()
    assert found == [(b"a", b"b"), (b"c", b"")]


def test_what_the_kernel_does_not_take_is_kept_and_follows(ends: tuple[Channel, Channel]) -> None:
    first, second = ends
    told: list[int] = []
    first.on_pending = lambda: told.append(1)
    sent = [(b"p", bytes([number]) * 100_000) for number in range(10)]
    for kind, payload in sent:
        first.send(kind, payload)
    assert first.has_pending
    assert told == [1]
    found = []
    while len(found) < len(sent):
        found += second.receive()
        first.flush()
    assert found == sent
    assert not first.has_pending


def test_a_peer_that_never_reads_is_given_up(ends: tuple[Channel, Channel], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel_module, "PENDING_MAX", 1_000_000)
    first, _ = ends
    for _ in range(20):
        first.send(b"p", bytes(100_000))
    assert first.is_broken
    assert not first.has_pending
    with pytest.raises(LineBroken):
        first.receive()


def test_what_came_before_the_end_is_still_read(ends: tuple[Channel, Channel]) -> None:
    first, second = ends
    first.send(b"a", b"last")
    first.close()
    assert second.receive() == [(b"a", b"last")]
    with pytest.raises(LineBroken):
        second.receive()
    second.send(b"b", b"lost")


def test_writing_to_a_peer_that_has_gone_shows_when_reading(ends: tuple[Channel, Channel]) -> None:
    first, second = ends
    first.close()
    second.send(b"b")
    second.send(b"b")
    with pytest.raises(LineBroken):
        second.receive()


@pytest.mark.parametrize("octets", [b"\0\0\0\0a", b"\xff\xff\xff\xffa", (PACKET_MAX + 1).to_bytes(4, "big") + b"a"])
def test_what_is_no_packet_breaks_the_line(raw: tuple[Channel, socket.socket], octets: bytes) -> None:
    channel, other = raw
    other.send(b"\0\0\0\x01c" + octets)
    assert channel.receive() == [(b"c", b"")]
    assert channel.is_broken
    with pytest.raises(LineBroken):
        channel.receive()


@pytest.mark.parametrize("payload", [
    b"", b"{", b"{}", b"[1]", b"[1,2,3]", b'["a","b"]', b"[null,1]", b"[" * 100_000, b"\xff", b"[1,2.5]"])
def test_values_are_of_their_kinds_or_none(payload: bytes) -> None:
    with pytest.raises(LineBroken):
        values_of(payload, int, (str, int))


def test_octets_travel_as_text() -> None:
    octets = bytes(range(256))
    assert octets_of(text_of(octets)) == octets
    assert values_of(b'[1,"a"]', int, (str, int)) == [1, "a"]
    with pytest.raises(LineBroken):
        octets_of("€")
