"""One instance on its interface: facts to its router, its router's actions to the kernel and the network."""

from __future__ import annotations

import socket
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from proxy.ha.conf.model import Global, Instance
from proxy.ha.log import Log
from proxy.ha.loop import Loop
from proxy.ha.net.addresses import Assigned
from proxy.ha.net.adverts import AdvertSockets, Received
from proxy.ha.net.announce import Announcer
from proxy.ha.net.netlink import Netlink
from proxy.ha.speaker.holdings import Belongings, Holdings
from proxy.ha.speaker.interfaces import Interfaces
from proxy.ha.speaker.notices import Notices
from proxy.ha.speaker.settings import expectations_of, group_of, ip_version, router_settings
from proxy.ha.speaker.sockets import SharedSockets
from proxy.ha.vrrp.actions import (
    Action,
    Announce,
    HeardLower,
    PriorityChanged,
    ReleaseAddresses,
    SendAdvert,
    State,
    TakeAddresses,
    Transition,
)
from proxy.ha.vrrp.packet import AUTH_NONE, AUTH_SIMPLE, STOPPING, Advert, Drop, PacketError, decode, encode
from proxy.ha.vrrp.priority import Effect, effective_priority
from proxy.ha.vrrp.router import VirtualRouter

HISTORY = 64
SAY_AGAIN_S = 10.0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every member shares."""

    loop: Loop
    log: Log
    netlink: Netlink
    interfaces: Interfaces
    sockets: SharedSockets
    announcer: Announcer
    notices: Notices


@dataclass
class Counters:
    """What a member has sent, heard and dropped since it was made."""

    adverts_sent: int = 0
    adverts_received: int = 0
    priority_zero_sent: int = 0
    priority_zero_received: int = 0
    became_master: int = 0
    released_master: int = 0
    send_errors: int = 0
    restored_addresses: int = 0
    dropped: Counter[Drop] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Change:
    """One transition. `at_s` is seconds since the epoch."""

    at_s: float
    old: State
    new: State
    reason: str


class Member:
    """An instance that lives. `after` is told its actions once they are done, for its group."""

    def __init__(self, around: Surroundings, instance: Instance, global_: Global,
                 after: Callable[[Member, list[Action]], None]) -> None:
        self._around, self._after = around, after
        self.instance, self._global = instance, global_
        self.router = VirtualRouter(router_settings(instance))
        self.holdings = Holdings(around.netlink, around.interfaces, around.log, instance.name)
        self.holdings.device, self.holdings.belongings = instance.interface, Belongings.of(instance)
        self.counters = Counters()
        self.history: deque[Change] = deque(maxlen=HISTORY)
        self._faults: dict[str, str] = {}           # of its own: the interface, the socket, the address to send from
        self.effects: tuple[Effect, ...] = ()
        self.since_s = time.time()
        self._timer = around.loop.timer(self._due)
        self._pair: AdvertSockets | None = None
        self._index = 0
        self._said: dict[str, float] = {}
        self._configure()

    def _configure(self) -> None:
        instance = self.instance
        self._version = ip_version(instance)
        self._expectations = expectations_of(instance)
        self._group = group_of(instance, self._global).packed
        self._advertised = tuple(each.address.packed for each in instance.virtual_addresses
                                 if each.address.version == self._version)
        self._auth = (AUTH_SIMPLE, instance.auth_pass) if self._expectations.auth_type == AUTH_SIMPLE else (AUTH_NONE, b"")

    @property
    def name(self) -> str:
        return self.instance.name

    @property
    def state(self) -> State:
        return self.router.state

    @property
    def faults(self) -> list[str]:
        """Every reason why it cannot serve."""
        return [*self._faults.values(), *(f"{effect.watch} is down" for effect in self.effects if effect.fault)]

    # ── the interface ──────────────────────────────────────────────────────────────────────────────────────────────────

    def look_at_interface(self) -> None:
        """Learn the state of the interface and the address to send from; open or close what depends on it."""
        instance, interfaces = self.instance, self._around.interfaces
        link = interfaces.links.get(instance.interface) if instance.interface else None
        self._fault("interface", "" if not instance.interface or link is not None else f"interface {instance.interface} is not "
                                                                                       f"there")
        self._fault("loopback", f"interface {link.name} is a loopback interface" if link is not None and link.loopback else "")
        down = link is not None and not interfaces.up(instance.interface) and not instance.dont_track_primary
        self._fault("carrier", f"interface {instance.interface} is down" if down else "")
        self._fault("peers",
                    "unicast_fault_no_peer and no peers" if instance.unicast_fault_no_peer and not instance.unicast_peers else "")
        index = link.index if link is not None else 0
        if self._pair is not None and index != self._index:
            self._close_sockets()
        if self._pair is None and "interface" not in self._faults:
            self._open_sockets(index)
        self._find_source()

    def _open_sockets(self, index: int) -> None:
        try:
            self._pair = self._around.sockets.open(self.name, self.instance.virtual_router_id, self._version, index,
                                                   self.instance.interface, self._deliver)
            if not self.instance.unicast_peers:
                self._pair.join(self._group)
        except OSError as error:
            self._close_sockets()
            self._fault("socket", f"cannot speak on {self.instance.interface or 'any interface'}: {error.strerror}")
            return
        self._index = index
        self._fault("socket", "")
        if self.instance.promote_secondaries and self.instance.interface:
            self._promote_secondaries()

    def _promote_secondaries(self) -> None:
        """Have the kernel keep the other addresses of a network when its first one is removed."""
        path = f"/proc/sys/net/ipv4/conf/{self.instance.interface}/promote_secondaries"
        try:
            with open(path, "w", encoding="ascii") as file:
                file.write("1\n")
        except OSError as error:
            self._around.log.say("warning", f"({self.name}) promote_secondaries: {path}: {error.strerror}")

    def _close_sockets(self) -> None:
        self._around.sockets.release(self.name)
        self._pair = None

    def _find_source(self) -> None:
        """The address to send from: the configured one, the interface's, or for unicast what the kernel would take."""
        instance, interfaces = self.instance, self._around.interfaces
        if instance.src_ip is not None:
            source = instance.src_ip.packed
            missing = instance.track_src_ip and not interfaces.holds(source)
            self._fault("source", f"{instance.src_ip} is not there" if missing else "")
        else:
            ours = frozenset(each.address.packed for each in self.holdings.belongings.addresses)
            source = b""
            if instance.unicast_peers:
                source = _source_towards(instance.unicast_peers[0].address.packed)
            if instance.interface and (not source or source in ours):
                source = interfaces.source(instance.interface, self._version, ours)
            kind = "IPv4 address" if self._version == 4 else "link-local address"
            self._fault("source", "" if source else f"{instance.interface or 'no interface'} has no {kind} to send from")
        self.router.source = source

    def _fault(self, key: str, reason: str) -> None:
        if reason:
            self._faults[key] = reason
        else:
            self._faults.pop(key, None)

    def addresses_removed(self, removed: list[Assigned]) -> None:
        """Put back what somebody has taken from us, and say again where it is."""
        back = self.holdings.restore(removed)
        if back and self.state is State.MASTER:
            self.counters.restored_addresses += len(back)
            self._announce(self.instance.garp_master_repeat, {each.address.packed for each in back})

    # ── facts for the router ───────────────────────────────────────────────────────────────────────────────────────────

    def track(self, effects: tuple[Effect, ...]) -> None:
        """What is tracked has changed: the priority follows; a fault is the caller's to act upon."""
        self.effects = effects
        priority = effective_priority(self.router.settings.priority, effects)
        self.act(self.router.set_priority(self._around.loop.now(), priority))

    def _deliver(self, received: Received) -> None:
        envelope = received.envelope
        if self.state not in (State.BACKUP, State.MASTER):
            return
        if self.instance.unicast_peers and not self._for_us(received):
            return
        try:
            if envelope.source == self.router.source:
                raise PacketError(Drop.LOOPED, "it is our own")
            advert = decode(received.octets, envelope)
            known = self.instance.skip_check_adv_addr and envelope.source == self.router.heard.source
            self._expectations.check(advert, envelope, check_addresses=not known)
        except PacketError as error:
            self._dropped(error, envelope.source)
            return
        self.counters.adverts_received += 1
        if advert.priority == STOPPING:
            self.counters.priority_zero_received += 1
        self.act(self.router.hear(self._around.loop.now(), advert, envelope.source))

    def _for_us(self, received: Received) -> bool:
        """Whether a packet comes from a peer, or from anybody where only we have this router id."""
        return not self.instance.check_unicast_src or any(peer == received.envelope.source for peer, _,
                                                          _ in self._expectations.peers) or (
            not received.envelope.destination[0] >= 224)

    def _dropped(self, error: PacketError, source: bytes) -> None:
        self.counters.dropped[error.drop] += 1
        self._seldom(error.drop.value, f"({self.name}) dropped an advert from {shown(source)}: {error.drop.value}, "
                                       f"{error.detail}"
                                       f" ({self.counters.dropped[error.drop]} so far)")

    def _due(self) -> None:
        self.act(self.router.handle_timer(self._around.loop.now()))

    # ── actions ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def act(self, actions: list[Action]) -> None:
        """Do what the router asks for, in order; then let the group follow."""
        for action in actions:
            match action:
                case SendAdvert(priority):
                    self._send(priority)
                case TakeAddresses():
                    self.holdings.take()
                case ReleaseAddresses():
                    self._around.announcer.forget(each.address.packed for each in self.holdings.belongings.addresses)
                    self.holdings.release()
                case Announce(repeat, extra_only):
                    self._announce(repeat, None, extra_only)
                case Transition():
                    self._transition(action)
                case HeardLower(priority):
                    self._around.notices.heard_lower(self.name, self.router.priority, self.instance.notify)
                    self._seldom("lower", f"({self.name}) received an advert with lower priority {priority}, ours "
                                          f"{self.router.priority}")
                case PriorityChanged(old, new):
                    self._around.log.say("info", f"({self.name}) Changing effective priority from {old} to {new}")
                    self._around.notices.priority(self.name, self.state, new, self.instance.notify)
        self._timer.set(self.router.deadline)
        if actions:
            self._after(self, actions)

    def reconfigure(self, instance: Instance, global_: Global) -> None:
        """Take a new configuration of the same router without giving up mastership."""
        self.instance, self._global = instance, global_
        self._configure()
        added = self.holdings.exchange(Belongings.of(instance))
        now = self._around.loop.now()
        if self.state is State.MASTER and added.addresses:
            self._announce(instance.garp_master_repeat, {each.address.packed for each in added.addresses})
        self.act(self.router.reconfigure(now, router_settings(instance)))
        self.look_at_interface()

    def same_router(self, instance: Instance) -> bool:
        """Whether a new configuration is of the same virtual router, so that it can be taken as it runs."""
        old = self.instance
        return (old.interface, old.virtual_router_id, old.version, ip_version(old), bool(old.unicast_peers),
                old.mcast_dst_ip) == (
            instance.interface, instance.virtual_router_id, instance.version, ip_version(instance), bool(instance.unicast_peers),
            instance.mcast_dst_ip)

    def close(self) -> None:
        """Give the sockets back; the router has stopped."""
        self._timer.cancel()
        self._close_sockets()

    def _transition(self, action: Transition) -> None:
        state = action.new
        self.since_s = time.time()
        self.history.append(Change(self.since_s, action.old, state, action.reason))
        self.counters.became_master += state is State.MASTER
        self.counters.released_master += action.old is State.MASTER
        self._around.log.say("info", f"({self.name}) Entering {state.value} STATE ({action.reason})")
        self._around.notices.transition("INSTANCE", self.name, state, self.router.priority, self.instance.notify, action.reason)

    def _send(self, priority: int) -> None:
        if self._pair is None or not self.router.source:
            return
        settings = self.router.settings
        advert = Advert(settings.version, self.instance.virtual_router_id, priority, settings.advert_int_s, self._advertised,
                        *self._auth)
        source = self.router.source
        self.counters.priority_zero_sent += priority == STOPPING
        if self.instance.unicast_peers:
            for peer in self.instance.unicast_peers:
                self._send_to(self._pair, advert, source, peer.address.packed, self.instance.unicast_ttl)
        else:
            self._send_to(self._pair, advert, source, self._group, 255)

    def _send_to(self, pair: AdvertSockets, advert: Advert, source: bytes, destination: bytes, ttl: int) -> None:
        try:
            pair.send(encode(advert, source, destination), source, destination, ttl)
            self.counters.adverts_sent += 1
        except OSError as error:
            self.counters.send_errors += 1
            self._seldom("send", f"({self.name}) cannot send an advert to {shown(destination)}: {error.strerror}")

    def _announce(self, repeat: int, only: set[bytes] | None, extra_only: bool = False) -> None:
        """Announce every address, or only those, on the links they are on."""
        now = self._around.loop.now()
        for link, addresses in self.holdings.links().values():
            if extra_only and not self.instance.garp_extra_if_all and link.name == self.instance.interface:
                continue
            wanted = addresses if only is None else [each for each in addresses if each in only]
            self._around.announcer.announce(now, link, wanted, repeat)

    def _seldom(self, what: str, text: str) -> None:
        """Say it, but not again for a while: what a peer does must not fill the log."""
        now = self._around.loop.now()
        if now >= self._said.get(what, 0.0):
            self._said[what] = now + SAY_AGAIN_S
            self._around.log.say("info", text)


def shown(address: bytes) -> str:
    """A packed address as text."""
    return socket.inet_ntop(socket.AF_INET if len(address) == 4 else socket.AF_INET6, address) if address else "?"


def _source_towards(peer: bytes) -> bytes:
    """The address the kernel would send from to a peer; b"" without a route. Nothing is sent."""
    family = socket.AF_INET if len(peer) == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        try:
            sock.connect((shown(peer), 112))
            return socket.inet_pton(family, sock.getsockname()[0].partition("%")[0])
        except OSError:
            return b""
