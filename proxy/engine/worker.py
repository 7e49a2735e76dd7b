"""A worker: one event loop, its clock, its listeners and its sessions. The streams' host.

Life:  made --bind or adopt--> bound --start--> serving --soft_stop--> stopping --last session over--> stopped

One of several workers has neighbours, whom it calls when something is free that one of them waits for (`neighbours.py`), and
orders to follow: whether there are new ones is looked at in each turn, after it is known which sockets are ready and before any
of them is acted on. A client that has been told of a change is served by the new state, whichever worker it comes to.
"""

from __future__ import annotations

import asyncio
import socket
import sys
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Protocol

from proxy.base.clock import Clock
from proxy.core import queue
from proxy.core.pool import IdlePool
from proxy.core.stream import failure, opening
from proxy.core.stream.ports import LARGEST_READ_OCTETS, Connector, Host, Watched
from proxy.core.stream.session import Session
from proxy.core.stream.stream import Stream
from proxy.engine import calls, watchdog
from proxy.engine.acceptor import Acceptor
from proxy.engine.connecting import Attempt, begin_attempt
from proxy.engine.handover import Inherited
from proxy.engine.link import SocketLink, new_link
from proxy.engine.listening import open_listeners
from proxy.engine.neighbours import Neighbours
from proxy.engine.piping import Pipe
from proxy.engine.readiness import Readiness
from proxy.engine.starving import LOOK_MS, Starving
from proxy.engine.watchdog import LONGEST_TURN_MS, Witness
from proxy.runtime.cells import BLOCKED, CONN_CUR, CONN_TOT, EINT, RESTING
from proxy.runtime.frontend import Frontend, Listener
from proxy.runtime.process import Process
from proxy.runtime.server import Server

FAULTS_TOLD = 100               # places of broken invariants that are told, each once
Ends = tuple[str, int]


class Orders(Protocol):
    """What the master wants of its workers, seen from one of them."""

    given: Any                  # the board's cell: how many orders there have been
    followed: int               # how many of them this worker has followed

    def follow(self) -> None:
        """Follow those that have come."""


class Worker(Host):
    """What runs a process' frontends on one event loop.

    Contract: everything but `bind` is called on the loop's own thread. `on_stopped` is called once, when a soft stop has seen
    the last session end, or at once by `hard_stop`.
    """

    def __init__(self, process: Process, clock: Clock) -> None:
        Host.__init__(self, process, clock.monotonic_ms())
        self.clock = clock
        self.scratch = calls.Scratch(LARGEST_READ_OCTETS)
        self.pipe = Pipe()
        if not process.may_splice:
            self.pipe.give_up()
        self.sessions: set[Session] = set()
        self.on_stopped: Callable[[], None] | None = None
        self.neighbours: Neighbours | None = None       # the other workers, where there are any
        self.orders: Orders | None = None
        self.witness: Witness | None = None             # of turns that take too long, where somebody wants to know more
        self.broken_invariants = 0
        self.verbose = False
        self.room = 0                   # what the taker of the last piece of a body would take behind it; negative: not known yet
        self.large_octets = 0           # read in large pieces in this turn
        self.say: Callable[[str, str], None] | None = None      # (severity, text): a line for the operator
        self._told_faults: set[tuple[str, int]] = set()
        self.loop: asyncio.AbstractEventLoop = None  # type: ignore[assignment]     # set by start()
        self.readiness: Readiness = None  # type: ignore[assignment]     # likewise
        self.closing_links: set[SocketLink] = set()         # their owners are gone, their last octets are not
        self._limits = opening.limits_of(process.bufsize, process.maxrewrite, process.http_maxhdr)
        self._acceptors: list[Acceptor] = []
        self._waiting: dict[Acceptor, None] = {}            # resting until there is room for a client
        self._sockets: list[tuple[Listener, Any]] = []
        self._soon: list[Watched | Callable[[], object]] = []
        self._attempts_over: list[Watched] = []
        self._soon_planned = False
        self._tick: asyncio.TimerHandle | None = None
        self._tick_due_ms = self._began_ms = self._ended_ms = 0     # on the coarse clock: the tick, a turn, the turn before
        self._stopped = False
        self._exhaustion_told_ms = 0
        self.starving: Starving = None  # type: ignore[assignment]      # set by start()
        self.clients_max = 0                # for want of descriptors
        self.next_look_ms = 0               # at the limit on them

    # life

    def bind(self, inherited: Inherited | None = None) -> None:
        """Open the listening sockets of every frontend, or take them over; all or none.

        Raises: StartError.
        """
        opened = open_listeners(self.process.enabled_listeners(), 1, inherited or Inherited())
        self._sockets = [(listener, sock) for listener, sockets in opened for sock in sockets]

    def adopt(self, sockets: list[tuple[Listener, socket.socket]]) -> None:
        """Serve these listening sockets, which somebody else has bound."""
        self._sockets = sockets

    def unbind(self) -> None:
        """Close listening sockets that were bound but never served."""
        for _, listening in self._sockets:
            listening.close()
        self._sockets.clear()

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to accept on this loop."""
        self.loop = loop
        self.witness = self.make_witness()
        self.readiness = self.make_readiness()
        self.turn()
        self.timers.on_earlier = self._plan_tick
        for backend in self.process.backends:
            for server in backend.servers:
                server.idle = IdlePool(server, self.timers)
        self.starving = Starving(self)
        self.look_at_descriptors()
        self._acceptors = [Acceptor(self, listener, listening) for listener, listening in self._sockets]
        self._sockets.clear()
        for acceptor in self._acceptors:
            acceptor.open()

    def soft_stop(self) -> None:
        """Stop listening, let the streams at work end, close what is idle."""
        self.turn()
        self.process.closing = True
        for acceptor in self._acceptors:
            acceptor.close()
        for session in list(self.sessions):
            if session.is_idle():
                session.finish()
        self._check_stopped()

    def hard_stop(self) -> None:
        """Close everything now."""
        self.turn()
        self.process.closing = True
        for acceptor in self._acceptors:
            acceptor.close()
        for session in list(self.sessions):
            session.shut(failure.KILLED)
        for session in list(self.sessions):
            session.finish(abort=True)
        for link in list(self.closing_links):
            link.abort()
        self._check_stopped()

    def listening(self) -> Iterator[tuple[Listener, socket.socket]]:
        """Every listening socket that is open."""
        for acceptor in self._acceptors:
            if acceptor.socket is not None:
                yield acceptor.listener, acceptor.socket

    def stop_frontend(self, frontend: Frontend) -> None:
        """Stop one frontend's listeners for good (`shutdown frontend`)."""
        frontend.stopped = True
        for acceptor in self._acceptors:
            if acceptor.listener.frontend is frontend:
                acceptor.close()

    def pause_frontend(self, frontend: Frontend) -> None:
        """Stop one frontend's listeners for a while (`disable frontend`)."""
        frontend.paused = True
        for acceptor in self._acceptors:
            if acceptor.listener.frontend is frontend:
                acceptor.pause()

    def resume_frontend(self, frontend: Frontend) -> bool:
        """Let them listen again (`enable frontend`); False where somebody else has the address meanwhile."""
        frontend.paused = False
        resumed = [acceptor.resume() for acceptor in self._acceptors if acceptor.listener.frontend is frontend]
        return all(resumed)

    def limit(self, frontend: Frontend | None, maxconn: int) -> None:
        """Have so many client connections at most, of one frontend or, None, of the process."""
        if frontend is None:
            self.process.maxconn = maxconn
        else:
            frontend.maxconn = maxconn
        self.accept_again()

    def pause(self) -> None:
        """Stop listening for a while (SIGTTOU): another process wants the addresses."""
        for acceptor in self._acceptors:
            acceptor.pause()

    def resume(self) -> None:
        """Listen again (SIGTTIN)."""
        for acceptor in self._acceptors:
            acceptor.resume()

    def acceptor_closed(self, acceptor: Acceptor) -> None:
        """A listening socket has been closed for good."""
        if self.process.closing:
            self._check_stopped()

    def _check_stopped(self) -> None:
        if self._stopped or not self.process.closing or self.sessions or self.closing_links:
            return
        if not all(acceptor.is_closed for acceptor in self._acceptors):
            return
        self._stopped = True
        for backend in self.process.backends:
            for server in backend.servers:
                if server.idle is not None:
                    server.idle.clear()
        if self.neighbours is not None:
            self.timers.forget(self.neighbours)
        if self._tick is not None:
            self._tick.cancel()
            self._tick = None
        self.readiness.close()
        self.pipe.give_up()
        self.starving.close()
        if self.witness is not None:
            self.witness.close()
        if self.on_stopped is not None:
            self.on_stopped()

    # time

    def turn(self) -> None:
        """Look at the clock, and for orders: events are about to be handled."""
        self.turns += 1
        self.large_octets = 0
        readiness = self.readiness
        self.more_is_ready = readiness is not None and readiness.is_full
        self.now_ms = self.clock.monotonic_ms()
        self._began_ms = calls.coarse_ms()
        if self.witness is not None:
            self.witness.begun()
        orders = self.orders
        if orders is not None and orders.given[0] != orders.followed:
            orders.follow()

    def _turn_over(self) -> None:
        """What was ready has been handled."""
        self._ended_ms = calls.coarse_ms()
        if self._ended_ms - self._began_ms > LONGEST_TURN_MS:
            self._held_up(self._ended_ms - self._began_ms)
        if self.witness is not None:
            self.witness.ended()

    def _held_up(self, held_ms: int) -> None:
        """The loop did nothing else for so long."""
        self.process.counters[BLOCKED] += 1
        if self.witness is not None:
            self.witness.held_up(held_ms)

    def make_witness(self) -> Witness | None:
        """Somebody who looks closer at turns that take too long, which costs a little."""
        return None if watchdog.told_of_all is None else Witness(watchdog.told_of_all)

    def make_readiness(self) -> Readiness:
        """What tells which sockets are ready."""
        return Readiness(self.loop, self.turn, self._settle)

    def wall_s(self) -> float:
        return self.clock.wall_s()

    def _plan_tick(self, at_ms: int) -> None:
        if self._tick is not None:
            self._tick.cancel()
        delay_ms = max(0, at_ms - self.now_ms)
        self._tick_due_ms = calls.coarse_ms() + delay_ms
        self._tick = self.loop.call_later(delay_ms / 1000, self._on_tick)

    def _on_tick(self) -> None:
        self._tick = None
        late_ms = calls.coarse_ms() - max(self._tick_due_ms, self._ended_ms)
        if late_ms > LONGEST_TURN_MS:
            self._held_up(late_ms)              # by a callback that is not the worker's own
        self.turn()
        try:
            self.timers.advance(self.now_ms)
        except Exception as error:
            self.broken(self, error)
        next_ms = self.timers.next_ms()
        if next_ms and self._tick is None and not self._stopped:
            self._plan_tick(next_ms)
        self._turn_over()

    def soon(self, whom: Watched | Callable[[], object]) -> None:
        """When everything that is ready now has been told, or in the next turn of the loop."""
        self._soon.append(whom)
        self._plan_turn()

    def attempt_over(self, attempt: Watched) -> None:
        """An attempt to connect was over at once; its `settle` tells of it, as soon as what began it has returned."""
        self._attempts_over.append(attempt)
        self._plan_turn()

    def _plan_turn(self) -> None:
        if not self._soon_planned and not self.readiness.is_telling:
            self._soon_planned = True
            self.loop.call_soon(self._next_turn)

    def _settle(self) -> None:
        """A batch has been told."""
        if not self._soon_planned:
            self.tell_of_attempts()
            if self._soon:
                self._run_soon()
        self._turn_over()

    def _next_turn(self) -> None:
        self._soon_planned = False
        self.turn()
        self.tell_of_attempts()
        self._run_soon()
        self._turn_over()

    def tell_of_attempts(self) -> None:
        """Tell of those that were over at once."""
        if not self._attempts_over:
            return
        over, self._attempts_over = self._attempts_over, []
        for each in over:
            attempt: Watched = each
            try:
                attempt.settle()
            except Exception as error:
                self.broken(attempt, error)

    def _run_soon(self) -> None:
        waiting, self._soon = self._soon, []
        for whom in waiting:
            try:
                if isinstance(whom, Watched):
                    watched: Watched = whom
                    watched.settle()
                else:
                    whom()
            except Exception as error:
                self.broken(whom, error)

    # sessions

    def client_link(self, connected: socket.socket) -> SocketLink:
        """The link of a client that was accepted."""
        return new_link(self, connected)

    def open_session(self, listener: Listener, link: SocketLink, peer: Ends, local: Ends) -> None:
        """A client was accepted."""
        process = self.process
        process.served += 1
        row = process.cells
        row[CONN_TOT] += 1
        row[CONN_CUR] = process.served
        if listener.accept_proxy:
            session: Session = opening.HeaderIntake(self, listener, link, peer, local, self._limits)
        else:
            session = opening.new_session(self, listener, link, peer, local, self._limits)
        self.sessions.add(session)
        link.belongs_to(session)
        try:
            session.begin()
        except Exception as error:
            self.broken(session, error)

    def session_replaced(self, old: Session, new: Session) -> None:
        """The link of `old` belongs to `new` from now on."""
        self.sessions.discard(old)
        self.sessions.add(new)
        link: Any = new.link
        link.owner = new

    def link_closed(self, link: SocketLink) -> None:
        """A link that was closing is closed."""
        self.closing_links.discard(link)
        if self.process.closing:
            self._check_stopped()

    def session_over(self, session: Session) -> None:
        """A session has ended: there is room for another one."""
        self.sessions.discard(session)
        process = self.process
        process.served -= 1
        process.cells[CONN_CUR] = process.served
        if self._waiting:
            self.accept_again()
        if self.neighbours is not None:
            self.neighbours.room_for_clients()
        if process.closing:
            self._check_stopped()

    def wait_for_room(self, acceptor: Acceptor) -> None:
        """A limit on connections is reached: this acceptor rests until a session ends, here or in another worker."""
        self._waiting[acceptor] = None
        if self.neighbours is None:
            acceptor.rest()
        else:
            self.process.counters[RESTING] = 1
            acceptor.rest_a_moment()

    def accept_again(self) -> None:
        """There may be room for another client."""
        waiting, self._waiting = self._waiting, {}
        self.process.counters[RESTING] = 0
        for acceptor in waiting:
            acceptor.open()

    def look_at_descriptors(self) -> None:
        """The limit on descriptors may have been changed, or somebody waits for one."""
        self.clients_max = self.starving.clients_max()
        self.next_look_ms = self.now_ms + LOOK_MS

    def descriptors_exhausted(self, acceptor: Acceptor) -> None:
        """No descriptor is left for another client: told once a second at most."""
        self.look_at_descriptors()
        frontend = acceptor.listener.frontend
        if frontend.log is not None and self.now_ms - self._exhaustion_told_ms >= 1000:
            self._exhaustion_told_ms = self.now_ms
            frontend.log.event("emerg", f"Proxy {frontend.name} reached system FD limit. Please check system tunables.")

    def connect(self, server: Server, owner: Connector, port: int, early: bytes) -> Attempt:
        """Begin to connect to a server."""
        return begin_attempt(self, owner, server, port, early)

    # broken invariants

    def guarded(self, where: Any, call: Callable[..., None], *arguments: Any) -> None:
        """Call, and keep a broken invariant from ending more than the stream it belongs to."""
        try:
            call(*arguments)
        except Exception as error:
            self.broken(where, error)

    def broken(self, where: object, error: BaseException) -> None:
        """An invariant is broken: count it, tell it once with its place, end what it belongs to."""
        self.broken_invariants += 1
        session = getattr(where, "session", None)
        stream = getattr(where, "stream", None)
        if isinstance(where, Session):
            session = where
        elif isinstance(stream, Stream):
            session = stream.session
        place = traceback.extract_tb(error.__traceback__)[-1] if error.__traceback__ else None
        at = (place.filename, place.lineno or 0) if place is not None else ("", 0)
        if at not in self._told_faults and len(self._told_faults) < FAULTS_TOLD:
            self._told_faults.add(at)
            self._tell_fault(f"internal error: {type(error).__name__}: {error}" + (f" at {at[0]}:{at[1]}" if place else ""))
        if self.verbose:
            traceback.print_exception(error, file=sys.stderr)
        if isinstance(session, Session):
            session.frontend.cells[EINT] += 1
            self._end_broken(session)

    def _tell_fault(self, text: str) -> None:
        """Once per place: a fault that each request meets must not flood the log."""
        if self.process.log is not None:
            self.process.log.event("crit", text)
        if self.say is not None:
            self.say("ALERT", f"{text}; please report it, with what -d adds.")

    def _end_broken(self, session: Session) -> None:
        try:
            session.shut(failure.INTERNAL)
        except Exception:
            self.broken_invariants += 1
        if not session.closed:
            try:
                session.finish(abort=True)
            except Exception:
                self.broken_invariants += 1
                self.sessions.discard(session)

    # changes of state, told by the control plane

    def server_changed(self, server: Server, was_up: bool, now_ms: int) -> tuple[int, int]:
        """Act on a change of a server's state or weight; gives (streams that changed queues, streams left in the server's)."""
        self.now_ms = now_ms
        backend = server.backend
        moved = 0
        if was_up and not server.is_up:
            if server.idle is not None:
                server.idle.clear()
            if server.on_marked_down == "shutdown-sessions":
                self.soon(partial(self.shut_sessions, server, failure.SERVER_WENT_DOWN))    # after the news of it is out
            if backend.redispatch_after:
                moved = queue.redistribute(server)
        elif not was_up and server.is_up:
            if server.on_marked_up == "shutdown-backup-sessions" and not server.is_backup:
                for other in backend.servers:
                    if other.is_backup:
                        self.soon(partial(self.shut_sessions, other, failure.ACTIVE_CAME_BACK))
            moved = queue.serve(server)
        elif server.is_up and server.queue:
            queue.serve(server)             # its limit may have been raised
        for each in backend.servers:
            if not backend.queue:
                break
            if each.is_usable:
                queue.serve(each)           # its weight, and with it its dynamic limit, may have grown
        return moved, len(server.queue)

    def shut_sessions(self, server: Server, why: failure.Failure = failure.KILLED) -> int:
        """End every session that is on a server; gives how many."""
        found = [session for session in self.sessions if session.is_on(server)]
        for session in found:
            if not session.closed:
                session.shut(why)
        return len(found)
