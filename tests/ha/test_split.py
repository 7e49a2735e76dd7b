"""Split brain: both are master while they do not hear each other; afterwards one is, and the clients know which."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.ha.lab import Lab, start_ha
from tests.ha.test_election import SIDES
from tests.ha.texts import VIP, pair


def arp_sender(frame: bytes) -> bytes:
    """The hardware address that an ARP frame gives for the virtual address; b"" when it is about another."""
    return frame[22:28] if frame[28:32] == socket.inet_aton(VIP) and frame[38:42] == socket.inet_aton(VIP) else b""


@pytest.mark.parametrize(("first", "second"), SIDES)
def test_a_split_heals_and_the_last_word_is_the_masters(lab: Lab, tmp_path: Path, first: str, second: str) -> None:
    a, b = lab["a"], lab["b"]
    start_ha(a, first, pair(150), tmp_path)
    a.wait_address(VIP)
    start_ha(b, second, pair(100), tmp_path).wait_line("Entering BACKUP")
    lab.block("b")
    b.wait_address(VIP)
    assert VIP in a.addresses()
    with lab["client"].sniffer(0x0806) as arp:
        lab.unblock("b")
        b.wait_address(VIP, present=False)
        assert VIP in a.addresses()
        arp.wait(lambda frame: arp_sender(frame) == a.mac, "the master's gratuitous ARP after the split")
    said = [arp_sender(frame) for _, frame in arp.frames if arp_sender(frame)]
    assert said[-1] == a.mac


@pytest.mark.parametrize(("first", "second"), SIDES)
def test_of_equals_the_higher_address_wins_a_split(lab: Lab, tmp_path: Path, first: str, second: str) -> None:
    a, b = lab["a"], lab["b"]          # b has the higher address
    lab.block("b")
    start_ha(a, first, pair(100), tmp_path)
    start_ha(b, second, pair(100), tmp_path)
    a.wait_address(VIP)
    b.wait_address(VIP)
    lab.unblock("b")
    a.wait_address(VIP, present=False)
    assert VIP in b.addresses()


def test_of_equals_a_running_master_stays(lab: Lab, tmp_path: Path) -> None:
    a, b = lab["a"], lab["b"]
    start_ha(a, "pyproxy-ha", pair(100), tmp_path)
    a.wait_address(VIP)
    daemon = start_ha(b, "pyproxy-ha", pair(100), tmp_path)
    daemon.wait_line("Entering BACKUP")
    with b.sniffer(0x0800) as adverts:
        for _ in range(6):
            adverts.wait(lambda frame: frame[23] == 112, "an advert")
    assert VIP in a.addresses()
    assert VIP not in b.addresses()
