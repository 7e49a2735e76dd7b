"""Keeps IPVS's services as ours are: what is the same is left alone, so that no connection notices.

Services that the kernel has and the configuration has not are not ours to remove, unless they were put there by this process, or
`lvs_flush` is written. After a crash the configured ones are found again and taken over.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from proxy.ha.net.netlink import NetlinkError
from proxy.ha.virtual.plan import Server, Service, Timeouts, Traffic
from proxy.ha.virtual.planes.ipvs import wire
from proxy.ha.virtual.planes.ipvs.kernel import Kernel
from proxy.ha.virtual.planes.ipvs.wire import Entry
from proxy.ha.virtual.planes.plane import PlaneError, Traffics

MAX_ADDRESSES = 65536
"""A group with more addresses than this is refused."""


class IpvsPlane:
    """Virtual servers by IPVS."""

    name = "IPVS"
    tick_s = math.inf

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._ours: dict[tuple[int, int, bytes, int, int], Entry] = {}
        self._services: tuple[Service, ...] = ()

    def refuses(self, service: Service) -> str:
        count = sum(int(match.last or match.first) - int(match.first) + 1 for match in service.matches if match.first is not None)
        if count > MAX_ADDRESSES:
            return f"{count} addresses are too many: each is a service of IPVS"
        if any(each.address.version != service.family and each.method.kind.value != "TUN" for each in service.servers):
            return "a real server of the other IP version needs lb_kind TUN"
        return ""

    def start(self, timeouts: Timeouts, flush: bool) -> None:
        try:
            if flush:
                self._kernel.flush()
            if timeouts != Timeouts():
                self._kernel.timeouts(timeouts)
        except NetlinkError as error:
            raise PlaneError(str(error)) from None

    def apply(self, services: Sequence[Service]) -> None:
        try:
            self._bring(services)
        except NetlinkError as error:
            raise PlaneError(str(error)) from None
        self._services = tuple(services)

    def _bring(self, services: Sequence[Service]) -> None:
        there = {entry.key: entry for entry in self._kernel.services()}
        wanted: set[tuple[int, int, bytes, int, int]] = set()
        for service in services:
            for entry in wire.entries(service):
                wanted.add(entry.key)
                before = there.get(entry.key)
                if before is None:
                    self._kernel.service(wire.NEW_SERVICE, entry)
                elif before != entry:
                    self._kernel.service(wire.SET_SERVICE, entry)
                self._ours[entry.key] = entry
                self._destinations(entry, service, fresh=before is None)
        for key in [key for key in self._ours if key not in wanted]:
            entry = self._ours.pop(key)
            if key in there:
                self._kernel.service(wire.DEL_SERVICE, entry)

    def _destinations(self, entry: Entry, service: Service, fresh: bool) -> None:
        there = {} if fresh else {(server.address, server.port): server for server, _ in self._kernel.destinations(entry)}
        wanted = {(each.address, wire.port_of(entry, each)): each for each in service.servers}
        # New ones first, so that there is always somebody to send to.
        for key, server in wanted.items():
            before = there.get(key)
            if before is None:
                self._kernel.destination(wire.NEW_DEST, entry, server)
            elif _shown(before) != _shown(server):
                self._kernel.destination(wire.SET_DEST, entry, server)
        for key, server in there.items():
            if key not in wanted:
                self._kernel.destination(wire.DEL_DEST, entry, server)

    def tick(self, now: float) -> None:
        """The kernel counts by itself."""

    def network_changed(self) -> None:
        """The kernel routes by itself."""

    def traffic(self, exact: bool) -> Traffics:
        found: dict[str, dict[str, Traffic]] = {}
        try:
            for service in self._services:
                sums = found[service.name] = {each.key: Traffic() for each in service.servers}
                for entry in wire.entries(service):
                    keys = {(each.address, wire.port_of(entry, each)): each.key for each in service.servers}
                    for server, traffic in self._kernel.destinations(entry):
                        key = keys.get((server.address, server.port))
                        if key is not None:
                            sums[key] = _sum(sums[key], traffic)
        except NetlinkError as error:
            raise PlaneError(str(error)) from None
        return found

    def stop(self, keep: bool, flush: bool = False) -> None:
        try:
            if flush and not keep:
                self._kernel.flush()
            elif not keep:
                for entry in self._ours.values():
                    self._kernel.service(wire.DEL_SERVICE, entry)
        except NetlinkError as error:
            raise PlaneError(str(error)) from None
        finally:
            self._kernel.close()


def _shown(server: Server) -> tuple[object, ...]:
    """What the kernel tells of a server: all that may differ."""
    return (server.weight, server.method.kind, server.uthreshold, server.lthreshold)


def _sum(one: Traffic, other: Traffic) -> Traffic:
    return replace(one, **{name: getattr(one, name) + getattr(other, name) for name in Traffic.__slots__})
