"""Keeps the kernel's tables as the services are, and the turns as the connections are.

    netdev TABLE   direct routing, by address        ip, ip6 TABLE         NAT
                                                     ip, ip6 TABLE_marked  direct routing, by firewall mark
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from proxy.ha.conf.services import Forwarding, Protocol, Scheduler
from proxy.ha.net.netlink import NetlinkError
from proxy.ha.virtual import schedule
from proxy.ha.virtual.plan import Service, Timeouts, Traffic, marks
from proxy.ha.virtual.planes.nft import direct, nat
from proxy.ha.virtual.planes.nft.library import Nft, NftError
from proxy.ha.virtual.planes.nft.reading import Reading
from proxy.ha.virtual.planes.nft.ruleset import Inventory, Ruleset, removal
from proxy.ha.virtual.planes.nft.ways import Ways
from proxy.ha.virtual.planes.nft.words import Words
from proxy.ha.virtual.planes.plane import PlaneError, Traffics

TABLE = "pyproxy_virtual"
MARKED = "pyproxy_marked"
TICK_S = 0.25
RESYNC_S = 30.0
RESYNC_UDP_S = 2.0
# Counting connections one by one may take this part of the time.
_COUNTING_SHARE = 0.02

Say = Callable[[str, str], None]
Turns = dict[str, tuple[str, ...]]


@dataclass
class _Tally:
    """Connections of one service: those counted at one time, and the counters then."""

    active: dict[str, int] = field(default_factory=dict)
    inactive: dict[str, int] = field(default_factory=dict)
    counters: dict[str, tuple[int, int]] = field(default_factory=dict)
    at: float = -math.inf
    seen: tuple[int, ...] = ()
    overloaded: frozenset[str] = frozenset()
    changed: bool = False                       # since turns were last made of it


@dataclass
class _Network:
    """What direct routing depends on: interfaces, the ways to servers, and what is wrong with these."""

    devices: list[str] = field(default_factory=list)
    ways: dict[str, direct.Way] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


class NftPlane:
    """Virtual servers by nftables. One thread; every call is one or two transactions."""

    def __init__(self, nft: Nft, say: Say, table: str = TABLE, marked: str = MARKED) -> None:
        self.name = f"nftables ({nft.name})"
        self.tick_s = math.inf
        self._nft, self._say = nft, say
        self._tables = {"direct": ("netdev", table), "nat ip": ("ip", table), "nat ip6": ("ip6", table),
                        "marked ip": ("ip", marked), "marked ip6": ("ip6", marked)}
        self._reading, self._ways = Reading(), Ways()
        self._there: dict[str, Inventory] = {}
        self._adopted: set[str] = set()             # what is there was made by an earlier process
        self._timeouts = Timeouts()
        self._services: tuple[Service, ...] = ()
        self._turns: Turns = {}
        self._tallies: dict[str, _Tally] = {}
        self._network = _Network()
        self._next_count = -math.inf

    def refuses(self, service: Service) -> str:
        if service.protocol is Protocol.SCTP:
            return "protocol SCTP needs a kernel with IPVS"
        if any(each.method.kind is Forwarding.TUN for each in service.servers):
            return "lb_kind TUN needs a kernel with IPVS; nftables does DR and NAT"
        if service.scheduler in (Scheduler.LBLC, Scheduler.LBLCR, Scheduler.TWOS):
            return f"lb_algo {service.scheduler.value} needs a kernel with IPVS; write wlc"
        if service.persistence_engine:
            return f"persistence_engine {service.persistence_engine} needs a kernel with IPVS"
        if any(each.address.version != service.family for each in service.servers):
            return "a real server of the other IP version needs lb_kind TUN and a kernel with IPVS"
        kinds = {each.method.kind for each in service.servers}
        if len(kinds) > 1:
            return "lb_kind DR and NAT in one virtual_server need a kernel with IPVS"
        if Forwarding.DR in kinds and any(match.port and each.port not in (0, match.port)
                                          for match in service.matches for each in service.servers):
            return "with lb_kind DR the real servers' port must be the virtual server's: packets leave as they came"
        return ""

    def start(self, timeouts: Timeouts, flush: bool) -> None:
        self._timeouts = timeouts
        try:
            for kind, (family, table) in self._tables.items():
                found = self._reading.inventory(family, table)
                if found is not None and flush:
                    self._nft.run(removal(f"{family} {table}"))
                elif found is not None:
                    self._there[kind] = found
                    self._adopted.add(kind)
        except (NftError, NetlinkError) as error:
            raise PlaneError(f"nftables: {error}") from None

    def apply(self, services: Sequence[Service]) -> None:
        before = self._services, self._turns
        self._services = tuple(services)
        self._tallies = {each.name: self._tallies.get(each.name, _Tally()) for each in services}
        counted = [each for each in services if _counted(each)]
        self.tick_s = TICK_S if counted else math.inf
        try:
            if counted:
                self._count(counted, time.monotonic(), exact=not self._turns)
            self._turns = {each.name: self._turns_of(each) for each in services}
            self._bring()
        except (NftError, NetlinkError, OSError) as error:
            self._services, self._turns = before
            raise PlaneError(f"nftables: {error}") from None

    def tick(self, now: float) -> None:
        counted = [each for each in self._services if _counted(each)]
        try:
            self._count(counted, now, exact=False)
            for service in [each for each in counted if self._tallies[each.name].changed]:
                turns = self._turns_of(service)
                kind = _kind(service)
                words = Words.of(service)
                if kind.startswith("nat"):
                    chain, rules = words.name, nat.fresh_rules(words, turns)
                else:
                    chain, rules = f"{words.name}.fresh", direct.fresh_rules(words, turns, self._timeouts)
                self._nft.run(Ruleset(*self._tables[kind]).replacement({chain: rules}))
                self._turns[service.name] = turns
        except (NftError, NetlinkError, OSError) as error:
            raise PlaneError(f"nftables: {error}") from None

    def network_changed(self) -> None:
        try:
            if self._network != self._look():
                self._bring()
        except (NftError, NetlinkError, OSError) as error:
            raise PlaneError(f"nftables: {error}") from None

    def traffic(self, exact: bool) -> Traffics:
        try:
            if exact:
                self._count(list(self._services), time.monotonic(), exact=True)
            counters = self._counters()
        except (NetlinkError, OSError) as error:
            raise PlaneError(f"nftables: {error}") from None
        found: dict[str, dict[str, Traffic]] = {}
        for service in self._services:
            words, tally = Words.of(service), self._tallies[service.name]
            of_kind = counters.get(_kind(service), {})
            found[service.name] = {}
            for server in service.servers:
                new, inside, out = (of_kind.get(words.counter(server, what), (0, 0)) for what in ("new", "in", "out"))
                found[service.name][server.key] = Traffic(tally.active.get(server.key, 0), tally.inactive.get(server.key, 0),
                                                          new[0], *inside, *out)
        return found

    def stop(self, keep: bool, flush: bool = False) -> None:
        try:
            if not keep:
                for kind in list(self._there):
                    self._nft.run(removal(" ".join(self._tables[kind])))
                    del self._there[kind]
        except NftError as error:
            raise PlaneError(f"nftables: {error}") from None
        finally:
            self._nft.close()
            self._reading.close()
            self._ways.close()

    # ── rules ──────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _look(self) -> _Network:
        directed = [each for each in self._services if not _kind(each).startswith("nat")]
        if not directed:
            return _Network()
        ways, faults = self._ways.to(dict.fromkeys(server.address for each in directed for server in each.servers))
        return _Network(self._ways.devices(), ways, faults)

    def _bring(self) -> None:
        """Every table to what it is to be."""
        before, self._network = self._network, self._look()
        for fault in self._network.faults:
            if fault not in before.faults:
                self._say("warning", fault)
        devices, ways = self._network.devices, self._network.ways
        for kind, (family, table) in self._tables.items():
            services = [each for each in self._services if kind in _kinds(each)]
            there = self._there.get(kind)
            if not services:
                if there is not None:
                    self._nft.run(removal(f"{family} {table}"))
                    del self._there[kind]
                continue
            if kind == "direct":
                wanted = direct.direct_rules(table, services, self._turns, ways, devices, self._timeouts)
            elif kind.startswith("marked"):
                wanted = direct.marked_rules(table, family, services, self._turns, ways, self._timeouts)
            else:
                wanted = nat.nat_rules(table, family, services, self._turns)
            self._run(kind, wanted, there or Inventory())

    def _run(self, kind: str, wanted: Ruleset, there: Inventory) -> None:
        try:
            self._nft.run(wanted.transaction(there))
        except NftError as error:
            if kind not in self._adopted:
                raise
            # Another version's table, of which we do not know how its maps are made.
            self._say("warning", f"the table that an earlier process has left is no use ({error}): connections are forgotten")
            self._nft.run(removal(wanted.table) + wanted.transaction(Inventory()))
        self._adopted.discard(kind)
        self._there[kind] = wanted.inventory()

    def _turns_of(self, service: Service) -> tuple[str, ...]:
        if service.scheduler in schedule.HASHED:
            return schedule.buckets(service.scheduler, service.servers)
        tally = self._tallies[service.name]
        tally.changed = False
        counts = {each.key: Traffic(tally.active.get(each.key, 0), tally.inactive.get(each.key, 0)) for each in service.servers}
        tally.overloaded = schedule.overloaded(service.servers, counts, tally.overloaded)
        able = [each for each in service.servers if each.key not in tally.overloaded]
        return schedule.turns(service.scheduler, able, counts)

    # ── connections ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _counters(self) -> dict[str, dict[str, tuple[int, int]]]:
        return {kind: self._reading.counters(*self._tables[kind]) for kind in self._there}

    def _count(self, services: list[Service], now: float, exact: bool) -> None:
        """Bring the tallies up to date."""
        counters = self._counters()
        connections = None
        for service in services:
            words, tally, kind = Words.of(service), self._tallies[service.name], _kind(service)
            of_kind = counters.get(kind, {})
            numbers = {each.key: (of_kind.get(words.counter(each, "new"), (0, 0))[0],
                                  of_kind.get(words.counter(each, "end"), (0, 0))[0]) for each in service.servers}
            seen = tuple(number for pair in numbers.values() for number in pair)
            moved = seen != tally.seen
            tally.seen = seen
            # Where ends are not counted, or connections fade away, only looking at them helps.
            interval_s = RESYNC_S if kind == "direct" and service.protocol is Protocol.TCP else RESYNC_UDP_S
            if exact or (now - tally.at >= interval_s and now >= self._next_count and (moved or any(tally.active.values()))):
                began = time.monotonic()
                if kind.startswith("nat"):
                    connections = connections or {}
                    family = self._tables[kind][0]
                    if family not in connections:
                        connections[family] = self._reading.nat_connections(family)
                    self._nat_tally(service, tally, connections[family])
                elif kind in self._there:
                    self._flow_tally(service, words, tally, kind)
                old = (tally.active, tally.inactive)
                tally.counters, tally.at = numbers, now
                self._next_count = now + (time.monotonic() - began) / _COUNTING_SHARE
                moved = moved or old != (tally.active, tally.inactive)
            elif moved:
                for key, (new, end) in numbers.items():
                    old_new, old_end = tally.counters.get(key, (0, 0))
                    tally.active[key] = max(0, tally.active.get(key, 0) + (new - old_new) - (end - old_end))
                    tally.inactive[key] = tally.inactive.get(key, 0) + (end - old_end)
                tally.counters = numbers
            tally.changed = tally.changed or moved

    def _flow_tally(self, service: Service, words: Words, tally: _Tally, kind: str) -> None:
        family, table = self._tables[kind]
        names = {number: key for key, number in marks(service.servers).items()}
        maps = self._there[kind].maps
        for part, into in (("flows", tally.active), ("closing", tally.inactive)):
            name = f"{words.name}.{part}"
            found = self._reading.marks(family, table, name) if name in maps else {}
            into.clear()
            into.update({names[mark]: count for mark, count in found.items() if mark in names})

    def _nat_tally(self, service: Service, tally: _Tally, connections: Mapping[tuple[int, bytes, int, bytes, int, bool],
                                                                                int]) -> None:
        number = 6 if service.protocol is Protocol.TCP else 17
        keys = {(each.address.packed, each.port): each.key for each in service.servers}
        tally.active, tally.inactive = {}, {}
        for (protocol, asked, asked_port, answering, answering_port, active), count in connections.items():
            key = keys.get((answering, answering_port)) or keys.get((answering, 0))
            if protocol == number and key is not None and _asked(service, asked, asked_port):
                into = tally.active if active else tally.inactive
                into[key] = into.get(key, 0) + count


def _asked(service: Service, address: bytes, port: int) -> bool:
    for match in service.matches:
        if match.first is None or match.last is None:
            return True
        if match.first.packed <= address <= match.last.packed and match.port in (0, port):
            return True
    return False


def _counted(service: Service) -> bool:
    return service.scheduler in schedule.COUNTED or any(each.uthreshold for each in service.servers)


def _kind(service: Service) -> str:
    """The table where a service's connections are counted: the first of its tables."""
    return _kinds(service)[0]


def _kinds(service: Service) -> list[str]:
    ip = "ip" if service.family == 4 else "ip6"
    method = service.servers[0].method.kind if service.servers else service.method.kind
    if method is Forwarding.NAT:
        return [f"nat {ip}"]
    found = ["direct"] if any(match.first is not None for match in service.matches) else []
    return found + ([f"marked {ip}"] if any(match.first is None for match in service.matches) else [])
