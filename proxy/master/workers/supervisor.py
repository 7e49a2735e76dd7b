"""The master of several workers: has their sockets, starts them, checks servers for them, passes on what is wanted, ends last.

    made ─bind─▶ bound ─open─▶ opened ─start─▶ starting ─every worker said HELLO─▶ serving
    serving ─soft_stop, hard_stop─▶ stopping ─last worker gone─▶ stopped
    starting ─a worker ended before its HELLO─▶ stopping, and `run` raises

    worker:  forked ─HELLO─▶ at work ─gone, not stopping─▶ gauges of its column cleared, another one forked:
             at once when it was at work for a while, else after 1 s, 2 s, 4 s ... 30 s

Workers are forked while no event loop runs: `run` leaves the loop for that, so that the stack below a worker is a short one and
no loop of ours is in use in it. The sockets stay open here as long as a worker may be started on them; clients that come to a
worker which is gone wait in its backlog for the next one.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Iterator
from typing import Any

from proxy.admin.sockets import CommandSockets
from proxy.base.clock import Clock, SystemClock
from proxy.base.descriptors import DESCRIPTORS_GONE, out_of_descriptors
from proxy.base.errors import StartError
from proxy.build import build
from proxy.build.findings import Warn
from proxy.config.model import Configuration
from proxy.engine.handover import Inherited, Offer
from proxy.engine.listening import open_listeners
from proxy.engine.neighbours import make_bells, ring
from proxy.master.assemble import Trace
from proxy.master.control import Control, Say
from proxy.master.following import Following
from proxy.master.planes import WorkersPlane
from proxy.master.state_dump import tell_paused, tell_resumed, tell_stopped
from proxy.master.workers.channel import Channel, LineBroken, values_of
from proxy.master.workers.member import HELLO, Post, serve
from proxy.master.workers.observing import SEEN, take_seen
from proxy.master.workers.orders import HARD_STOP, MEMORY, PAUSE, RESUME, SOFT_STOP, TOLD, OrderGiver
from proxy.master.workers.services import QUESTIONS, ServiceDesk
from proxy.runtime.cells import CPU_MS, DROPPED_LOGS, GAUGES
from proxy.runtime.frontend import Frontend, Listener
from proxy.runtime.process import PROCESS_ROW, row_key
from proxy.runtime.turn import Turn
from proxy.stats.info import LoadMeter

AT_WORK_MS = 1000               # a worker that ends sooner makes the next one wait
BACK_OFF_MAX_S = 30.0
LAST_PATIENCE_S = 5.0           # for a worker that was told to end at once


class Hand:
    """One worker, seen from the master."""

    __slots__ = ("channel", "desk", "is_at_work", "number", "pid", "started_ms")

    def __init__(self, number: int, pid: int, channel: Channel, desk: ServiceDesk, started_ms: int) -> None:
        self.number = number
        self.pid = pid
        self.channel = channel
        self.desk = desk
        self.started_ms = started_ms
        self.is_at_work = False


class Supervisor:
    """A configuration at work in `workers` processes.

    `make_loop` makes a worker's event loop; `trace` is told every head that passes (-d); `inherited` are the descriptors that the
    process was started with, which are everybody's. `on_ready` is called once when all of them serve.
    """

    def __init__(
        self, configuration: Configuration, workers: int, make_loop: Callable[[], asyncio.AbstractEventLoop], say: Say,
        warn: Warn, trace: Trace | None = None, inherited: frozenset[int] = frozenset(),
    ) -> None:
        self.clock: Clock = SystemClock()
        self.process = process = build(configuration, self.clock, warn, workers, has_successors=True)
        self.on_ready: Callable[[], None] | None = None
        self.loop: asyncio.AbstractEventLoop | None = None
        self._orders = OrderGiver(process, self._send_all)
        self._plane = WorkersPlane(process, self._orders, say, lambda: list(self._hands), self._close_sockets_of)
        self.control = Control(
            configuration, process, self.clock, say, self._orders.server_changed, self._plane)
        self._make_loop = make_loop
        self._say = say
        self._trace = trace
        self._inherited = inherited
        self._following = Following(process, self.clock, self.control.events)
        self.commands: CommandSockets | None = None         # closed when no new client is taken any more
        self.also_listening: list[tuple[Listener, socket.socket]] = []      # what a successor is given besides
        self._offer: Offer | None = None
        self._numbers = range(1, workers + 1)
        self._sockets: list[tuple[Listener, list[socket.socket]]] = []
        self._bells: tuple[int, ...] = ()
        self._hands: dict[int, Hand] = {}
        self._due: list[int] = []                   # to be started as soon as the loop is left
        self._back_off_s: dict[int, float] = {}
        self._timers: set[asyncio.TimerHandle] = set()
        self._failure: StartError | None = None
        self._is_ready = False
        self._is_stopped = False

    # what Life and Signals want of it

    def bind(self, inherited: Inherited | None = None) -> None:
        """Open every listening socket, or take it over; one for each worker where the kernel can spread clients over them.

        Raises: StartError, with none of them left open.
        """
        self._sockets = open_listeners(self.process.enabled_listeners(), len(self._numbers), inherited or Inherited())
        if inherited is not None:
            self._following = Following(self.process, self.clock, self.control.events, inherited.take_predecessors())
            self._following.restore()

    def unbind(self) -> None:
        """Let go of the listening sockets; workers have their own descriptors of them."""
        for _, sockets in self._sockets:
            for sock in sockets:
                sock.close()
        self._sockets.clear()

    def open(self) -> None:
        """Open log targets, make services and bells. Called in the process that will be the master.

        Raises: StartError.
        """
        process = self.process
        process.pid = os.getpid()
        self.control.open(lambda: LoadMeter(self.dropped_logs, self._used_cpu_s, len(self._numbers)))
        try:
            self._bells = tuple(make_bells(len(self._numbers)))
        except OSError as error:
            if error.errno in DESCRIPTORS_GONE:
                raise out_of_descriptors() from None
            raise StartError("workers", f"cannot make what workers need: {error.strerror}", "see the system's log") from None

    def start(self) -> None:
        """Fork the workers."""
        for number in self._numbers:
            self._fork(number)

    def run(self, loop: asyncio.AbstractEventLoop) -> None:
        """Be the master until the last worker is gone.

        Raises: StartError when a worker ended before it served.
        """
        self.loop = loop
        loop.add_signal_handler(signal.SIGCHLD, self._reap)
        for hand in self._hands.values():
            self._listen_to(hand)
        self.control.start(loop)
        self._following.start(loop)
        self._offer = Offer(self._listening, self.process)
        self._offer.start(loop)
        self._reap()
        while not self._is_stopped:
            loop.run_forever()
            due, self._due = self._due, []
            for number in due:
                if not self.process.closing:
                    self._fork(number)
                    self._listen_to(self._hands[number])
        loop.remove_signal_handler(signal.SIGCHLD)
        if self._failure is not None:
            raise self._failure

    def _listening(self) -> Iterator[tuple[Listener, socket.socket]]:
        for listener, sockets in self._sockets:
            for sock in sockets:
                yield listener, sock
        yield from self.also_listening

    def hand_over(self, connected: socket.socket) -> None:
        """Give listening sockets to a successor that has asked for them over a stats socket."""
        if self._offer is not None:
            self._offer.hand_over(connected)

    def soft_stop(self) -> None:
        """Have every worker stop listening and let its streams end; `hard-stop-after` limits how long that may take."""
        if self.process.closing:
            return
        tell_stopped(self.process, self._say)
        if self.process.hard_stop_after_ms is not None:
            self._later(self.process.hard_stop_after_ms / 1000, self._too_long)
        self._begin_stop(SOFT_STOP)

    def hard_stop(self) -> None:
        """Have every worker end now."""
        self._begin_stop(HARD_STOP)
        self._later(LAST_PATIENCE_S, self._kill_all)

    def pause(self) -> None:
        """Have every worker stop listening for a while."""
        self._orders.give(PAUSE)
        for listener, _ in self._sockets:
            listener.paused = True
        tell_paused(self.process, self._say)

    def resume(self) -> None:
        """Have every worker listen again."""
        self._orders.give(RESUME)
        for listener, _ in self._sockets:
            listener.paused = False
        tell_resumed(self.process, self._say)

    def dump_memory(self) -> None:
        """Have every worker tell how much memory it uses."""
        self._orders.give(MEMORY)

    def callback_failed(self, loop: asyncio.AbstractEventLoop, facts: dict[str, Any]) -> None:
        """The exception handler of the master's loop."""
        error = facts.get("exception")
        self._broken(error if isinstance(error, BaseException) else RuntimeError(str(facts.get("message", ""))))

    def close(self) -> None:
        """End what is left, and leave nothing open."""
        self._kill_all()
        for hand in list(self._hands.values()):
            with contextlib.suppress(ChildProcessError):
                os.waitpid(hand.pid, 0)
            self._forget(hand)
        for timer in self._timers:
            timer.cancel()
        self.unbind()
        self._take_no_commands()
        if self._offer is not None:
            self._offer.end()
            self._offer = None
        self._following.close()
        self.control.close()
        self.process.board.close()
        for bell in self._bells:
            os.close(bell)
        self._bells = ()
        for turn in self._turns():
            turn.close()

    def _turns(self) -> list[Turn]:
        process = self.process
        return [process.requests, process.traces, *(backend.turn for backend in process.backends)]

    def dropped_logs(self) -> int:
        """Log lines that no target took, of all processes; the workers' as of a second ago."""
        board = self.process.board
        return self.control.outlets.dropped + sum(board.row(PROCESS_ROW, number)[DROPPED_LOGS] for number in self._numbers)

    def _used_cpu_s(self) -> float:
        board = self.process.board
        return sum(board.row(PROCESS_ROW, number)[CPU_MS] for number in self._numbers) / 1000

    # workers that come and go

    def _fork(self, number: int) -> None:
        ours, theirs = socket.socketpair()
        post = Post(
            number, list(self._sockets_of(number)), theirs, self._bells,
            self._shared_descriptors())
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            serve(post, self.process, self.clock, self.control.outlets, self._make_loop, self._say, self._trace)
        theirs.close()
        channel = Channel(ours)
        desk = ServiceDesk(self.process, channel, self._broken)
        self._hands[number] = Hand(number, pid, channel, desk, self.clock.monotonic_ms())

    def _sockets_of(self, number: int) -> Iterator[tuple[Listener, socket.socket]]:
        """What a worker listens on: its share of each listener's sockets, or the one that all share."""
        for listener, sockets in self._sockets:
            if len(sockets) < len(self._numbers):
                yield listener, sockets[0]
            else:
                for sock in sockets[number - 1 :: len(self._numbers)]:
                    yield listener, sock

    def _shared_descriptors(self) -> frozenset[int]:
        return self._inherited | self.control.outlets.filenos() | {turn.fileno() for turn in self._turns()}

    def _listen_to(self, hand: Hand) -> None:
        loop = self.loop
        assert loop is not None
        loop.add_reader(hand.channel.fileno(), self._heard, hand)
        hand.channel.on_pending = lambda: loop.add_writer(hand.channel.fileno(), self._writable, hand)

    def _writable(self, hand: Hand) -> None:
        hand.channel.flush()
        if not hand.channel.has_pending:
            assert self.loop is not None
            self.loop.remove_writer(hand.channel.fileno())

    def _heard(self, hand: Hand) -> None:
        """A worker has something to say."""
        try:
            for kind, payload in hand.channel.receive():
                if kind in QUESTIONS:
                    hand.desk.take(kind, payload)
                elif kind == SEEN:
                    if self.control.checks is not None:
                        take_seen(self.process, self.control.checks, payload)
                elif kind == HELLO:
                    self._came(hand)
                elif kind == TOLD:
                    number, text = values_of(payload, int, str)
                    self._plane.told(hand.number, number, text)
                else:
                    raise LineBroken
            if hand.channel.is_broken:
                raise LineBroken
        except LineBroken:
            self._cut(hand)

    def _cut(self, hand: Hand) -> None:
        """A worker without a line is none: it is gone, or nothing good is to be expected of it."""
        self._stop_listening_to(hand)
        os.kill(hand.pid, signal.SIGKILL)           # until it is waited for, the pid is its own

    def _stop_listening_to(self, hand: Hand) -> None:
        if self.loop is not None:
            self.loop.remove_reader(hand.channel.fileno())
            self.loop.remove_writer(hand.channel.fileno())

    def _came(self, hand: Hand) -> None:
        hand.is_at_work = True
        at_work = sum(each.is_at_work for each in self._hands.values())
        if not self._is_ready and at_work == len(self._numbers):
            self._is_ready = True
            if self.on_ready is not None:
                self.on_ready()

    def _reap(self) -> None:
        """Children have ended: ours among them."""
        for hand in list(self._hands.values()):
            try:
                pid, status = os.waitpid(hand.pid, os.WNOHANG)
            except ChildProcessError:
                pid, status = hand.pid, 0
            if pid:
                self._gone(hand, os.waitstatus_to_exitcode(status))

    def _close_sockets_of(self, frontend: Frontend) -> None:
        """It is stopped: neither we nor new workers listen for it."""
        kept = []
        for listener, sockets in self._sockets:
            if listener.frontend is frontend:
                for sock in sockets:
                    sock.close()
            else:
                kept.append((listener, sockets))
        self._sockets = kept

    def _gone(self, hand: Hand, exit_code: int) -> None:
        self._plane.gone(hand.number)
        self._stop_listening_to(hand)
        self._forget(hand)
        self._clear_gauges(hand.number)
        for bell in self._bells:                    # what it held is free
            ring(bell)
        if self.process.closing:
            self._check_stopped()
            return
        how = f"was killed by {signal.Signals(-exit_code).name}" if exit_code < 0 else f"ended with status {exit_code}"
        if not self._is_ready:
            self._failure = StartError("workers", f"worker {hand.number} {how} before it served.", "see the lines above")
            self._begin_stop(HARD_STOP)
            return
        delay_s = self._delay_s(hand)
        when = f" in {delay_s:.0f} s" if delay_s else ""
        text = f"Worker {hand.number} (pid {hand.pid}) {how}; another one takes its place{when}."
        self._say("ALERT", text)
        if self.process.log is not None:
            self.process.log.event("alert", text)
        if delay_s:
            self._later(delay_s, self._start_again, hand.number)
        else:
            self._start_again(hand.number)

    def _delay_s(self, hand: Hand) -> float:
        if hand.is_at_work and self.clock.monotonic_ms() - hand.started_ms >= AT_WORK_MS:
            self._back_off_s[hand.number] = 0.0
            return 0.0
        delay_s = self._back_off_s.get(hand.number, 0.0)
        self._back_off_s[hand.number] = min(BACK_OFF_MAX_S, delay_s * 2 or 1.0)
        return delay_s

    def _start_again(self, number: int) -> None:
        assert self.loop is not None
        self._due.append(number)
        self.loop.stop()

    def _forget(self, hand: Hand) -> None:
        hand.channel.close()
        del self._hands[hand.number]

    def _clear_gauges(self, number: int) -> None:
        """What a worker held is nobody's any more; what it counted stays."""
        board = self.process.board
        for key in map(row_key, self.process.counted()):
            row = board.row(key, number)
            for cell in GAUGES:
                row[cell] = 0

    # the end

    def _take_no_commands(self) -> None:
        if self._offer is not None:
            self._following.hand_on(self._offer)
        self.also_listening.clear()
        if self.commands is not None:
            self.commands.close()

    def _begin_stop(self, order: bytes) -> None:
        self._take_no_commands()
        self.process.closing = True
        self._orders.give(order)
        self.unbind()
        self._check_stopped()

    def _check_stopped(self) -> None:
        if self._hands or self._is_stopped:
            return
        self._is_stopped = True
        self.control.stop()
        if self.loop is not None:
            self.loop.stop()

    def _too_long(self) -> None:
        self._say("WARNING", "soft-stop running for too long, performing a hard-stop.")
        self.hard_stop()

    def _kill_all(self) -> None:
        for hand in self._hands.values():
            os.kill(hand.pid, signal.SIGKILL)

    def _later(self, delay_s: float, callback: Callable[..., None], *arguments: Any) -> None:
        assert self.loop is not None
        self._timers.add(self.loop.call_later(delay_s, callback, *arguments))

    # talking

    def _send_all(self, kind: bytes, payload: bytes) -> None:
        for hand in self._hands.values():
            hand.channel.send(kind, payload)
            if hand.channel.is_broken:
                os.kill(hand.pid, signal.SIGKILL)

    def _broken(self, error: BaseException) -> None:
        """A fault of ours: told with its place, and survived."""
        place = traceback.extract_tb(error.__traceback__)[-1] if error.__traceback__ else None
        at = f" at {place.filename}:{place.lineno}" if place else ""
        if self._trace is not None:
            traceback.print_exception(error, file=sys.stderr)
        self._say("ALERT", f"internal error: {type(error).__name__}: {error}{at}; please report it, with what -d adds.")
