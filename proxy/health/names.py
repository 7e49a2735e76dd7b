"""Servers whose addresses follow their names (`resolvers` on a server line), as the name servers of the section tell them.

    has an address --the name has it no more (`hold obsolete`)--> another address of the name, or none: maintenance (resolution)
    has an address --no valid answer for as long as `hold` of the outcome says--> maintenance (resolution)
    maintenance (resolution) --an address that no other server of this name and backend has--> back

Nothing here waits: queries are datagrams, and answers events of the loop.

Source: HAProxy configuration manual, sections 5.2 (resolvers, resolve-opts, resolve-prefer) and 5.3; texts as recorded from
HAProxy 2.6.
"""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from proxy.base.clock import Clock
from proxy.health.dns_message import Answer
from proxy.health.lookup import Lookup
from proxy.health.nameservers import Nameservers, ReaderLoop
from proxy.runtime import transitions
from proxy.runtime.log import Events
from proxy.runtime.process import Process
from proxy.runtime.resolver_plan import NamedServer, Outcome, ResolverPlan
from proxy.runtime.states import Admin

CAUSES = {
    Outcome.NX: " (DNS NX status)", Outcome.REFUSED: " (DNS refused status)", Outcome.TIMEOUT: " (DNS timeout status)",
    Outcome.OTHER: " (unspecified DNS error)",
}
NO_ADDRESS_LEFT = " (No IP for server )"


class NamesLoop(ReaderLoop, Protocol):
    """What is needed of an event loop."""

    def call_later(self, delay: float, callback: Any, /) -> Any: ...


class Followers:
    """The servers of one name: since when each has not been heard of by its address."""

    def __init__(self, lookup: Lookup, now_ms: int) -> None:
        self.lookup = lookup
        self.servers: list[NamedServer] = []
        self.valid_ms = now_ms              # the latest valid answer
        self.seen_ms: dict[NamedServer, int] = {}
        self.timer: Any = None


class Names:
    """Keeps the addresses of a process' named servers."""

    def __init__(
        self, process: Process, events: Events, clock: Clock, loop: NamesLoop,
        randrange: Callable[[int], int] = secrets.randbelow, make: Callable[..., Nameservers] = Nameservers,
    ) -> None:
        self._process = process
        self._events = events
        self._clock = clock
        self._loop = loop
        self._randrange = randrange
        self._make = make
        self._sections: dict[str, Nameservers] = {}
        self._followers: list[Followers] = []

    def start(self) -> None:
        """Begin to ask."""
        now_ms = self._clock.monotonic_ms()
        found: dict[tuple[str, str, bool], Followers] = {}
        for named in self._process.named_servers:
            plan, host = named.plan, named.server.address.host.lower()
            key = (plan.name, host, named.prefers_ipv4)
            if key not in found:
                found[key] = self._followers_of(plan, host, named.prefers_ipv4, now_ms)
            found[key].servers.append(named)
        self._followers = list(found.values())
        for followers in self._followers:
            followers.lookup.begin(now_ms)
            self._wait(followers)

    def stop(self) -> None:
        """Ask no more."""
        for followers in self._followers:
            followers.timer.cancel()
        for nameservers in self._sections.values():
            nameservers.close()
        self._followers, self._sections = [], {}

    def _followers_of(self, plan: ResolverPlan, host: str, prefers_ipv4: bool, now_ms: int) -> Followers:
        if plan.name not in self._sections:
            self._sections[plan.name] = self._make(plan.nameservers, self._loop, partial(self._heard, plan))
        lookup = Lookup(plan, host, prefers_ipv4, self._sections[plan.name].send, self._randrange, self._told)
        return Followers(lookup, now_ms)

    # time and answers

    def _wait(self, followers: Followers) -> None:
        if followers.timer is not None:
            followers.timer.cancel()
        wait_ms = max(1, followers.lookup.deadline_ms - self._clock.monotonic_ms())
        followers.timer = self._loop.call_later(wait_ms / 1000, partial(self._due, followers))

    def _due(self, followers: Followers) -> None:
        now_ms = self._clock.monotonic_ms()
        if now_ms >= followers.lookup.deadline_ms:
            followers.lookup.handle_timer(now_ms)
        self._wait(followers)

    def _heard(self, plan: ResolverPlan, nameserver: int, answer: Answer) -> None:
        now_ms = self._clock.monotonic_ms()
        for followers in self._followers:
            if followers.lookup.plan is plan:
                before_ms = followers.lookup.deadline_ms
                followers.lookup.heard(nameserver, answer, now_ms)
                if followers.lookup.deadline_ms != before_ms:
                    self._wait(followers)

    def _told(self, lookup: Lookup, outcome: Outcome, addresses: tuple[str, ...], nameserver: str) -> None:
        followers = next(each for each in self._followers if each.lookup is lookup)
        now_ms = self._clock.monotonic_ms()
        if outcome is Outcome.VALID:
            followers.valid_ms = now_ms
            self._give(followers, addresses, nameserver, now_ms)
        elif now_ms - followers.valid_ms >= lookup.plan.hold_ms[outcome]:
            for named in followers.servers:
                self._take_away(named, CAUSES[outcome], now_ms)

    # addresses

    def _give(self, followers: Followers, addresses: tuple[str, ...], nameserver: str, now_ms: int) -> None:
        """Let each server have an address of its name: the one it has, if that is still among them."""
        wanting = []
        hold_ms = followers.lookup.plan.hold_obsolete_ms
        for named in followers.servers:
            if _host(named) in addresses:
                followers.seen_ms[named] = now_ms
                transitions.clear_admin(named.server, Admin.RMAINT, now_ms, self._events)
            elif not _host(named) or now_ms - followers.seen_ms.get(named, 0) >= hold_ms:
                wanting.append(named)
        for named in wanting:
            home = named.server.backend
            taken = {_host(each) for each in followers.servers if each.server.backend is home and each not in wanting}
            free = addresses if named.may_share else [address for address in addresses if address not in taken]
            if free:
                self._move(named, free[0], f"{named.plan.name}/{nameserver}", now_ms)
                followers.seen_ms[named] = now_ms
            else:
                self._take_away(named, NO_ADDRESS_LEFT, now_ms)
            wanting = [each for each in wanting if each is not named]

    def _move(self, named: NamedServer, host: str, by: str, now_ms: int) -> None:
        server = named.server
        told = f"{server.backend.name}/{server.name} changed its IP from {_host(named) or '(none)'} to {host} by {by}."
        server.socket_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        server.sockaddr = (host, server.address.port)
        server.resolve_error = ""
        self._events.server_event(server, "notice", told)
        if server.idle is not None:
            server.idle.clear()
        self._events.server_changed(server, server.is_up, now_ms)
        if server.admin & Admin.RMAINT:
            transitions.clear_admin(server, Admin.RMAINT, now_ms, self._events)
            ready = f"Server {server.backend.name}/{server.name} administratively READY thanks to valid DNS answer."
            self._events.server_event(server, "notice", ready)

    def _take_away(self, named: NamedServer, cause: str, now_ms: int) -> None:
        server = named.server
        server.sockaddr = None
        server.resolve_error = cause.strip(" ()")
        transitions.add_admin(server, Admin.RMAINT, now_ms, self._events, cause)


def _host(named: NamedServer) -> str:
    """The address that a server has, "" for none."""
    sockaddr = named.server.sockaddr
    return str(sockaddr[0]) if isinstance(sockaddr, tuple) else ""
