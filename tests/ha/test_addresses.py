"""What an instance carries: addresses as configured, routes and rules, put back when somebody takes them, clean at the start."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from tests.ha.lab import Host, Lab, start_ha
from tests.ha.status import instance
from tests.ha.test_split import arp_sender
from tests.ha.texts import VIP, pair


def address(host: Host, wanted: str) -> dict[str, Any]:
    """What `ip` says of one address."""
    found = json.loads(host.ip("-j addr show"))
    return next(each for link in found for each in link["addr_info"] if each["local"] == wanted)


def test_an_address_deleted_by_hand_comes_back_and_is_announced(lab: Lab, tmp_path: Path) -> None:
    a = lab["a"]
    daemon = start_ha(a, "pyproxy-ha", pair(150), tmp_path)
    a.wait_address(VIP)
    with lab["client"].sniffer(0x0806) as arp:
        a.ip(f"addr del {VIP}/32 dev eth0")
        daemon.wait_line(f"{VIP}/32 was removed from eth0: restored")
        a.wait_address(VIP)
        arp.wait(lambda frame: arp_sender(frame) == a.mac, "its announcement")
    assert instance(daemon)["restored_addresses"] == 1


def test_a_stale_address_is_removed_at_the_start(lab: Lab, tmp_path: Path) -> None:
    a, b = lab["a"], lab["b"]
    start_ha(b, "pyproxy-ha", pair(150), tmp_path)
    b.wait_address(VIP)
    a.ip(f"addr add {VIP}/32 dev eth0")
    start_ha(a, "pyproxy-ha", pair(100), tmp_path).wait_line(f"removing stale {VIP}/32 from eth0")
    a.wait_address(VIP, present=False)


def test_becoming_master_is_advert_then_address_then_five_announcements(lab: Lab, tmp_path: Path) -> None:
    a = lab["a"]
    with lab["client"].sniffer() as wire:
        start_ha(a, "pyproxy-ha", pair(150, more="garp_master_delay 0.2"), tmp_path)
        while sum(bool(arp_sender(frame)) for _, frame in wire.frames) < 10:
            wire.wait(lambda frame: arp_sender(frame) == a.mac, "an announcement")
    seen = [frame for _, frame in wire.frames]
    kinds = ["advert" if frame[12:14] == b"\x08\0" and frame[23] == 112 else "arp" if arp_sender(frame) else "" for frame in seen]
    first = [kind for kind in kinds if kind]
    assert first[0] == "advert"
    assert first[1:6] == ["arp"] * 5
    assert first.count("arp") == 10                     # and five more after garp_master_delay
    frame = next(frame for frame in seen if arp_sender(frame))
    assert frame[:6] == b"\xff" * 6                     # broadcast
    assert frame[20:22] == b"\0\1"                      # a request
    assert frame[32:38] == b"\xff" * 6                  # target hardware address


def test_stopping_is_priority_zero_and_nothing_stays(lab: Lab, tmp_path: Path) -> None:
    a = lab["a"]
    daemon = start_ha(a, "pyproxy-ha", pair(150), tmp_path)
    a.wait_address(VIP)
    with lab["client"].sniffer(0x0800) as wire:
        assert daemon.stop() == 0
        last = wire.wait(lambda frame: frame[23] == 112 and frame[36] == 0, "an advert with priority 0")
        assert last[22] == 255
        assert last[15] == 0xC0
        assert last[:6] == bytes.fromhex("01005e000012")
        assert last[30:34] == socket.inet_aton("224.0.0.18")
    assert VIP not in a.addresses()


def test_prefix_label_scope_broadcast_and_excluded_addresses(lab: Lab, tmp_path: Path) -> None:
    a = lab["a"]
    text = pair(150, vip="10.77.0.100/25 brd + label eth0:vip scope link", more="""virtual_ipaddress_excluded {
    10.77.9.1/28 brd 10.77.9.15
    2001:db8:77::1/64
  }""")
    start_ha(a, "pyproxy-ha", text, tmp_path)
    a.wait_address("2001:db8:77::1")
    found = address(a, VIP)
    assert (found["prefixlen"], found["label"], found["scope"], found["broadcast"]) == (25, "eth0:vip", "link", "10.77.0.127")
    assert address(a, "10.77.9.1")["broadcast"] == "10.77.9.15"
    assert address(a, "2001:db8:77::1")["prefixlen"] == 64
    a.daemons[0].stop()
    assert a.addresses() & {VIP, "10.77.9.1", "2001:db8:77::1"} == set()


def test_routes_and_rules_come_and_go_and_come_back(lab: Lab, tmp_path: Path) -> None:
    a = lab["a"]
    more = """virtual_routes {
    192.0.2.0/24 via 10.77.0.1 dev eth0
    198.51.100.0/24 dev eth0 table 77 metric 5 mtu 1400
    blackhole 203.0.113.0/24
    192.0.2.128/25 via 10.77.0.1 or 10.77.0.3 dev eth0
    src 10.77.0.100 to 198.18.0.0/15 via 10.77.0.1
  }
  virtual_rules {
    from 198.51.100.0/24 table 77 preference 1000
    fwmark 5/0xff table 77 preference 1001
    from 192.0.2.9 prohibit preference 1002
  }"""
    daemon = start_ha(a, "pyproxy-ha", pair(150, vip="10.77.0.100/24", more=more), tmp_path)
    daemon.wait_line("Entering MASTER")
    routes = a.ip("route show") + a.ip("route show table 77")
    assert "192.0.2.0/24 via 10.77.0.1 dev eth0 proto keepalived" in routes
    assert "198.51.100.0/24 dev eth0 proto keepalived scope link metric 5 mtu 1400" in routes
    assert "blackhole 203.0.113.0/24" in routes
    assert "nexthop via 10.77.0.3" in routes
    assert "198.18.0.0/15 via 10.77.0.1 dev eth0 proto keepalived src 10.77.0.100" in routes
    rules = a.ip("rule show")
    assert "1000:\tfrom 198.51.100.0/24 lookup 77" in rules
    assert "1001:\tfrom all fwmark 0x5/0xff lookup 77" in rules
    assert "1002:\tfrom 192.0.2.9 prohibit" in rules
    a.ip("route del 192.0.2.0/24")
    a.ip("rule del preference 1000")
    while "192.0.2.0/24" not in a.ip("route show") or "1000:" not in a.ip("rule show"):
        daemon.read(0.05)
    daemon.stop()
    left = a.ip("route show") + a.ip("route show table 77", check=False) + a.ip("rule show")
    assert "192.0.2.0" not in left
    assert "198.51.100" not in left
    assert "100" + "0:" not in left


@pytest.mark.peer("nft")
def test_no_accept_drops_what_is_for_the_address(lab: Lab, tmp_path: Path) -> None:
    a, client = lab["a"], lab["client"]
    daemon = start_ha(a, "pyproxy-ha", pair(150, more="no_accept"), tmp_path)
    a.wait_address(VIP)
    assert "drop" in a.run("/usr/sbin/nft", "list", "table", "inet", "keepalived")
    with client.sniffer(0x0800) as answers:
        for address in (VIP, a.address):
            with client.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                probe.sendto(b"?", (address, 9))
        # Nobody listens there: the machine's own address says so, the virtual one before it has said nothing.
        answers.wait(lambda frame: frame[23] == 1 and frame[26:30] == socket.inet_aton(a.address), "port unreachable")
        assert not [frame for _, frame in answers.frames if frame[23] == 1 and frame[50:54] == socket.inet_aton(VIP)]
    daemon.stop()
    assert "keepalived" not in a.run("/usr/sbin/nft", "list", "tables")


def test_an_interface_that_goes_comes_and_is_renamed(lab: Lab, tmp_path: Path) -> None:
    a = lab["a"]
    a.ip("link add name vip0 type veth peer name vip1")
    a.ip("link set dev vip0 up")
    a.ip("link set dev vip1 up")
    a.ip("addr add 10.78.0.1/24 dev vip0")
    try:
        text = pair(150, vip="10.78.0.100", more="", top="global_defs {\n dynamic_interfaces\n}").replace("interface eth0",
                                                                                                          "interface vip0")
        daemon = start_ha(a, "pyproxy-ha", text, tmp_path)
        a.wait_address("10.78.0.100")
        a.ip("link set dev vip0 down")
        place = daemon.wait_line("Entering FAULT STATE (interface vip0 is down)")
        a.wait_address("10.78.0.100", present=False)
        a.ip("link set dev vip0 up")
        a.wait_address("10.78.0.100")
        a.ip("link set dev vip0 down")
        a.ip("link set dev vip0 name vip9")
        place = daemon.wait_line("interface vip0 is not there", place)
        a.ip("link set dev vip9 name vip0")
        a.ip("link set dev vip0 up")
        a.wait_address("10.78.0.100")
        a.ip("link del dev vip0")
        place = daemon.wait_line("interface vip0 is not there", place)
        a.ip("link add name vip0 type veth peer name vip1")
        a.ip("link set dev vip0 up")
        a.ip("link set dev vip1 up")
        daemon.wait_line("Entering FAULT", 0)
        a.ip("addr add 10.78.0.1/24 dev vip0")
        a.wait_address("10.78.0.100")
    finally:
        a.ip("link del dev vip0", check=False)
        a.ip("link del dev vip9", check=False)


def test_an_interface_that_leaves_a_bridge_is_still_there(lab: Lab, tmp_path: Path) -> None:
    """The kernel tells of a port that leaves by the message that tells of interfaces that go."""
    a = lab["a"]
    daemon = start_ha(a, "pyproxy-ha", pair(150), tmp_path)
    a.wait_address(VIP)
    try:
        a.ip("link add br9 type bridge")
        a.ip("link set eth0 master br9")
        a.ip("link set eth0 nomaster")
    finally:
        a.ip("link del br9", check=False)
    instance(daemon)
    assert [change["to"] for change in instance(daemon)["changes"]] == ["BACKUP", "MASTER"]
    assert instance(daemon)["source"] == a.address


def test_ipv6_addresses_are_announced_to_all_nodes(lab: Lab, tmp_path: Path) -> None:
    a = lab["a"]
    with lab["client"].sniffer(0x86DD) as wire:
        start_ha(a, "pyproxy-ha", pair(150, vip="fe80::77:100/64"), tmp_path)
        frame = wire.wait(lambda frame: frame[54] == 136 and frame[62:78] == socket.inet_pton(socket.AF_INET6, "fe80::77:100"),
                          "its announcement")
    assert frame[:6] == bytes.fromhex("333300000001")
    assert frame[58] & 0x20, "it overrides what is known"
    assert frame[80:86] == a.mac


def test_a_short_flap_of_the_interface_goes_unnoticed_with_a_delay(lab: Lab, tmp_path: Path) -> None:
    a = lab["a"]
    a.ip("link add name flap0 type veth peer name flap1")
    a.ip("link set dev flap0 up")
    a.ip("link set dev flap1 up")
    try:
        top = "interface_up_down_delays {\n flap0 1\n}"
        daemon = start_ha(a, "pyproxy-ha", pair(150, top=top, more="track_interface {\n flap0\n}"), tmp_path)
        a.wait_address(VIP)
        a.ip("link set dev flap0 down")
        a.ip("link set dev flap0 up")
        with lab["client"].sniffer(0x0800) as adverts:
            for _ in range(10):
                adverts.wait(lambda frame: frame[23] == 112 and frame[36] == 150, "an advert")
        assert "FAULT" not in daemon.text
        a.ip("link set dev flap0 down")
        daemon.wait_line("Entering FAULT STATE (interface flap0 is down)")
    finally:
        a.ip("link del dev flap0")
