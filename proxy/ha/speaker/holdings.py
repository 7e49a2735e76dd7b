"""Addresses, routes and rules of an instance: taken as master, given back otherwise, put again when somebody removes them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import ParamSpec

from proxy.base.errors import PyproxyError
from proxy.ha.conf.model import Instance
from proxy.ha.conf.routing import Route, Rule, VirtualAddress
from proxy.ha.log import Log
from proxy.ha.net.addresses import Assigned, put_address, take_address
from proxy.ha.net.links import Link
from proxy.ha.net.netlink import Netlink
from proxy.ha.net.routes import put_route, put_rule, take_route, take_rule
from proxy.ha.speaker.interfaces import Interfaces

P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class Belongings:
    """What an instance takes and gives back."""

    addresses: tuple[VirtualAddress, ...] = ()
    routes: tuple[Route, ...] = ()
    rules: tuple[Rule, ...] = ()

    @classmethod
    def of(cls, instance: Instance) -> Belongings:
        """Those of an instance."""
        return cls(instance.virtual_addresses + instance.virtual_addresses_excluded, instance.virtual_routes,
                   instance.virtual_rules)

    def without(self, other: Belongings) -> Belongings:
        """What this has and the other has not."""
        return Belongings(
            tuple(each for each in self.addresses if _bare(each) not in {_bare(each) for each in other.addresses}),
            tuple(each for each in self.routes if each not in other.routes),
            tuple(each for each in self.rules if each not in other.rules),
        )


def _bare(address: VirtualAddress) -> tuple[str, str]:
    return str(address.interface), address.device


class Holdings:
    """What one instance holds. `device` is its interface; what the kernel refuses is logged, and the rest goes on."""

    def __init__(self, netlink: Netlink, interfaces: Interfaces, log: Log, name: str) -> None:
        self._netlink, self._interfaces, self._log, self._name = netlink, interfaces, log, name
        self.device = ""
        self.belongings = Belongings()
        self.held = False

    def links(self) -> dict[str, tuple[Link, list[bytes]]]:
        """The addresses by the link they are on, by its name."""
        found: dict[str, tuple[Link, list[bytes]]] = {}
        for address in self.belongings.addresses:
            link = self._interfaces.links.get(address.device or self.device)
            if link is not None:
                found.setdefault(link.name, (link, []))[1].append(address.address.packed)
        return found

    def clear_stale(self) -> None:
        """Remove what an earlier run has left; nobody else is asked first, because the address is ours by configuration."""
        for address, index in self._placed(self.belongings.addresses):
            if self._interfaces.has(index, address.address.packed, address.interface.network.prefixlen):
                self._log.say("info", f"({self._name}) removing stale {address} from {address.device or self.device}")
                self._try(take_address, self._netlink, address, index)

    def take(self) -> None:
        """Put everything into the kernel."""
        self.held = True
        self._put(self.belongings)

    def release(self) -> None:
        """Give everything back; in the reverse order."""
        self.held = False
        self._remove(self.belongings)

    def exchange(self, new: Belongings) -> Belongings:
        """Take new belongings in place of the old ones without touching what stays; returns what is new."""
        gone, added = self.belongings.without(new), new.without(self.belongings)
        self.belongings = new
        if self.held:
            self._remove(gone)
            self._put(added)
        return added

    def restore(self, removed: Iterable[Assigned]) -> list[VirtualAddress]:
        """Put again what was removed from under us; returns that."""
        if not self.held:
            return []
        gone = {(each.index, each.address, each.prefix) for each in removed}
        back: list[VirtualAddress] = []
        for address, index in self._placed(self.belongings.addresses):
            key = index, address.address.packed, (address.peer or address.interface).network.prefixlen
            if key in gone and not address.no_track and not self._interfaces.has(*key):
                self._log.say("warning", f"({self._name}) {address} was removed from {address.device or self.device}: restored")
                if self._try(put_address, self._netlink, address, index):
                    back.append(address)
        return back

    def restore_routes(self) -> None:
        """Put routes and rules again; what is there stays."""
        if self.held:
            self._put(Belongings((), tuple(each for each in self.belongings.routes if not each.no_track),
                                 tuple(each for each in self.belongings.rules if not each.no_track)))

    def _put(self, what: Belongings) -> None:
        for address, index in self._placed(what.addresses):
            self._try(put_address, self._netlink, address, index)
        for route in what.routes:
            self._try(put_route, self._netlink, route, self._interfaces.index, self.device)
        for rule in what.rules:
            self._try(put_rule, self._netlink, rule)

    def _remove(self, what: Belongings) -> None:
        for rule in what.rules:
            self._try(take_rule, self._netlink, rule)
        for route in what.routes:
            if all(not hop.device or hop.device in self._interfaces.links for hop in route.hops):
                self._try(take_route, self._netlink, route, self._interfaces.index, self.device)
        for address, index in self._placed(what.addresses):
            self._try(take_address, self._netlink, address, index)

    def _placed(self, addresses: Iterable[VirtualAddress]) -> Iterator[tuple[VirtualAddress, int]]:
        """The addresses whose interface is there."""
        for address in addresses:
            link = self._interfaces.links.get(address.device or self.device)
            if link is not None:
                yield address, link.index

    def _try(self, act: Callable[P, bool], *arguments: P.args, **named: P.kwargs) -> bool:
        try:
            return act(*arguments, **named)
        except PyproxyError as error:
            self._log.say("err", f"({self._name}) {error}")
            return False
