"""Everything that runs for one configuration in one process, put together: for the command line and for embedding alike."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from typing import Any

from proxy.admin.sockets import CommandSockets
from proxy.base.clock import Clock, SystemClock
from proxy.build import build
from proxy.build.findings import Warn
from proxy.config.model import Configuration
from proxy.engine.handover import Inherited, Offer
from proxy.engine.tracing import TracingWorker
from proxy.engine.worker import Worker
from proxy.health.checks import Checks
from proxy.master.control import Control, Say
from proxy.master.following import Following
from proxy.master.memory_dump import tell_memory
from proxy.master.planes import OwnPlane
from proxy.master.state_dump import tell_paused, tell_resumed, tell_stopped
from proxy.runtime.frontend import Listener
from proxy.runtime.process import Process
from proxy.runtime.server import Server
from proxy.stats.actions import RuntimeActions
from proxy.stats.info import LoadMeter

Trace = Callable[[str], None]


class Instance:
    """A configuration at work on one event loop: a worker and its control plane.

    Life: bind, open, start, then soft_stop or hard_stop; `on_stopped` is called once when the last session has ended. `close`
    ends it at any point and leaves nothing open. `say(severity, text)` gets the lines that HAProxy writes to stderr.
    """

    def __init__(
        self, configuration: Configuration, process: Process, clock: Clock, say: Say, trace: Trace | None = None
    ) -> None:
        self.configuration = configuration
        self.process = process
        self.clock = clock
        self.worker = make_worker(process, clock, trace)
        self.worker.say = say
        self.control = Control(configuration, process, clock, say, self.worker.server_changed, OwnPlane(self.worker, say))
        self.on_stopped: Callable[[], None] | None = None
        self.is_stopped = False
        self._deadline: asyncio.TimerHandle | None = None
        self._offer: Offer | None = None
        self._following = Following(process, clock, self.control.events)
        self.commands: CommandSockets | None = None         # closed when no new client is taken any more
        self.also_listening: list[tuple[Listener, socket.socket]] = []      # what a successor is given besides
        self._say = say

    @property
    def actions(self) -> RuntimeActions:
        """What an administrator may do to servers."""
        return self.control.actions

    @property
    def checks(self) -> Checks | None:
        """The health checks, while they run."""
        return self.control.checks

    @property
    def dropped_logs(self) -> int:
        """Log lines that no target took."""
        return self.control.outlets.dropped

    def bind(self, inherited: Inherited | None = None) -> None:
        """Open every listening socket, or take it over.

        Raises: StartError, with none of them left open.
        """
        self.worker.bind(inherited)
        self._follow(inherited)

    def _follow(self, inherited: Inherited | None) -> None:
        if inherited is not None:
            self._following = Following(self.process, self.clock, self.control.events, inherited.take_predecessors())
            self._following.restore()

    def unbind(self) -> None:
        """Let go of the listening sockets: another process has them."""
        self.worker.unbind()

    def open(self) -> None:
        """Open what is needed besides: log targets, services. Called in the process that will serve.

        Raises: StartError.
        """
        self.process.pid = os.getpid()
        self.control.open(lambda: LoadMeter(lambda: self.dropped_logs))

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Accept clients and check servers on this loop."""
        self.worker.on_stopped = self._stopped
        self.worker.start(loop)
        self._following.start(loop)
        checks = self.control.start(loop)
        if checks.observes:
            self.worker.server_failed = checks.server_failed
            self.worker.server_answered = checks.server_answered
            self.worker.server_connected = checks.server_connected

    def offer(self) -> None:
        """Give listening sockets to a successor that asks for them."""
        self._offer = Offer(lambda: [*self.worker.listening(), *self.also_listening], self.process)
        self._offer.start(self.worker.loop)

    def hand_over(self, connected: socket.socket) -> None:
        """Give listening sockets to a successor that has asked for them over a stats socket."""
        if self._offer is not None:
            self._offer.hand_over(connected)

    def _take_no_commands(self) -> None:
        if self._offer is not None:
            self._following.hand_on(self._offer)
        self.also_listening.clear()
        if self.commands is not None:
            self.commands.close()

    def soft_stop(self) -> None:
        """Stop listening and let every stream end; `hard-stop-after` limits how long that may take."""
        if self.process.closing or self.is_stopped:
            return
        self._take_no_commands()
        tell_stopped(self.process, self._say)
        limit_ms = self.process.hard_stop_after_ms
        if limit_ms is not None:
            self._deadline = self.worker.loop.call_later(limit_ms / 1000, self._too_long)
        self.worker.soft_stop()

    def hard_stop(self) -> None:
        """End every session now."""
        self._take_no_commands()
        if not self.is_stopped:
            self.worker.hard_stop()

    def pause(self) -> None:
        """Stop listening for a while."""
        self.worker.pause()
        tell_paused(self.process, self._say)

    def resume(self) -> None:
        """Listen again."""
        self.worker.resume()
        tell_resumed(self.process, self._say)

    def dump_memory(self) -> None:
        """Tell how much memory is used."""
        tell_memory(self.worker, self._say)

    def close(self) -> None:
        """Leave nothing open, whatever was reached."""
        if not self.is_stopped and self.worker.loop is not None:
            self.worker.hard_stop()
        self.worker.unbind()
        self._take_no_commands()
        if self._offer is not None:
            self._offer.end()
            self._offer = None
        self._stop_control()
        self.control.close()
        self.process.board.close()

    def set_weight(self, server: Server, weight: int | str) -> None:
        """Give a server another weight.

        Raises: ValueError, with HAProxy's text.
        """
        self.control.set_weight(server, weight)

    def callback_failed(self, loop: asyncio.AbstractEventLoop, facts: dict[str, Any]) -> None:
        """The exception handler of a loop of our own: count and tell it as every broken invariant, without a traceback."""
        error = facts.get("exception")
        if isinstance(error, BaseException):
            self.worker.broken(None, error)
        else:
            self._say("ALERT", f"internal error: {facts.get('message', '')}; please report it, with what -d adds.")

    def wake_checks(self, server: Server) -> None:
        """Check a server now."""
        self.control.wake_checks(server)

    def _stopped(self) -> None:
        self.is_stopped = True
        self._stop_control()
        if self.on_stopped is not None:
            self.on_stopped()

    def _stop_control(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        self._following.close()
        self.control.stop()

    def _too_long(self) -> None:
        self._deadline = None
        self._say("WARNING", "soft-stop running for too long, performing a hard-stop.")
        self.worker.hard_stop()


def make_worker(process: Process, clock: Clock, trace: Trace | None) -> Worker:
    """A worker, which with `trace` tells every head that passes."""
    return Worker(process, clock) if trace is None else TracingWorker(process, clock, trace)


def _keep_quiet(severity: str, text: str) -> None:
    """Nobody listens."""


def assemble(
    configuration: Configuration, clock: Clock | None = None, say: Say = _keep_quiet, warn: Warn | None = None,
    trace: Trace | None = None, has_successors: bool = False,
) -> Instance:
    """Make the instance of a configuration; nothing is open yet.

    `warn` is told what is left out from the start, None: `say` is. `trace` is told every head that passes, which is slow. With
    `has_successors` its counters can be given to the process that takes over.

    Raises: StartError where the machine lacks what the configuration names.
    """
    clock = clock or SystemClock()
    process = build(configuration, clock, warn or (lambda text, hint: say("WARNING", text)), has_successors=has_successors)
    return Instance(configuration, process, clock, say, trace)
