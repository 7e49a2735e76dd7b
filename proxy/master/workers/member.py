"""A worker, from the fork to its end.

    forked ──what was the master's alone is let go──▶ joined ──its loop runs: HELLO──▶ serving
    serving ──SOFT_STOP, or the master is gone──▶ stopping ──last session over──▶ gone        HARD_STOP ends it at once

It takes no signals: those that mean something are the master's, who passes them on as orders. A terminal's Ctrl-C, or a service
manager that ends the whole group, reaches every process of it and must not do everything twice.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, NoReturn

from proxy.base.clock import Clock
from proxy.core.stream.ports import Watched
from proxy.engine.events import Announcer
from proxy.engine.log_outlets import Outlets
from proxy.engine.neighbours import Neighbours
from proxy.engine.readiness import MAY_READ, MAY_WRITE, READ, WRITE
from proxy.master.assemble import Trace, make_worker
from proxy.master.memory_dump import tell_memory
from proxy.master.signals import HANDLED
from proxy.master.workers.channel import Channel, LineBroken
from proxy.master.workers.observing import Observer
from proxy.master.workers.orders import ORDERS, OrderFollower
from proxy.master.workers.services import ANSWERS, RemoteOffice
from proxy.runtime.cells import CPU_MS, DROPPED_LOGS
from proxy.runtime.frontend import Listener
from proxy.runtime.process import Process

HELLO = b"H"
REPORT_S = 1.0
Say = Callable[[str, str], None]


class Post(NamedTuple):
    """What a worker is given when it is forked."""

    number: int
    sockets: list[tuple[Listener, socket.socket]]
    line: socket.socket
    bells: tuple[int, ...]
    shared: frozenset[int]              # other descriptors it needs: logs, turns


def serve(
    post: Post, process: Process, clock: Clock, outlets: Outlets, make_loop: Callable[[], Any], say: Say, trace: Trace | None
) -> NoReturn:
    """In the child: be a worker to the end, then leave without touching anything of the master's."""
    status = 1
    try:
        _let_go(post)
        loop = make_loop()
        Member(post, process, clock, outlets, say, trace).run(loop)
        status = 0
    except Exception as error:
        say("ALERT", f"worker {post.number}: internal error: {type(error).__name__}: {error}; please report it.")
        if trace is not None:
            traceback.print_exception(error, file=sys.stderr)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    raise AssertionError("a worker has no way back")


def _let_go(post: Post) -> None:
    """Take back what the master has changed for itself, and close what it has open: checks, other workers' sockets, its loop.

    The kernel is told nothing else of it: that would be told for the master too. The objects that held the descriptors are never
    used or freed again, because the stack below us never returns.
    """
    signal.set_wakeup_fd(-1)
    numbers = [getattr(signal, name) for name in HANDLED]
    for number in numbers:
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, numbers)
    close_all_but({0, 1, 2, post.line.fileno(), *post.bells, *post.shared, *(sock.fileno() for _, sock in post.sockets)})


def close_all_but(kept: Iterable[int]) -> None:
    """Close every other descriptor."""
    first = 0
    for number in sorted(kept):
        if first < number:              # os.closerange takes an empty range at 0 for everything
            os.closerange(first, number)
        first = number + 1
    os.closerange(first, os.sysconf("SC_OPEN_MAX"))


class Member(Watched):
    """One worker's side of everything."""

    def __init__(
        self, post: Post, process: Process, clock: Clock, outlets: Outlets, say: Say, trace: Trace | None
    ) -> None:
        Watched.__init__(self)
        self._process = process
        self._outlets = outlets
        process.take_column(post.number)
        row = process.counters
        self._cpu_before_ms, self._dropped_before = row[CPU_MS], row[DROPPED_LOGS] - outlets.dropped
        self._cpu_start_s = time.process_time()
        self.worker = worker = make_worker(process, clock, trace)
        worker.say, worker.verbose = say, trace is not None
        worker.adopt(post.sockets)
        worker.on_stopped = self._stopped
        worker.neighbours = Neighbours(worker, post.number, post.bells)
        self._channel = channel = Channel(post.line)
        channel.on_pending = self._pending
        self._office = RemoteOffice(channel)
        self._office.stand_in(process)
        self._observer = Observer(worker, channel.send_values)
        events = Announcer(worker.server_changed)
        self._follower = OrderFollower(
            worker, events, post.number, self._stop, lambda: tell_memory(worker, say), channel.send_values)
        self._follower.follow = self.follow
        self._alone = False

    def run(self, loop: asyncio.AbstractEventLoop) -> None:
        """Serve until it is over."""
        worker = self.worker
        loop.set_exception_handler(self._callback_failed)
        worker.start(loop)
        worker.orders = self._follower
        worker.readiness.watch(self._channel.fileno(), self, READ)
        assert worker.neighbours is not None
        worker.neighbours.start()
        loop.call_soon(self._hello)
        loop.run_forever()
        self._report_once()
        self._channel.flush()

    def _hello(self) -> None:
        self._channel.send(HELLO)
        self._report()

    def _stopped(self) -> None:
        self.worker.loop.stop()

    def _stop(self, at_once: bool) -> None:
        if at_once:
            self.worker.hard_stop()
        else:
            self.worker.soft_stop()

    def _callback_failed(self, loop: asyncio.AbstractEventLoop, facts: dict[str, Any]) -> None:
        error = facts.get("exception")
        self.worker.broken(None, error if isinstance(error, BaseException) else RuntimeError(str(facts.get("message", ""))))

    def _report(self) -> None:
        """Tell the board what only this process knows of itself."""
        self._report_once()
        self.worker.loop.call_later(REPORT_S, self._report)

    def _report_once(self) -> None:
        row = self._process.counters
        row[CPU_MS] = self._cpu_before_ms + int((time.process_time() - self._cpu_start_s) * 1000)
        row[DROPPED_LOGS] = self._dropped_before + self._outlets.dropped

    # the line to the master

    def ready(self, events: int) -> None:
        """The line can be read or written."""
        if events & MAY_WRITE:
            self._channel.flush()
            if not self._channel.has_pending:
                self.worker.readiness.watch(self._channel.fileno(), self, READ)
        if events & MAY_READ:
            self.follow()

    def _pending(self) -> None:
        if not self._alone:
            self.worker.readiness.watch(self._channel.fileno(), self, READ | WRITE)

    def follow(self) -> None:
        """Read what the master has to say, and do it."""
        if self._alone:
            return
        try:
            for kind, payload in self._channel.receive():
                if kind in ORDERS:
                    self.worker.guarded(None, self._follower.take, kind, payload)
                elif kind in ANSWERS:
                    self.worker.guarded(None, self._office.take, kind, payload)
            if self._channel.is_broken:
                raise LineBroken
        except LineBroken:
            self._master_gone()

    def _master_gone(self) -> None:
        """Nobody checks servers any more, nobody would start another worker: finish what is at work, and leave."""
        self._alone = True
        worker = self.worker
        worker.orders = None
        worker.readiness.watch(self._channel.fileno(), self, 0)
        self._office.lost()
        limit_ms = self._process.hard_stop_after_ms
        if limit_ms is not None:
            worker.loop.call_later(limit_ms / 1000, worker.hard_stop)
        if not self._process.closing:
            worker.soft_stop()

