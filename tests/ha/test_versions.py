"""Versions, families, unicast: beside the real keepalived wherever it speaks the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ha.lab import Lab, start_ha
from tests.ha.status import instance
from tests.ha.test_election import SIDES
from tests.ha.texts import VIP, pair

VIP6 = "fe80::77:100"


def failover(lab: Lab, tmp_path: Path, first: tuple[str, str], second: tuple[str, str], vip: str) -> None:
    """a is master, b takes over when it stops, a preempts when it is back."""
    a, b = lab["a"], lab["b"]
    master = start_ha(a, *first, tmp_path)
    a.wait_address(vip)
    start_ha(b, *second, tmp_path).wait_line("Entering BACKUP")
    master.stop()
    b.wait_address(vip)
    assert vip not in a.addresses()
    start_ha(a, *first, tmp_path)
    a.wait_address(vip)
    b.wait_address(vip, present=False)


@pytest.mark.soak                           # test_examples has the same with one failover
@pytest.mark.parametrize(("first", "second"), SIDES)
def test_version_2_with_a_password(lab: Lab, tmp_path: Path, first: str, second: str) -> None:
    texts = pair(150, version=2, advert_int="1", state="MASTER"), pair(100, version=2, advert_int="1")
    failover(lab, tmp_path, (first, texts[0]), (second, texts[1]), VIP)


@pytest.mark.parametrize(("first", "second"), SIDES)
@pytest.mark.parametrize("advert_int", [pytest.param("1", marks=pytest.mark.soak), "0.02"])
def test_version_3(lab: Lab, tmp_path: Path, first: str, second: str, advert_int: str) -> None:
    failover(lab, tmp_path, (first, pair(150, advert_int=advert_int)), (second, pair(100, advert_int=advert_int)), VIP)


@pytest.mark.parametrize(("first", "second"), SIDES)
def test_ipv6(lab: Lab, tmp_path: Path, first: str, second: str) -> None:
    both = f"{VIP6}/64\n2001:db8:77::100/64"
    failover(lab, tmp_path, (first, pair(150, vip=both)), (second, pair(100, vip=both)), VIP6)


@pytest.mark.parametrize(("first", "second"), SIDES)
@pytest.mark.parametrize("version", [pytest.param(2, marks=pytest.mark.soak), 3])
def test_unicast(lab: Lab, tmp_path: Path, first: str, second: str, version: int) -> None:
    a, b = lab["a"], lab["b"]
    more = "unicast_src_ip {}\nunicast_peer {{\n {}\n}}"
    interval = "1" if version == 2 else "0.05"
    with lab["client"].sniffer(0x0800) as bystander:
        failover(lab, tmp_path, (first, pair(150, version=version, advert_int=interval, more=more.format(a.address, b.address))),
                 (second, pair(100, version=version, advert_int=interval, more=more.format(b.address, a.address))), VIP)
        bystander.read()
    assert not [frame for _, frame in bystander.frames if frame[23] == 112 and frame[:6] == bytes.fromhex("01005e000012")]


def test_a_stranger_is_not_heard_with_check_unicast_src(lab: Lab, tmp_path: Path) -> None:
    a, b = lab["a"], lab["b"]
    more = f"check_unicast_src\nunicast_src_ip {a.address}\nunicast_peer {{\n {lab['r1'].address}\n}}"
    daemon = start_ha(a, "pyproxy-ha", pair(100, more=more), tmp_path)
    a.wait_address(VIP)
    start_ha(b, "pyproxy-ha", pair(150, more=f"unicast_peer {{\n {a.address}\n}}"), tmp_path)
    daemon.wait_line(f"dropped an advert from {b.address}: source")
    assert VIP in a.addresses()
    assert instance(daemon)["dropped"]["source"] >= 1


@pytest.mark.parametrize(("first", "second"), SIDES)
def test_a_backup_learns_the_masters_interval(lab: Lab, tmp_path: Path, first: str, second: str) -> None:
    a, b = lab["a"], lab["b"]
    start_ha(a, first, pair(150, advert_int="0.3"), tmp_path)
    a.wait_address(VIP)
    backup = start_ha(b, second, pair(100, advert_int="0.05"), tmp_path)
    backup.wait_line("Entering BACKUP")
    with b.sniffer(0x0800) as adverts:
        for _ in range(3):
            adverts.wait(lambda frame: frame[23] == 112 and frame[36] == 150, "an advert")
    if second == "pyproxy-ha":
        assert instance(backup)["advert_int_s"] == 0.3
        assert instance(backup)["became_master"] <= 1


@pytest.mark.parametrize(("first", "second"), SIDES)
@pytest.mark.parametrize("how", ["nopreempt", "preempt_delay 1"])
def test_preemption_is_held_back(lab: Lab, tmp_path: Path, first: str, second: str, how: str) -> None:
    a, b = lab["a"], lab["b"]
    start_ha(b, second, pair(100), tmp_path)
    b.wait_address(VIP)
    start_ha(a, first, pair(150, more=how), tmp_path).wait_line("Entering BACKUP")
    with a.sniffer(0x0800) as adverts:
        for _ in range(4):
            adverts.wait(lambda frame: frame[23] == 112 and frame[36] == 100, "b's advert")
    assert VIP in b.addresses()
    if how != "nopreempt":
        a.wait_address(VIP)
        b.wait_address(VIP, present=False)


def test_an_address_owner_is_master_at_once(lab: Lab, tmp_path: Path) -> None:
    daemon = start_ha(lab["a"], "pyproxy-ha", pair(255, state="MASTER", advert_int="40"), tmp_path)
    daemon.wait_line("Entering MASTER STATE (owns the addresses)")
