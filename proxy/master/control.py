"""The control plane of one configuration: its logs, its services, its checks, and what an administrator may do.

In one process it stands beside the worker, on the same loop; with workers it is the master's.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Callable
from typing import Any

from proxy.admin.commands import Commands
from proxy.admin.plane import Plane
from proxy.admin.runtime import RuntimeSpeaker
from proxy.base.clock import Clock
from proxy.base.errors import StartError
from proxy.config.environment import startup_environment
from proxy.config.model import Configuration, ProxySection
from proxy.engine.events import Announcer, Change
from proxy.engine.log_outlets import Outlets
from proxy.engine.logsink import LogSink, compile_unique_ids
from proxy.health.checks import Checks
from proxy.health.names import Names
from proxy.health.resolution import Resolution
from proxy.runtime import transitions
from proxy.runtime.log_plan import LogPlan
from proxy.runtime.process import Process
from proxy.runtime.server import Server
from proxy.runtime.service import Service
from proxy.stats.actions import RuntimeActions
from proxy.stats.info import LoadMeter

Say = Callable[[str, str], None]


class Control:
    """Life: open, start, stop or close.

    `change` and `plane` have the data plane act; `say(severity, text)` gets the lines that HAProxy writes to stderr.
    """

    def __init__(
        self, configuration: Configuration, process: Process, clock: Clock, say: Say, change: Change, plane: Plane,
    ) -> None:
        self.configuration = configuration
        self.process = process
        self.clock = clock
        self.events = Announcer(change, say)
        self.actions = RuntimeActions(clock, self.events, plane.shut_sessions)
        self._plane = plane
        self._environment = startup_environment(os.environ, configuration.files, configuration.global_.localpeer or process.node)
        self.checks: Checks | None = None
        self.resolution: Resolution | None = None
        self.names: Names | None = None
        self.outlets = Outlets()
        self._meter: LoadMeter | None = None
        self._sinks: dict[LogPlan, LogSink] = {}
        self._commands: Commands | None = None

    def open(self, make_meter: Callable[[], LoadMeter]) -> None:
        """Open log targets, make services. Called in the process whose pid is shown.

        Raises: StartError.
        """
        try:
            self._open_logs()
        except OSError as error:
            raise StartError("log", f"cannot open a log target: {error.strerror or error}", "see the 'log' lines") from None
        self._meter = make_meter()
        self._make_services(self._meter)

    def start(self, loop: asyncio.AbstractEventLoop) -> Checks:
        """Begin to check and to look up names on this loop."""
        settings = self.configuration.global_
        self.checks = checks = Checks(
            self.process, self.events, self.clock, loop, random.random, settings.spread_checks_percent,
            settings.max_spread_checks_ms,
        )
        self.events.on_change = checks.wake
        checks.start()
        self.resolution = Resolution(self.process, self.events, self.clock, loop)
        self.resolution.start()
        self.names = Names(self.process, self.events, self.clock, loop)
        self.names.start()
        return checks

    def stop(self) -> None:
        """Check no more."""
        if self.checks is not None:
            self.checks.stop()
            self.checks = None
        if self.resolution is not None:
            self.resolution.stop()
            self.resolution = None
        if self.names is not None:
            self.names.stop()
            self.names = None

    def close(self) -> None:
        """Leave nothing open."""
        self.stop()
        self.outlets.close()

    def speaker(self) -> RuntimeSpeaker:
        """Who answers the commands of a connection."""
        if self._commands is None:
            from proxy.master.commands import commands_of

            self._commands = commands_of(
                self.configuration, self.process, self.clock, self.actions, self._plane, self.set_weight,
                self._meter or LoadMeter(), self._environment,
            )
        return RuntimeSpeaker(self._commands)

    def set_weight(self, server: Server, weight: int | str) -> None:
        """Give a server another weight.

        Raises: ValueError, with HAProxy's text.
        """
        transitions.set_weight(server, weight, self.clock.monotonic_ms(), self.events)

    def wake_checks(self, server: Server) -> None:
        """Check a server now."""
        if self.checks is not None:
            self.checks.wake(server)

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
            self._sinks[plan] = LogSink(plan, self.clock, self.process.pid, self.outlets)
        return self._sinks[plan]

    def _make_services(self, meter: LoadMeter) -> None:
        for section in self.configuration.proxies:
            services = self._services(section, meter)
            side: Any = self.process.frontend(section.name) if section.is_frontend else self.process.backend(section.name)
            if side is not None:
                side.services = services

    def _services(self, section: ProxySection, meter: LoadMeter) -> tuple[Service, ...]:
        """`http-request` rules come before the statistics, as in HAProxy. What answers is loaded where it is asked for only."""
        services: list[Service] = []
        paths = [rule.path for rule in section.use_services if rule.service == "prometheus-exporter"]
        if paths:
            from proxy.stats.prometheus import PrometheusService

            services += [PrometheusService(self.process, self.clock, path, meter) for path in paths]
        if section.stats is not None and section.stats.enabled:
            from proxy.stats.service import StatsService

            services.append(StatsService(self.process, section.stats, self.clock, self.actions, section.name, meter))
        return tuple(services)
