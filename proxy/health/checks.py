"""All health checks of a process: one entry in a timer wheel per checked server, one callback of the loop for the wheel.

    waiting --interval over--> connecting --open--> asking --answer--> waiting

A server in maintenance keeps its beat but is not asked; a server that tracks another has no checks of its own and follows
(`runtime.transitions`). Slow starts and observation of the traffic are driven from here too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from proxy.base.clock import Clock
from proxy.core.stream.failure import Failure
from proxy.core.timers import NEVER, SLOT_MS, Entry, TimerWheel
from proxy.health import errors, scheduler
from proxy.health.observe import Seen, failure_seen, observe, status_seen
from proxy.health.outcome import check_done
from proxy.health.probe_http import FIRST_CONNECT
from proxy.health.probe_io import ProbeIO
from proxy.health.readiness import ReaderLoop, Readiness, make_readiness
from proxy.health.result import CheckResult, Verdict
from proxy.health.state_field import state_field
from proxy.runtime import transitions
from proxy.runtime.check_plan import CheckPlan, ConnectStep
from proxy.runtime.log import Events
from proxy.runtime.process import Process
from proxy.runtime.server import Server
from proxy.runtime.states import MAINT, Admin, Operational

TICK_MIN_MS = 1
TICK_CHECKS_MAX = 64        # started in one go: after a long pause all are due at once, and traffic must not wait for all of them


class CheckLoop(ReaderLoop, Protocol):
    """What checks need of an event loop."""

    def call_later(self, delay: float, callback: Any, /) -> Any: ...


class ServerCheck(Entry):
    """The checks of one server: at most one under way, started by the wheel."""

    __slots__ = (
        "_checks", "_due_ms", "_io", "_late_ms", "_skipped", "_started_ms", "_unchecked", "plan", "result", "server",
    )

    def __init__(self, checks: Checks, readiness: Readiness, server: Server, plan: CheckPlan) -> None:
        Entry.__init__(self)
        self._checks = checks
        self._io = ProbeIO(readiness, plan, self, server.backend.counters)
        if self._io.asks is not None:
            self._io.asks.state_field = self._state_field
        self._due_ms = 0                # when the check was to start
        self._late_ms = 0               # when the check under way has taken too long
        self._started_ms = 0
        self._unchecked = True
        self._skipped = False
        self.server = server
        self.plan = plan
        self.result = CheckResult()

    def schedule(self, due_ms: int, now_ms: int) -> None:
        """Have the next check start then."""
        self._due_ms = due_ms
        self._checks.arm(self, due_ms, now_ms)

    def deadline_reached(self, now_ms: int) -> None:
        """The interval is over, or the check under way took too long."""
        if not self.result.running:
            self._begin(now_ms)
        elif now_ms < self._late_ms:
            self._checks.arm(self, self._late_ms, now_ms)
        else:
            asks, connecting = self._io.asks, self._io.connecting
            self._io.close()
            late = errors.CONNECT_TIMEOUT if connecting or asks is None else asks.timed_out()
            self._finish(late, now_ms)

    def abandon(self) -> None:
        """Stop at once, telling nothing."""
        self._io.close()
        self.result.running = False

    def _begin(self, now_ms: int) -> None:
        checks, server = self._checks, self.server
        if checks.room_in_tick <= 0:
            checks.arm(self, now_ms + 1, now_ms)
            return
        checks.room_in_tick -= 1
        self._started_ms = now_ms
        self._skipped = not self._may_check()
        if self._skipped:
            self._wait(self._due_ms, now_ms)
            return
        step = FIRST_CONNECT
        asks = self._io.asks
        if asks is not None:
            step = asks.begin()
            asks.conditional = server.operational is not Operational.STOPPED
        self.result.running = True
        self.result.started_ms = now_ms
        self._connect(step, now_ms)

    def _may_check(self) -> bool:
        server = self.server
        in_maintenance = server.admin is not Admin.READY and server.admin & MAINT
        return not (in_maintenance or server.check_disabled or (server.sockaddr is None and server.check.sockaddr is None))

    def _connect(self, step: ConnectStep, now_ms: int) -> None:
        family, sockaddr = self._target(step)
        refused = self._io.open(family, sockaddr, self.server.source, step)
        if refused is not None:
            self._finish(refused, now_ms)
        else:
            self._wait_until(scheduler.connect_deadline_ms(self.plan, self._started_ms), now_ms)

    def _wait_until(self, late_ms: int, now_ms: int) -> None:
        """Let the check under way take until then. The wheel asks when the next is due: nearly always this one has ended."""
        self._late_ms = late_ms
        due_ms = self._due_ms + self.plan.inter_ms
        self._checks.arm(self, due_ms if due_ms < late_ms else late_ms, now_ms)

    def _target(self, step: ConnectStep) -> tuple[int, Any]:
        """Where to connect to: the check's own address or the server's, with the port that was asked for."""
        server = self.server
        plan: CheckPlan = server.check or self.plan         # an administrator may have changed address and port
        family, sockaddr = plan.family, plan.sockaddr
        if sockaddr is None:
            family, sockaddr = server.socket_family, server.sockaddr
        port = plan.port if step.port is None else step.port
        if port is not None and isinstance(sockaddr, tuple):
            sockaddr = (sockaddr[0], port, *sockaddr[2:])
        return family, sockaddr

    def _state_field(self) -> bytes:
        return state_field(self.server, self._checks.process.node, self._started_ms)

    def probe_connected(self) -> None:
        checks, plan = self._checks, self.plan
        if plan.timeout_ms:
            now_ms = checks.clock.monotonic_ms()
            self._wait_until(scheduler.answer_deadline_ms(plan, self._started_ms, now_ms), now_ms)

    def probe_reconnect(self, step: ConnectStep) -> None:
        self._connect(step, self._checks.clock.monotonic_ms())

    def probe_ended(self, verdict: Verdict) -> None:
        self._finish(verdict, self._checks.clock.monotonic_ms())

    def _finish(self, verdict: Verdict, now_ms: int) -> None:
        self.result.running = False
        self._unchecked = False
        took_ms = now_ms - self._started_ms
        check_done(self.server, self.result, verdict, took_ms, now_ms, self._checks.events)
        # an interval lies between the end of a check and the next; ended as soon as begun, it is counted from when it was due,
        # so that lateness does not add up and servers checked together stay together
        self._wait(self._due_ms if took_ms < SLOT_MS else now_ms, now_ms)

    def _wait(self, after_ms: int, now_ms: int) -> None:
        """Arrange for the next check, an interval after that."""
        checks = self._checks
        interval_ms = scheduler.interval_ms(self.plan, self.server, self._unchecked)
        if checks.spread_percent:
            interval_ms = scheduler.spread(interval_ms, checks.spread_percent, checks.random)
        due_ms = after_ms + interval_ms
        self.schedule(due_ms if due_ms > now_ms else now_ms + 1, now_ms)

    def make_up(self, now_ms: int) -> None:
        """Check now, if the last check was left out for a reason that is gone."""
        if self._skipped and self._may_check():
            self.hasten(now_ms, 0)

    def hasten(self, now_ms: int, delay_ms: int) -> None:
        """Bring the next check forward."""
        if not self.result.running and self.deadline_ms > now_ms + delay_ms:
            self.schedule(max(now_ms + 1, now_ms + delay_ms), now_ms)


class SlowStarts(Entry):
    """The wheel entry that raises the weights of servers that start slowly."""

    __slots__ = ("_checks", "_servers")

    def __init__(self, checks: Checks, servers: list[Server]) -> None:
        Entry.__init__(self)
        self._checks = checks
        self._servers = servers

    def arm(self, now_ms: int) -> None:
        if self._servers:
            step_ms = min(transitions.slowstart_step_ms(server) for server in self._servers)
            self._checks.arm(self, now_ms + step_ms, now_ms)

    def deadline_reached(self, now_ms: int) -> None:
        for server in self._servers:
            transitions.advance_slowstart(server, now_ms, self._checks.events)
        self.arm(now_ms)


class Checks:
    """Runs the checks of every server of a process that has a plan, until stopped.

    `random` gives numbers in [0, 1).
    Source: HAProxy configuration manual, "spread-checks", "max-spread-checks".
    """

    def __init__(
        self, process: Process, events: Events, clock: Clock, loop: CheckLoop, random: Callable[[], float],
        spread_percent: int = 0, max_spread_ms: int | None = None,
        make_readiness: Callable[[ReaderLoop], Readiness] = make_readiness,
    ) -> None:
        self.process = process
        self.events = events
        self.clock = clock
        self.loop = loop
        self.random = random
        self.spread_percent = spread_percent
        self.wheel = TimerWheel()
        self.room_in_tick = 0
        self._max_spread_ms = max_spread_ms
        self._make_readiness = make_readiness
        self._readiness: Readiness | None = None
        self._by_server: dict[Server, ServerCheck] = {}
        self._timer: Any = None
        self._timer_ms = NEVER
        self._ticking = False
        self._slow_starts = SlowStarts(self, [])

    def start(self) -> None:
        """Begin to check: the first check of each server comes within the shortest interval of all."""
        now_ms = self.clock.monotonic_ms()
        servers = [server for backend in self.process.backends for server in backend.servers]
        checked = [server for server in servers if server.check is not None and server.track is None]
        delays = scheduler.first_delays_ms([server.check for server in checked], self._max_spread_ms)
        if checked:
            self._readiness = self._make_readiness(self.loop)
        for server, delay_ms in zip(checked, delays, strict=True):
            assert self._readiness is not None
            check = ServerCheck(self, self._readiness, server, server.check)
            server.check_result = check.result
            self._by_server[server] = check
            check.schedule(now_ms + max(1, delay_ms), now_ms)
        self._slow_starts = SlowStarts(self, [server for server in servers if server.slowstart_ms])
        self._slow_starts.arm(now_ms)

    def arm(self, entry: Entry, deadline_ms: int, now_ms: int) -> None:
        """Have the entry told at its deadline."""
        self.wheel.arm(entry, deadline_ms)
        if not self._ticking and (self._timer is None or deadline_ms < self._timer_ms):
            self._set_timer(now_ms)

    def stop(self) -> None:
        """Stop checking: nothing stays open, nothing is told any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for check in self._by_server.values():
            check.abandon()
            self.wheel.forget(check)
        self._by_server.clear()
        if self._readiness is not None:
            self._readiness.close()
            self._readiness = None
        self.wheel.forget(self._slow_starts)

    @property
    def observes(self) -> bool:
        """Some server wants its traffic observed: only then need the data plane tell."""
        return any(server.observe and server.check is not None for backend in self.process.backends for server in backend.servers)

    def wake(self, server: Server) -> None:
        """Something about the server has changed: check it now, or the one it tracks, if it was not checked for a while."""
        while server.track is not None:
            server = server.track
        check = self._by_server.get(server)
        if check is not None:
            check.make_up(self.clock.monotonic_ms())

    def server_failed(self, server: Server, why: Failure) -> None:
        """The data plane failed with the server (`observe`)."""
        seen = failure_seen(why)
        if seen is not None and server.observe:
            self.seen(server, seen)

    def server_answered(self, server: Server, status: int) -> None:
        """The server answered the data plane (`observe layer7`)."""
        if server.observe == "layer7":
            self.seen(server, status_seen(status))
        else:
            self.server_connected(server)

    def server_connected(self, server: Server) -> None:
        """The data plane connected to the server (`observe layer4`)."""
        if server.observe == "layer4":
            server.consecutive_errors = 0

    def seen(self, server: Server, seen: Seen) -> None:
        """Something about the server was seen in its traffic, here or in a worker."""
        now_ms = self.clock.monotonic_ms()
        check = self._by_server.get(server)
        if observe(server, seen, now_ms, self.events) and check is not None:
            plan = check.plan
            check.hasten(now_ms, plan.inter_ms if plan.fastinter_ms is None else plan.fastinter_ms)

    def _tick(self) -> None:
        self._timer = None
        if self._readiness is not None:
            self._readiness.look()          # an answer that is there already is not late
        now_ms = self.clock.monotonic_ms()
        self.room_in_tick = TICK_CHECKS_MAX
        self._ticking = True
        try:
            self.wheel.advance(now_ms)
        finally:
            self._ticking = False
            self._set_timer(now_ms)

    def _set_timer(self, now_ms: int) -> None:
        """Have the loop call when the wheel has something to do: one timer for all checks."""
        next_ms = self.wheel.next_ms()
        if next_ms == NEVER:
            return
        if self._timer is not None:
            if self._timer_ms <= next_ms:
                return
            self._timer.cancel()
        self._timer_ms = next_ms
        self._timer = self.loop.call_later(max(TICK_MIN_MS, next_ms - now_ms) / 1000, self._tick)
