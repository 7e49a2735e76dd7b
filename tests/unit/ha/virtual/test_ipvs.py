"""IPVS without a kernel that has it: octets as linux/ip_vs.h lays them out, and a plane before a kernel that remembers."""

from __future__ import annotations

import socket
import struct
import sys
from dataclasses import replace
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.ha.conf.services import Forwarding, ForwardingMethod, Protocol, Scheduler
from proxy.ha.net.netlink import attribute
from proxy.ha.virtual.plan import Match, Server, Service, Timeouts, Traffic
from proxy.ha.virtual.planes.ipvs import wire
from proxy.ha.virtual.planes.ipvs.plane import IpvsPlane
from proxy.ha.virtual.planes.ipvs.wire import Entry

little = pytest.mark.skipif(sys.byteorder != "little", reason="the octets are written for little-endian machines")
VIP = ip_address("10.0.0.100")


def service(*servers: Server, **more: object) -> Service:
    return replace(Service("[10.0.0.100]:tcp:80", 4, Protocol.TCP, (Match(VIP, VIP, 80),), Scheduler.WRR, servers,
                           method=ForwardingMethod(Forwarding.DR)), **more)  # type: ignore[arg-type]


def server(number: int, weight: int = 1, port: int = 80, kind: Forwarding = Forwarding.DR, **more: int) -> Server:
    return Server(ip_address(f"10.0.0.{number}"), port, weight, ForwardingMethod(kind), **more)


@little
def test_a_service_as_octets() -> None:
    entry, = wire.entries(service(persistence_timeout_s=300, persistence_prefix=24, flags=("sh-port",)))
    assert wire.service_message(wire.NEW_SERVICE, entry).hex(" ", 4) == " ".join((
        "01010000",                             # command, version
        "54000180",                             # IPVS_CMD_ATTR_SERVICE, 84 octets
        "06000100 02000000",                    # AF_INET
        "06000200 06000000",                    # TCP
        "14000300 0a000064 00000000 00000000 00000000",
        "06000400 00500000",                    # port 80, the network's order
        "08000600 77727200",                    # "wrr"
        "0c000700 11000000 ffffffff",           # persistent, scheduler flag 2
        "08000800 2c010000",                    # 300 s
        "08000900 ffffff00",                    # netmask, the network's order
    ))


@little
def test_a_destination_as_octets() -> None:
    entry, = wire.entries(service())
    tunnel = replace(server(7, 3, 0), method=ForwardingMethod(Forwarding.TUN, "gue", 5555, "remcsum"), uthreshold=9, lthreshold=4)
    text = wire.destination_message(wire.NEW_DEST, entry, tunnel).hex(" ", 4)
    assert text.startswith("05010000 30000180 06000100 02000000 06000200 06000000 14000300 0a000064")
    assert text.endswith(" ".join((
        "06000b00 02000000", "14000100 0a000007 00000000 00000000 00000000", "06000200 00500000",
        "08000300 02000000", "08000400 03000000", "08000500 09000000", "08000600 04000000",
        "05000d00 01000000", "06000e00 15b30000", "06000f00 02000000")))


def test_marks_ipv6_and_ranges() -> None:
    entry, = wire.entries(service(matches=(Match(mark=7),)))
    assert entry.key == (4, 0, b"", 0, 7)
    assert attribute(wire.SVC_FWMARK, struct.pack("=I", 7)) in entry.identity()
    six = ip_address("fd00::100")
    entry, = wire.entries(service(family=6, matches=(Match(six, six, 80),), persistence_prefix=64, persistence_timeout_s=1))
    assert attribute(wire.SVC_NETMASK, struct.pack("=I", 64)) in entry.whole()
    several = wire.entries(service(matches=(Match(VIP, VIP + 2, 80), Match(mark=7))))
    assert [str(each.address) for each in several] == ["10.0.0.100", "10.0.0.101", "10.0.0.102", "None"]


@given(timeout_s=st.integers(0, 10**6), prefix=st.integers(0, 32), mark=st.integers(0, 2**32 - 1), ops=st.booleans(),
       algo=st.sampled_from(Scheduler), flags=st.sets(st.sampled_from(sorted(wire.SCHED_FLAGS))))
def test_what_is_written_is_read(timeout_s: int, prefix: int, mark: int, ops: bool, algo: Scheduler, flags: set[str]) -> None:
    matches = (Match(mark=mark),) if mark else (Match(VIP, VIP, 443),)
    entry, = wire.entries(service(matches=matches, persistence_timeout_s=timeout_s, persistence_prefix=prefix, ops=ops,
                                  scheduler=algo, flags=tuple(flags)))
    found = wire.read_service(wire.service_message(wire.NEW_SERVICE, entry))
    assert replace(found, protocol=entry.protocol) == entry
    assert found.key == entry.key


@given(weight=st.integers(0, 65535), upper=st.integers(0, 2**32 - 1), port=st.integers(1, 65535),
       kind=st.sampled_from(Forwarding))
def test_destinations_are_read_as_written(weight: int, upper: int, port: int, kind: Forwarding) -> None:
    wanted = server(7, weight, port, kind, uthreshold=upper, lthreshold=upper // 2)
    entry, = wire.entries(service())
    assert wire.read_destination(wire.destination_message(wire.NEW_DEST, entry, wanted), 4) == (wanted, Traffic())


def test_traffic_is_read() -> None:
    number = struct.Struct("=Q")
    stats = b"".join(attribute(kind, number.pack(kind * 10)) for kind in range(1, 6))
    body = (attribute(wire.DEST_ADDR, socket.inet_aton("10.0.0.7").ljust(16, b"\0"))
            + attribute(wire.DEST_ACTIVE, struct.pack("=I", 3))
            + attribute(wire.DEST_INACTIVE, struct.pack("=I", 4)) + attribute(wire.DEST_STATS64, stats))
    _, traffic = wire.read_destination(wire.general(1) + attribute(wire.CMD_DEST, body), 4)
    assert traffic == Traffic(3, 4, connections=10, in_packets=20, out_packets=30, in_octets=40, out_octets=50)


@given(octets=st.binary(max_size=200))
def test_anything_is_read_without_an_accident(octets: bytes) -> None:
    wire.read_service(octets)
    wire.read_destination(octets, 4)


class Remembering:
    """A kernel with IPVS, as far as a plane sees it; it refuses what the real one refuses."""

    def __init__(self) -> None:
        self.there: dict[tuple[int, int, bytes, int, int], Entry] = {}
        self.servers: dict[tuple[int, int, bytes, int, int], dict[tuple[object, int], Server]] = {}
        self.asked: list[str] = []

    def services(self) -> list[Entry]:
        return list(self.there.values())

    def destinations(self, entry: Entry) -> list[tuple[Server, Traffic]]:
        return [(each, Traffic(1, 2, 3)) for each in self.servers[entry.key].values()]

    def service(self, command: int, entry: Entry) -> None:
        self.asked.append({wire.NEW_SERVICE: "+", wire.SET_SERVICE: "=", wire.DEL_SERVICE: "-"}[command] + f"{entry.port}")
        assert (entry.key in self.there) is (command != wire.NEW_SERVICE)
        if command == wire.DEL_SERVICE:
            del self.there[entry.key], self.servers[entry.key]
        else:
            self.there[entry.key] = entry
            self.servers.setdefault(entry.key, {})

    def destination(self, command: int, entry: Entry, server: Server) -> None:
        port = wire.port_of(entry, server)
        servers, key = self.servers[entry.key], (server.address, port)
        self.asked.append({wire.NEW_DEST: "+", wire.SET_DEST: "=", wire.DEL_DEST: "-"}[command] + f"{server.address}")
        assert (key in servers) is (command != wire.NEW_DEST)
        if command == wire.DEL_DEST:
            del servers[key]
        else:
            servers[key] = replace(server, port=port)

    def timeouts(self, timeouts: Timeouts) -> None:
        self.asked.append(f"{timeouts.tcp_s}")

    def flush(self) -> None:
        self.asked.append("flush")
        self.there.clear()
        self.servers.clear()

    def close(self) -> None:
        self.asked.append("closed")


def test_only_differences_are_asked_for() -> None:
    kernel = Remembering()
    plane = IpvsPlane(kernel)
    plane.start(Timeouts(), flush=False)
    plane.apply([service(server(1), server(2, port=0))])
    assert kernel.asked == ["+80", "+10.0.0.1", "+10.0.0.2"]
    kernel.asked.clear()
    plane.apply([service(server(1), server(2, port=0))])
    assert kernel.asked == []
    plane.apply([service(server(1, 0), server(3))])
    assert kernel.asked == ["=10.0.0.1", "+10.0.0.3", "-10.0.0.2"]
    kernel.asked.clear()
    plane.apply([service(server(1, 0), server(3), scheduler=Scheduler.RR)])
    assert kernel.asked == ["=80"]
    assert plane.traffic(True)["[10.0.0.100]:tcp:80"]["10.0.0.3_80"] == Traffic(1, 2, 3)


def test_behind_a_mark_ports_stay_as_they_are_asked_for() -> None:
    kernel = Remembering()
    plane = IpvsPlane(kernel)
    plane.apply([service(server(1, port=8080), matches=(Match(mark=7), Match(VIP, VIP, 80)))])
    assert sorted(port for servers in kernel.servers.values() for _, port in servers) == [0, 8080]
    kernel.asked.clear()
    plane.apply([service(server(1, port=8080), matches=(Match(mark=7), Match(VIP, VIP, 80)))])
    assert kernel.asked == []


def test_a_crash_is_taken_over_and_the_end_takes_only_ours() -> None:
    kernel = Remembering()
    other, = wire.entries(service(matches=(Match(VIP, VIP, 81),)))
    kernel.service(wire.NEW_SERVICE, other)
    first = IpvsPlane(kernel)
    first.apply([service(server(1), server(2))])
    kernel.asked.clear()
    second = IpvsPlane(kernel)
    second.start(Timeouts(tcp_s=60), flush=False)
    second.apply([service(server(2))])
    assert kernel.asked == ["60", "-10.0.0.1"]
    second.apply([])
    assert list(kernel.there.values()) == [other]
    second.apply([service(server(2))])
    second.stop(keep=False)
    assert list(kernel.there.values()) == [other]


def test_everything_goes_when_that_is_written() -> None:
    kernel = Remembering()
    other, = wire.entries(service(matches=(Match(VIP, VIP, 81),)))
    kernel.service(wire.NEW_SERVICE, other)
    plane = IpvsPlane(kernel)
    plane.apply([service(server(1))])
    plane.stop(keep=False, flush=True)
    assert kernel.there == {}


def test_what_ipvs_cannot_do() -> None:
    plane = IpvsPlane(Remembering())
    six = Server(ip_address("fd00::1"), 80, 1, ForwardingMethod(Forwarding.DR))
    assert "TUN" in plane.refuses(service(six))
    assert not plane.refuses(service(replace(six, method=ForwardingMethod(Forwarding.TUN))))
    assert "too many" in plane.refuses(service(matches=(Match(VIP, VIP + 70000, 80),)))
