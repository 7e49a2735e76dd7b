"""The director: pools, their checkers and the plane that carries connections, on one loop.

    start ─> plane.start ─> plane.apply(all services) ─> checkers start
    a checker's verdict ─> pool ─> events ─> log, notices     │  the services anew ─> plane.apply
    reload ─> new pools adopt what the old ones knew; checkers that did not change go on; one plane.apply
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from proxy.ha.conf.model import Configuration, LvsTimeouts
from proxy.ha.conf.services import Check, FileCheck, HttpCheck, RealServer
from proxy.ha.log import Log
from proxy.ha.loop import Loop
from proxy.ha.speaker.spawn import Programs
from proxy.ha.virtual.checker import Checker, FileChecker, ProbingChecker
from proxy.ha.virtual.notices import Notices
from proxy.ha.virtual.plan import Service, Timeouts
from proxy.ha.virtual.planes.plane import Plane, PlaneError
from proxy.ha.virtual.pool import Event, Kind, Pool
from proxy.ha.virtual.rates import SAMPLE_S, Estimator

Key = tuple[str, str, int]
"""A checker: the virtual server's name, the real server's key, the number of its check."""


class Director:
    """Serves a configuration's virtual servers until `stop`."""

    def __init__(self, loop: Loop, log: Log, configuration: Configuration, plane: Plane) -> None:
        self._loop, self.log, self.configuration, self.plane = loop, log, configuration, plane
        self.programs = Programs(loop, log, configuration.global_)
        self.notices = Notices(loop, log, self.programs, configuration.global_)
        self.pools: dict[str, Pool] = {}
        self.checkers: dict[Key, Checker] = {}
        self.estimators: dict[tuple[str, str], Estimator] = {}
        self.refused: dict[str, str] = {}
        self._local: frozenset[bytes] = frozenset()
        self._tick = loop.timer(self._tick_due)
        self._sample = loop.timer(self._sample_due)
        self._apply = loop.timer(self._apply_now)
        self._applied: tuple[Service, ...] | None = None

    def start(self) -> None:
        """Begin.

        Raises: PlaneError when the plane cannot begin.
        """
        global_ = self.configuration.global_
        self.plane.start(timeouts_of(global_.lvs_timeouts), global_.lvs_flush)
        self.log.say("info", f"virtual servers by {self.plane.name}")
        if global_.lvs_sync_daemon is not None:
            self.log.say("warning", "lvs_sync_daemon: connections are not synchronised with the other director; with lb_algo sh "
                                    "or mh they outlive a failover all the same (nftables)")
        self._take(self.configuration)
        for pool in self.pools.values():
            self._initial_notices(pool)
        self._sample.set(self._loop.now() + SAMPLE_S)

    def reload(self, configuration: Configuration) -> None:
        """Go on with another configuration."""
        self.configuration = configuration
        self.programs.configure(configuration.global_)
        self.notices.configure(configuration.global_)
        self._take(configuration)

    def stop(self, keep: bool) -> None:
        """End: `omega` notices first, then the kernel's rules go, unless they are to be kept."""
        for checker in self.checkers.values():
            checker.stop()
        for timer in (self._tick, self._sample, self._apply):
            timer.cancel()
        for pool in self.pools.values():
            if pool.configured.omega:
                self.notices.ending(pool)
        try:
            self.plane.stop(keep, flush=self.configuration.global_.lvs_flush_on_stop == "all")
        except PlaneError as error:
            self.log.say("err", f"virtual servers are not taken away: {error}")

    def when_told(self, then: Callable[[], None]) -> None:
        """Call back when the programs that tell of the end have ended, or have had their time."""
        self.programs.when_idle(self.configuration.global_.child_wait_time_s / 2, then)

    def addresses_changed(self, local: frozenset[bytes]) -> None:
        """These addresses are on this machine now."""
        if local == self._local:
            return
        self._local = local
        self._settle_suspension()
        self.network_changed()

    def network_changed(self) -> None:
        """Something about interfaces or routes may have changed."""
        self._try(self.plane.network_changed)

    # ── configuration ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _take(self, configuration: Configuration) -> None:
        old_pools, self.pools, self.refused = self.pools, {}, {}
        events: list[tuple[Pool, Event]] = []
        for configured in configuration.virtual_servers:
            pool = Pool(configured, configuration.virtual_server_groups)
            why = self._unusable(pool)
            if why:
                self.refused[configured.name] = why
                self.log.say("err", f"virtual_server {configured.name} is not served: {why}")
                continue
            before = old_pools.get(configured.name)
            if before is not None:
                events += [(pool, event) for event in pool.adopt(before)]
            self.pools[configured.name] = pool
        self._settle_checkers()
        self._apply_now()
        for pool, event in events:
            self._tell(pool, event)

    def _unusable(self, pool: Pool) -> str:
        if pool.configured.name in self.pools:
            return "there is another one with this address and port"
        if not pool.matches:
            return f"there is no virtual_server_group {pool.configured.group} with addresses in it"
        return self.plane.refuses(pool.everything())

    def _settle_checkers(self) -> None:
        """Checkers of what is configured now; those that are as before go on."""
        old, self.checkers = self.checkers, {}
        started: list[Checker] = []
        for name, pool in self.pools.items():
            for real_key, real in pool.reals.items():
                for index, check in enumerate(real.server.checks):
                    key = (name, real_key, index)
                    before = old.get(key)
                    if before is not None and before.check == check:
                        self.checkers[key] = old.pop(key)
                        continue
                    made = self._checker(key, pool, real.server, check)
                    if made is not None:
                        self.checkers[key] = made
                        started.append(made)
        for checker in old.values():
            checker.stop()
        self._settle_suspension()
        for checker in started:
            checker.start()

    def _checker(self, key: Key, pool: Pool, server: RealServer, check: Check) -> Checker | None:
        name, real_key, index = key
        verdict, offset = partial(self._verdict, name, real_key, index), partial(self._offset, name, real_key, index)
        if isinstance(check, FileCheck):
            file = next((each for each in self.configuration.track_files if each.name == check.track_file), None)
            if file is None:
                self.log.say("warning", f"{check.where}: FILE_CHECK: there is no track_file {check.track_file}")
                return None
            return FileChecker(self._loop, self.log, check, file, verdict, offset)
        if isinstance(check, HttpCheck):
            from proxy.ha.virtual.probes.http import trouble

            if not check.urls:
                self.log.say("warning", f"{check.where}: HTTP_GET without a url: not checked")
                return None
            faults = trouble(check)
            if faults:
                self.log.say("warning", f"{check.where}: not checked: {'; '.join(faults)}")
                return None
        port = server.port or next((match.port for match in pool.matches if match.port), 0)
        label = f"{_KINDS[type(check).__name__]} of {pool.server_name(server)} for VS {name}"
        return ProbingChecker(self._loop, self.log, self.programs, check, server, port, self.configuration.tls, label, verdict,
                              offset)

    def _settle_suspension(self) -> None:
        """`ha_suspend`: nobody is checked while the address is elsewhere."""
        for (name, _, _), checker in self.checkers.items():
            pool = self.pools[name]
            if pool.configured.ha_suspend:
                addresses = [match.first for match in pool.matches if match.first is not None]
                checker.suspend(bool(addresses) and not any(each.packed in self._local for each in addresses))

    def _initial_notices(self, pool: Pool) -> None:
        if self.configuration.global_.rs_init_notifies:
            for real in pool.reals.values():
                kind = Kind.SERVER_UP if real.alive else Kind.SERVER_DOWN
                self.notices.tell(pool, Event(kind, real.server, f"{pool.server_name(real.server)} starts {kind.value}"))

    # ── events ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _verdict(self, name: str, real_key: str, index: int, up: bool, why: str) -> None:
        pool = self.pools.get(name)
        if pool is not None and real_key in pool.reals:
            self._after(pool, pool.verdict(real_key, index, up, why))

    def _offset(self, name: str, real_key: str, index: int, offset: int) -> None:
        pool = self.pools.get(name)
        if pool is not None and real_key in pool.reals:
            self._after(pool, pool.offset(real_key, index, offset))

    def _after(self, pool: Pool, events: Iterable[Event]) -> None:
        # The kernel first: what is told of has then happened.
        self._apply_now()
        for event in events:
            self._tell(pool, event)

    def _tell(self, pool: Pool, event: Event) -> None:
        self.log.say("info", event.text)
        sorry = pool.configured.sorry_server
        if event.server is None and sorry is not None:
            verb, preposition = ("Removing", "from") if event.kind is Kind.QUORUM_UP else ("Adding", "to")
            self.log.say("info", f"{verb} sorry server [{sorry.address}]:{pool.configured.protocol.value.lower()}:{sorry.port} "
                                 f"{preposition} VS {pool.configured.name}")
        self.notices.tell(pool, event)

    # ── the plane ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def services(self) -> tuple[Service, ...]:
        """What the plane is to do now."""
        return tuple(pool.service() for pool in self.pools.values())

    def _apply_now(self) -> None:
        wanted = self.services()
        if wanted == self._applied:
            return
        if self._try(lambda: self.plane.apply(wanted)):
            self._applied = wanted
            self._apply.cancel()
        else:
            self._apply.set(self._loop.now() + RETRY_S)
        self._tick.set(self._loop.now() + self.plane.tick_s)

    def _tick_due(self) -> None:
        now = self._loop.now()
        self._try(lambda: self.plane.tick(now))
        self._tick.set(now + self.plane.tick_s)

    def _sample_due(self) -> None:
        now = self._loop.now()
        self._sample.set(now + SAMPLE_S)
        self.sample(now, exact=False)

    def sample(self, now: float, exact: bool) -> dict[tuple[str, str], Estimator]:
        """Bring the rates up to date."""
        try:
            found = self.plane.traffic(exact)
        except PlaneError as error:
            self.log.detail(str(error))
            return self.estimators
        fresh: dict[tuple[str, str], Estimator] = {}
        for name, servers in found.items():
            for key, traffic in servers.items():
                estimator = fresh[name, key] = self.estimators.get((name, key)) or Estimator()
                estimator.sample(now, traffic)
        self.estimators = fresh
        return fresh

    def _try(self, act: Callable[[], None]) -> bool:
        try:
            act()
            return True
        except PlaneError as error:
            self.log.say("err", str(error))
            return False

    def now(self) -> float:
        """The loop's time."""
        return self._loop.now()


RETRY_S = 1.0
_KINDS = {"TcpCheck": "TCP_CHECK", "HttpCheck": "HTTP check", "SmtpCheck": "SMTP_CHECK", "DnsCheck": "DNS_CHECK",
          "UdpCheck": "UDP_CHECK", "PingCheck": "PING_CHECK", "MiscCheck": "MISC_CHECK"}


def timeouts_of(configured: LvsTimeouts) -> Timeouts:
    """`lvs_timeouts`, with IPVS's own where nothing is written."""
    usual = Timeouts()
    return Timeouts(configured.tcp_s or usual.tcp_s, configured.tcpfin_s or usual.tcpfin_s, configured.udp_s or usual.udp_s)
