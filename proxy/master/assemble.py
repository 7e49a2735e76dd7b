"""Everything that runs for one configuration, put together: for the command line and for embedding alike."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Callable
from typing import Any

from proxy.base.clock import Clock, SystemClock
from proxy.base.errors import StartError
from proxy.build import build
from proxy.build.findings import Warn
from proxy.config.model import Configuration, ProxySection
from proxy.engine.events import Announcer
from proxy.engine.log_outlets import Outlets
from proxy.engine.logsink import LogSink, compile_unique_ids
from proxy.engine.tracing import TracingWorker
from proxy.engine.worker import Worker
from proxy.health.checks import Checks
from proxy.health.resolution import Resolution
from proxy.master.state_dump import tell_stopped
from proxy.runtime import transitions
from proxy.runtime.log_plan import LogPlan
from proxy.runtime.process import Process
from proxy.runtime.server import Server
from proxy.runtime.service import Service
from proxy.stats.actions import RuntimeActions
from proxy.stats.info import LoadMeter
from proxy.stats.prometheus import PrometheusService
from proxy.stats.service import StatsService

Say = Callable[[str, str], None]
Trace = Callable[[str], None]


class Instance:
    """A configuration at work on one event loop.

    Life: bind, open, start, then soft_stop or hard_stop; `on_stopped` is called once when the last session has ended. `close`
    ends it at any point and leaves nothing open. `say(severity, text)` gets the lines that HAProxy writes to stderr.
    """

    def __init__(
        self, configuration: Configuration, process: Process, clock: Clock, say: Say, trace: Trace | None = None
    ) -> None:
        self.configuration = configuration
        self.process = process
        self.clock = clock
        self.worker = Worker(process, clock) if trace is None else TracingWorker(process, clock, trace)
        self.worker.say = say
        self.events = Announcer(self.worker, say)
        self.actions = RuntimeActions(clock, self.events, self.worker.shut_sessions)
        self.on_stopped: Callable[[], None] | None = None
        self.is_stopped = False
        self.checks: Checks | None = None
        self.resolution: Resolution | None = None
        self._outlets = Outlets()
        self._sinks: dict[LogPlan, LogSink] = {}
        self._deadline: asyncio.TimerHandle | None = None
        self._say = say

    def bind(self) -> None:
        """Open every listening socket.

        Raises: StartError, with none of them left open.
        """
        self.worker.bind()

    def open(self) -> None:
        """Open what is needed besides: log targets, services. Called in the process that will serve.

        Raises: StartError.
        """
        self.process.pid = os.getpid()
        try:
            self._open_logs()
        except OSError as error:
            raise StartError("log", f"cannot open a log target: {error.strerror or error}", "see the 'log' lines") from None
        self._make_services()

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Accept clients and check servers on this loop."""
        settings = self.configuration.global_
        self.worker.on_stopped = self._stopped
        self.checks = Checks(
            self.process, self.events, self.clock, loop, random.random, settings.spread_checks_percent,
            settings.max_spread_checks_ms,
        )
        if self.checks.observes:
            self.worker.server_failed = self.checks.server_failed
            self.worker.server_answered = self.checks.server_answered
            self.worker.server_connected = self.checks.server_connected
        self.events.on_change = self.checks.wake
        self.worker.start(loop)
        self.checks.start()
        self.resolution = Resolution(self.process, self.events, self.clock, loop)
        self.resolution.start()

    def soft_stop(self) -> None:
        """Stop listening and let every stream end; `hard-stop-after` limits how long that may take."""
        if self.process.closing or self.is_stopped:
            return
        tell_stopped(self.process, self._say)
        limit_ms = self.process.hard_stop_after_ms
        if limit_ms is not None:
            self._deadline = self.worker.loop.call_later(limit_ms / 1000, self._too_long)
        self.worker.soft_stop()

    def hard_stop(self) -> None:
        """End every session now."""
        if not self.is_stopped:
            self.worker.hard_stop()

    def close(self) -> None:
        """Leave nothing open, whatever was reached."""
        if not self.is_stopped and self.worker.loop is not None:
            self.worker.hard_stop()
        self.worker.unbind()
        self._stop_control()
        self._outlets.close()

    def set_weight(self, server: Server, weight: int | str) -> None:
        """Give a server another weight.

        Raises: ValueError, with HAProxy's text.
        """
        transitions.set_weight(server, weight, self.clock.monotonic_ms(), self.events)

    def callback_failed(self, loop: asyncio.AbstractEventLoop, facts: dict[str, Any]) -> None:
        """The exception handler of a loop of our own: count and tell it as every broken invariant, without a traceback."""
        error = facts.get("exception")
        if isinstance(error, BaseException):
            self.worker.broken(None, error)
        else:
            self._say("ALERT", f"internal error: {facts.get('message', '')}; please report it, with what -d adds.")

    def wake_checks(self, server: Server) -> None:
        """Check a server now."""
        if self.checks is not None:
            self.checks.wake(server)

    def _stopped(self) -> None:
        self.is_stopped = True
        self._stop_control()
        if self.on_stopped is not None:
            self.on_stopped()

    def _stop_control(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if self.checks is not None:
            self.checks.stop()
            self.checks = None
        if self.resolution is not None:
            self.resolution.stop()
            self.resolution = None

    def _too_long(self) -> None:
        self._deadline = None
        self._say("WARNING", "soft-stop running for too long, performing a hard-stop.")
        self.worker.hard_stop()

    # logs and services

    def _open_logs(self) -> None:
        process = self.process
        process.log = self._sink(process.log)
        compile_unique_ids(process.frontends, process.pid)
        for frontend in process.frontends:
            frontend.log = self._sink(frontend.log)
        for backend in process.backends:
            backend.log = self._sink(backend.log)

    def _sink(self, plan: LogPlan | None) -> LogSink | None:
        if plan is None:
            return None
        if plan not in self._sinks:
            self._sinks[plan] = LogSink(plan, self.clock, self.process.pid, self._outlets)
        return self._sinks[plan]

    @property
    def dropped_logs(self) -> int:
        """Log lines that no target took."""
        return self._outlets.dropped

    def _make_services(self) -> None:
        meter = LoadMeter(lambda: self.dropped_logs)
        for section in self.configuration.proxies:
            services = self._services(section, meter)
            side: Any = self.process.frontend(section.name) if section.is_frontend else self.process.backend(section.name)
            if side is not None:
                side.services = services

    def _services(self, section: ProxySection, meter: LoadMeter) -> tuple[Service, ...]:
        """`http-request` rules come before the statistics, as in HAProxy."""
        services: list[Service] = [
            PrometheusService(self.process, self.clock, rule.path, meter)
            for rule in section.use_services if rule.service == "prometheus-exporter"
        ]
        if section.stats is not None and section.stats.enabled:
            services.append(StatsService(self.process, section.stats, self.clock, self.actions, section.name, meter))
        return tuple(services)


def _keep_quiet(severity: str, text: str) -> None:
    """Nobody listens."""


def assemble(
    configuration: Configuration, clock: Clock | None = None, say: Say = _keep_quiet, warn: Warn | None = None,
    trace: Trace | None = None,
) -> Instance:
    """Make the instance of a configuration; nothing is open yet.

    `warn` is told what is left out from the start, None: `say` is. `trace` is told every head that passes, which is slow.

    Raises: StartError where the machine lacks what the configuration names.
    """
    clock = clock or SystemClock()
    process = build(configuration, clock, warn or (lambda text, hint: say("WARNING", text)))
    return Instance(configuration, process, clock, say, trace)
