"""Packets that must not count: dropped, counted, said, and no timer is moved by them."""

from __future__ import annotations

import socket
from pathlib import Path

from tests.ha.lab import Lab, start_ha
from tests.ha.speaking import GOOD, MALFORMED, Letter
from tests.ha.status import instance
from tests.ha.texts import VIP, pair


def test_malformed_adverts_neither_hold_a_backup_back_nor_stop_a_master(lab: Lab, tmp_path: Path) -> None:
    b, foe = lab["b"], lab["r1"]
    wire = foe.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    with wire, b.sniffer(0x0806) as arp:
        wire.bind(("eth0", 0))
        daemon = start_ha(b, "pyproxy-ha", pair(100, version=2, advert_int="1"), tmp_path)
        daemon.wait_line("Entering BACKUP")
        letters = [letter.frame(foe) for _, letter in MALFORMED.values()]
        # Each with priority 200, without a pause: had one of them counted, b would never become master.
        while VIP not in b.addresses():
            for frame in letters:
                wire.send(frame)
            arp.read(0.1)
        for frame in letters:
            wire.send(frame)
        found = instance(daemon)
        assert found["state"] == "MASTER"
        assert set(found["dropped"]) == {kind for kind, _ in MALFORMED.values()}
        assert found["adverts_received"] == 0
        # And the one that is right counts at once.
        wire.send(Letter().frame(foe))
        daemon.wait_line("Entering BACKUP STATE (priority 200 is advertised)")
        b.wait_address(VIP, present=False)
        assert GOOD.priority == 200


def test_the_same_kinds_are_dropped_by_a_router_of_version_3(lab: Lab, tmp_path: Path) -> None:
    b, foe = lab["b"], lab["r1"]
    daemon = start_ha(b, "pyproxy-ha", pair(100), tmp_path)
    b.wait_address(VIP)
    with foe.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as wire:
        wire.bind(("eth0", 0))
        wire.send(Letter().frame(foe))
        daemon.wait_line("dropped an advert from 10.77.0.4: version")
    assert instance(daemon)["state"] == "MASTER"
