"""Interfaces and their addresses, as the kernel has them; changes are told as they come."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass, field

from proxy.ha.loop import Loop, Timer
from proxy.ha.net.addresses import Assigned, list_addresses, read_address
from proxy.ha.net.links import Link, list_links, read_link
from proxy.ha.net.netlink import (
    RTM_DELADDR,
    RTM_DELLINK,
    RTM_DELROUTE,
    RTM_DELRULE,
    RTM_NEWADDR,
    RTM_NEWLINK,
    RTMGRP_IPV4_IFADDR,
    RTMGRP_IPV4_ROUTE,
    RTMGRP_IPV6_IFADDR,
    RTMGRP_IPV6_ROUTE,
    RTMGRP_LINK,
    Monitor,
    Netlink,
    Overrun,
)

RTMGRP_IPV4_RULE, RTMGRP_IPV6_RULE = 1 << 7, 1 << 18
SCOPE_LINK = 253
_OF_A_LINK = bytes((socket.AF_UNSPEC,))


@dataclass
class Changed:
    """What has changed in one reading of the kernel's news; addresses are packed octets."""

    links: set[str] = field(default_factory=set)
    addresses: set[bytes] = field(default_factory=set)
    removed: list[Assigned] = field(default_factory=list)
    routes: bool = False


class Interfaces:
    """Links by name, addresses by link. `on_change` is called once for all that was read at a time.

    `delays` gives the seconds for which an interface must be down, or up, before that is told (`interface_up_down_delays`).
    """

    def __init__(self, loop: Loop, netlink: Netlink, on_change: Callable[[Changed], None], *, routes: bool = False) -> None:
        self._loop, self._netlink, self._on_change = loop, netlink, on_change
        groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR
        if routes:
            groups |= RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE | RTMGRP_IPV4_RULE | RTMGRP_IPV6_RULE
        # The monitor is there before anything is listed: what changes in between is told twice rather than never.
        self._monitor = Monitor(groups)
        self.delays: dict[str, tuple[float, float]] = {}
        self.links: dict[str, Link] = {}
        self.addresses: dict[int, dict[tuple[bytes, int], Assigned]] = {}
        self._up: dict[str, bool] = {}                  # as told, after the delays
        self._pending: dict[str, Timer] = {}
        self.read_all()
        loop.add_reader(self._monitor.fileno(), self._read)

    def close(self) -> None:
        """Listen no more."""
        self._loop.remove(self._monitor.fileno())
        self._monitor.close()
        for timer in self._pending.values():
            timer.cancel()

    def up(self, name: str) -> bool:
        """Whether an interface is there, up, and has a carrier, and has been so for long enough."""
        return name in self.links and self._up.get(name, False)

    def index(self, name: str) -> int:
        """The index of an interface.

        Raises: KeyError.
        """
        return self.links[name].index

    def source(self, name: str, version: int, but: frozenset[bytes]) -> bytes:
        """The address to send from: the interface's first usable one that is not virtual; of IPv6 the link-local one; or b""."""
        link = self.links.get(name)
        if link is None:
            return b""
        size = 4 if version == 4 else 16
        found = [each for each in self.addresses.get(link.index, {}).values()
                 if len(each.address) == size and each.usable and each.address not in but]
        if version == 6:
            found = [each for each in found if each.scope == SCOPE_LINK]
        found.sort(key=lambda each: (each.secondary, each.scope))
        return found[0].address if found else b""

    def has(self, index: int, address: bytes, prefix: int) -> bool:
        """Whether an interface has that address."""
        return (address, prefix) in self.addresses.get(index, {})

    def holds(self, address: bytes) -> bool:
        """Whether any interface has that address."""
        return any(key[0] == address for found in self.addresses.values() for key in found)

    def read_all(self) -> None:
        """Learn everything anew."""
        self.links = list_links(self._netlink)
        self.addresses = {}
        for each in list_addresses(self._netlink):
            self.addresses.setdefault(each.index, {})[each.address, each.prefix] = each
        for name, link in self.links.items():
            self._up.setdefault(name, link.up)

    def _read(self) -> None:
        changed = Changed()
        try:
            for kind, content in self._monitor.read():
                self._take(kind, content, changed)
        except Overrun:
            self._reread(changed)
        if changed.links or changed.addresses or changed.removed or changed.routes:
            self._on_change(changed)

    def _reread(self, changed: Changed) -> None:
        """The kernel's news were too many: everything is looked at again, and what is missing counts as removed."""
        before_links, before = self.links, self.addresses
        self.read_all()
        for name in before_links.keys() | self.links.keys():
            self._settle(name, changed)
        now = {key for found in self.addresses.values() for key in found}
        changed.removed += [each for found in before.values() for key, each in found.items() if key not in now]
        changed.addresses |= {key[0] for found in (*before.values(), *self.addresses.values()) for key in found}
        changed.routes = True

    def _take(self, kind: int, content: bytes, changed: Changed) -> None:
        if kind in (RTM_NEWLINK, RTM_DELLINK) and content[:1] != _OF_A_LINK:
            return                              # a port has joined or left a bridge; the interface is still there
        if kind == RTM_NEWLINK:
            self._new_link(read_link(content), changed)
        elif kind == RTM_DELLINK:
            link = read_link(content)
            if link.name in self.links and self.links[link.name].index == link.index:
                del self.links[link.name]
                self.addresses.pop(link.index, None)
                self._settle(link.name, changed)
        elif kind == RTM_NEWADDR:
            each = read_address(content)
            self.addresses.setdefault(each.index, {})[each.address, each.prefix] = each
            changed.addresses.add(each.address)
        elif kind == RTM_DELADDR:
            each = read_address(content)
            self.addresses.get(each.index, {}).pop((each.address, each.prefix), None)
            changed.addresses.add(each.address)
            changed.removed.append(each)
        elif kind in (RTM_DELROUTE, RTM_DELRULE):
            changed.routes = True

    def _new_link(self, link: Link, changed: Changed) -> None:
        renamed = [name for name, each in self.links.items() if each.index == link.index and name != link.name]
        for name in renamed:
            del self.links[name]
            self._settle(name, changed)
        before = self.links.get(link.name)
        self.links[link.name] = link
        if before is None or before.index != link.index or before.mac != link.mac:
            changed.links.add(link.name)
        self._settle(link.name, changed)

    def _settle(self, name: str, changed: Changed) -> None:
        """Tell a change of state, now or after its delay; one that is taken back in time is not told."""
        link = self.links.get(name)
        up = link is not None and link.up
        timer = self._pending.get(name)
        if up == self._up.get(name, False):
            if timer is not None:
                timer.cancel()
            if link is None and self._up.pop(name, None) is not None:
                changed.links.add(name)
            return
        down_s, up_s = self.delays.get(name, (0.0, 0.0))
        delay_s = up_s if up else down_s
        if not delay_s:
            self._tell(name, up, changed)
        elif timer is None or timer.at == float("inf"):
            timer = timer or self._loop.timer(lambda: self._delayed(name))
            self._pending[name] = timer
            timer.set(self._loop.now() + delay_s)

    def _tell(self, name: str, up: bool, changed: Changed) -> None:
        self._up[name] = up
        changed.links.add(name)

    def _delayed(self, name: str) -> None:
        link = self.links.get(name)
        changed = Changed()
        self._tell(name, link is not None and link.up, changed)
        self._on_change(changed)
