"""A virtual server's real servers: who is alive, whether there are enough of them, and the service that comes of it.

    quorum up    the living servers, the dead ones gone (or kept at weight 0: inhibit_on_failure)
    quorum down  with a sorry server: that one alone, the real servers gone (or at weight 0);  without: as above

The quorum is gained at `quorum + hysteresis` of living weight and lost below `quorum - hysteresis`.
Source: keepalived.conf(5), "virtual_server".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import Enum

from proxy.ha.conf.services import FirewallMark, RealServer, VirtualServer, VirtualServerGroup
from proxy.ha.virtual.plan import Match, Server, Service

MAX_WEIGHT = 65535


class Kind(Enum):
    """What has happened."""

    SERVER_UP = "UP"
    SERVER_DOWN = "DOWN"
    QUORUM_UP = "QUORUM UP"
    QUORUM_DOWN = "QUORUM DOWN"


@dataclass(frozen=True, slots=True)
class Event:
    """Something to tell; `server` is None when it concerns the quorum."""

    kind: Kind
    server: RealServer | None
    text: str
    why: str = ""


@dataclass
class Real:
    """One real server now. `checks` are its checkers' verdicts, `offsets` what each adds to the weight."""

    server: RealServer
    checks: list[bool]
    offsets: list[int] = field(default_factory=list)
    alive: bool = True

    @property
    def weight(self) -> int:
        """Its weight, as long as it lives."""
        return min(max(self.server.weight + sum(self.offsets), 0), MAX_WEIGHT)

    @property
    def key(self) -> str:
        """Its name within the service, that of its `plan.Server`."""
        return f"{self.server.address}_{self.server.port}".replace(":", "-")


class Pool:
    """One virtual server. Every change is told by `verdict` or `offset`, which give the events that follow."""

    def __init__(self, configured: VirtualServer, groups: Iterable[VirtualServerGroup] = ()) -> None:
        self.configured = configured
        self.matches = _matches(configured, groups)
        self.family = _family(configured, self.matches)
        self.reals: dict[str, Real] = {}
        for server in configured.real_servers:
            checks = [not getattr(getattr(check, "basics", None), "alpha", configured.alpha) for check in server.checks]
            real = Real(server, checks, [0] * len(server.checks))
            real.alive = all(checks)
            self.reals.setdefault(real.key, real)
        self.quorum_up = not configured.alpha and self._weight() >= configured.quorum - configured.hysteresis
        if configured.alpha:
            self._settle_quorum()

    def adopt(self, old: Pool) -> list[Event]:
        """Take over what an earlier configuration's pool knew of the same servers."""
        for key, real in self.reals.items():
            before = old.reals.get(key)
            if before is None or not real.checks:
                continue
            if before.server.checks == real.server.checks:
                real.checks, real.offsets = before.checks, before.offsets
            elif before.server.checks:
                # Other checkers of the same server: until they have spoken, what was known of it counts.
                real.checks = [before.alive] * len(real.checks)
            real.alive = all(real.checks)
        self.quorum_up = old.quorum_up
        return self._settle_quorum()

    def verdict(self, key: str, check: int, up: bool, why: str) -> list[Event]:
        """A checker has changed its mind about a server."""
        real = self.reals[key]
        real.checks[check] = up
        alive = all(real.checks)
        if alive == real.alive:
            return []
        real.alive = alive
        inhibit = real.server.inhibit_on_failure
        verb = ("Enabling" if inhibit else "Adding") if alive else ("Disabling" if inhibit else "Removing")
        preposition = "of" if inhibit else "to" if alive else "from"
        event = Event(Kind.SERVER_UP if alive else Kind.SERVER_DOWN, real.server,
                      f"{verb} service {self.server_name(real.server)} {preposition} VS {self.configured.name}", why)
        return [event, *self._settle_quorum()]

    def offset(self, key: str, check: int, offset: int) -> list[Event]:
        """A checker wants another weight."""
        self.reals[key].offsets[check] = offset
        return self._settle_quorum()

    def server_name(self, server: RealServer) -> str:
        """How keepalived names a real server."""
        return f"[{server.address}]:{self.configured.protocol.value.lower()}:{server.port}"

    def _weight(self) -> int:
        return sum(real.weight for real in self.reals.values() if real.alive)

    def _settle_quorum(self) -> list[Event]:
        configured, weight = self.configured, self._weight()
        quorum, hysteresis = configured.quorum, configured.hysteresis
        if self.quorum_up and weight < quorum - hysteresis:
            self.quorum_up = False
            text = f"Lost quorum {quorum}-{hysteresis}={quorum - hysteresis} > {weight} for VS {configured.name}"
            return [Event(Kind.QUORUM_DOWN, None, text)]
        if not self.quorum_up and weight >= quorum + hysteresis:
            self.quorum_up = True
            text = f"Gained quorum {quorum}+{hysteresis}={quorum + hysteresis} <= {weight} for VS {configured.name}"
            return [Event(Kind.QUORUM_UP, None, text)]
        return []

    def service(self) -> Service:
        """What the plane is to do now."""
        configured = self.configured
        width = 32 if self.family == 4 else 128
        prefix = configured.persistence_granularity
        return Service(configured.name, self.family, configured.protocol, self.matches, configured.scheduler,
                       tuple(self._servers()), configured.scheduler_flags, configured.method, configured.ops,
                       configured.persistence_timeout_s, width if prefix is None else prefix, configured.persistence_engine)

    def everything(self) -> Service:
        """The service with every server it may ever have, for a plane to say whether it can do it."""
        servers = [Server(each.server.address, each.server.port, each.weight, each.server.method)
                   for each in self.reals.values()]
        sorry = self.configured.sorry_server
        if sorry is not None:
            servers.append(Server(sorry.address, sorry.port, 1, sorry.method))
        return replace(self.service(), servers=tuple(servers))

    def _servers(self) -> list[Server]:
        sorry = self.configured.sorry_server
        replaced = sorry is not None and not self.quorum_up
        found = []
        for real in self.reals.values():
            server = real.server
            serving = real.alive and not replaced
            if serving or server.inhibit_on_failure:
                found.append(Server(server.address, server.port, real.weight if serving else 0, server.method, server.uthreshold,
                                    server.lthreshold))
        if sorry is not None and (replaced or sorry.inhibit):
            found = [each for each in found if (each.address, each.port) != (sorry.address, sorry.port)]
            found.append(Server(sorry.address, sorry.port, 1 if replaced else 0, sorry.method))
        return found


def _matches(configured: VirtualServer, groups: Iterable[VirtualServerGroup]) -> tuple[Match, ...]:
    if configured.fwmark is not None:
        return (Match(mark=configured.fwmark),)
    if configured.address is not None:
        return (Match(configured.address, configured.address, configured.port),)
    group = next((each for each in groups if each.name == configured.group), None)
    if group is None:
        return ()
    marks: tuple[FirewallMark, ...] = group.marks
    return (*(Match(each.first, each.last, each.port) for each in group.ranges), *(Match(mark=each.mark) for each in marks))


def _family(configured: VirtualServer, matches: tuple[Match, ...]) -> int:
    for match in matches:
        if match.first is not None:
            return match.first.version
    if configured.family:
        return configured.family
    return configured.real_servers[0].address.version if configured.real_servers else 4
