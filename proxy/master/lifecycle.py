"""The order of a start and of an end.

    identity looked up, descriptors, assembled, bound, pid file opened    — may fail at the terminal
    daemon                                                                — the first process waits
    preloaded, opened, pid written
    one process: started, old processes told, chroot, user
    workers: old processes told, chroot, user, workers forked
    ready                                                                 — the first process ends
    serving until stopped
"""

import asyncio
import gc
import os
import signal
from collections.abc import Callable
from typing import NamedTuple, Protocol, TextIO

from proxy.admin.commands import Answer, Caller
from proxy.admin.conversation import Speaker
from proxy.admin.sockets import CommandSocket, CommandSockets
from proxy.base.addresses import Family
from proxy.base.descriptors import DESCRIPTORS_GONE, out_of_descriptors
from proxy.base.errors import StartError
from proxy.base.systemd import Notifier
from proxy.config.model import Configuration
from proxy.engine.handover import Inherited, take_over, take_over_at
from proxy.master.assemble import Instance, assemble
from proxy.master.daemon import Readiness, daemonise
from proxy.master.descriptors import descriptors_needed, open_descriptors, raise_limit
from proxy.master.identity import Identity, find_identity, take_identity
from proxy.master.mworker.line import MasterLine
from proxy.master.pidfile import PidFile
from proxy.master.predecessors import Predecessors, bind_beside
from proxy.master.preload import preload
from proxy.master.signals import Signals
from proxy.master.stats_sockets import Opened, open_stats_sockets
from proxy.master.workers.supervisor import Supervisor

Step = Callable[[], None]
WORKERS_MAX = 64


class Teller(Protocol):
    """Where the start tells what it has to say (`proxy.cli.messages.Messages`)."""

    quiet: bool
    introduced: bool
    copied_to: Callable[[str], None] | None

    @property
    def warnings_count(self) -> int: ...

    def warning(self, text: str, hint: str = "") -> None: ...

    def event(self, severity: str, text: str) -> None: ...

    def note(self, text: str) -> None: ...

    def trace(self, line: str) -> None: ...

    def start_failed(self, error: StartError) -> None: ...

    def redirect(self, stream: TextIO | None) -> None: ...


class StartOptions(NamedTuple):
    """The command line's say in how the process lives."""

    daemon: bool = False
    debug: bool = False
    verbose: bool = False
    pidfile: str = ""
    finish_pids: tuple[int, ...] = ()
    terminate_pids: tuple[int, ...] = ()
    notify_systemd: bool = False
    zero_warning: bool = False
    loop_kind: str = "uvloop"
    line: MasterLine | None = None          # to the master, of a worker under -W
    inherited: frozenset[int] | None = None     # descriptors that the program was started with, None: that are open now
    terminal: TextIO | None = None          # left once it serves
    old_socket: str = ""                    # the stats socket by which the old process gives its sockets (-x)
    master_socket: str = ""                 # where a master takes commands (-S)


class Outcome(NamedTuple):
    """How the process is to end: with a status, or by a signal."""

    status: int = 0
    killed_by: signal.Signals | None = None


def run(configuration: Configuration, options: StartOptions, teller: Teller) -> Outcome:
    """Start, serve, stop. Every failure to start has been told when this returns."""
    life = Life(configuration, options, teller)
    try:
        return life.run()
    except StartError as error:
        life.old.resume()
        teller.start_failed(error)
        return Outcome(1)
    except OSError as error:
        if error.errno not in DESCRIPTORS_GONE:
            raise
        life.old.resume()
        teller.start_failed(out_of_descriptors())
        return Outcome(1)
    finally:
        life.close()


class Life:
    """One process from its configuration to its end."""

    def __init__(self, configuration: Configuration, options: StartOptions, teller: Teller) -> None:
        self._configuration = configuration
        self._options = options
        self._teller = teller
        self._running: Instance | Supervisor | None = None
        self._inherited = open_descriptors() if options.inherited is None else options.inherited
        if options.line is not None:
            self._inherited -= {options.line.fileno()}
        self._pidfile: PidFile | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._notifier: Notifier | None = None
        self._stats_sockets: Opened = []
        self.old = Predecessors(options.finish_pids, options.terminate_pids, teller.warning)

    def run(self) -> Outcome:
        """Go through all of it.

        Raises: StartError.
        """
        settings = self._configuration.global_
        identity = find_identity(settings, reaches_paths(self._configuration), self._teller.warning)
        running = self._running = self._assemble(workers_wanted(settings.nbthread))
        if not any(running.process.enabled_listeners()):
            raise StartError("listeners", "No enabled listener found (check for 'bind' directives) ! Exiting.")
        if self._options.verbose and settings.maxconn is None:
            self._teller.note(f"Note: setting global.maxconn to {running.process.maxconn}.")
        raise_limit(settings.ulimit_n or descriptors_needed(running.process), self._teller.warning)
        self._bind(running)
        path = self._options.pidfile or (settings.pidfile if self._options.daemon else "")
        if path:        # 'pidfile' is about daemons: a trial in the foreground must not take the running daemon's place there
            self._pidfile = PidFile(path)
        if self._options.zero_warning and self._teller.warnings_count:
            raise StartError("warnings", "Some warnings were found and 'zero-warning' is set. Aborting.")
        readiness = None
        if self._options.daemon:
            answer = daemonise()
            if isinstance(answer, int):
                running.unbind()            # the sockets and files are the daemon's now
                return Outcome(answer)
            readiness = answer
            self._teller.redirect(readiness.terminal)
        return self._serve(running, identity, readiness)

    def _assemble(self, workers: int) -> Instance | Supervisor:
        trace = self._teller.trace if self._options.debug else None
        if workers == 1:
            return assemble(self._configuration, say=self._say, warn=self._teller.warning, trace=trace, has_successors=True)
        return Supervisor(
            self._configuration, workers, self._worker_loop, self._say, self._teller.warning, trace, self._inherited)

    def _bind(self, running: Instance | Supervisor) -> None:
        inherited = self._take_over()

        def bind() -> None:
            opened = open_stats_sockets(self._configuration.global_.stats_sockets, inherited)
            try:
                running.bind(inherited)
            except BaseException:
                for _, _, sock in opened:
                    sock.close()
                raise
            self._stats_sockets = opened
            running.also_listening = [(listener, sock) for _, listener, sock in opened]

        try:
            bind_beside(bind, self.old)
        finally:
            inherited.close()

    def _take_over(self) -> Inherited:
        """What the old processes listen on; where they do not give it, addresses are bound beside theirs."""
        path = self._options.old_socket
        if not path:
            return take_over(self.old.pids)
        try:
            return take_over_at(path.removeprefix("unix@"))
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            self._teller.warning(f"[haproxy.main()] Failed to get the sockets from the old process at {path}! ({reason})", "")
            return Inherited()

    def _take_commands(self, loop: asyncio.AbstractEventLoop, running: Instance | Supervisor) -> None:
        settings = self._configuration.global_
        opened, self._stats_sockets = self._stats_sockets, []
        running.commands = CommandSockets(
            [CommandSocket(sock, line.level, running.hand_over if line.expose_fd else None) for line, _, sock in opened],
            running.control.speaker, settings.stats_timeout_ms / 1000, settings.stats_maxconn,
        )
        running.commands.start(loop)

    def _serve(self, running: Instance | Supervisor, identity: Identity, readiness: Readiness | None) -> Outcome:
        preload(self._options.loop_kind, takes_commands=bool(self._stats_sockets) or self._options.line is not None)
        running.open()
        if self._pidfile is not None:
            self._pidfile.write(os.getpid())
        signals = Signals(running, self._say)
        notifier = self._notifier = Notifier() if self._options.notify_systemd else None

        line, settings = self._options.line, self._configuration.global_
        if line is not None:
            signals.no_master = False

        def settle() -> None:
            if line is None:                # else the master tells them, once we serve
                self.old.dismiss()
            take_identity(identity)
            gc.collect()
            gc.freeze()

        def ready() -> None:
            self._teller.introduced = True
            if notifier is not None:
                notifier.tell("READY=1")
            if line is not None:
                line.ready(settings)
            if self._options.terminal is not None:
                self._teller.quiet = True
                self._options.terminal.close()
            if readiness is not None:
                self._teller.quiet = True
                readiness.ready()

        signals.hold()
        if isinstance(running, Supervisor):
            self._serve_with_workers(running, signals, settle, ready)
        else:
            self._serve_alone(running, signals, settle, ready)
        signals.remove()
        return Outcome(0, signals.killed_by)

    def _serve_alone(self, instance: Instance, signals: Signals, settle: Step, ready: Step) -> None:
        loop = self._loop = new_loop(self._options.loop_kind)
        asyncio.set_event_loop(loop)
        instance.worker.verbose = self._options.debug
        loop.set_exception_handler(instance.callback_failed)
        instance.on_stopped = loop.stop
        instance.start(loop)
        instance.offer()
        self._take_commands(loop, instance)
        signals.install(loop)
        self._listen_to_master(loop, instance)
        settle()
        loop.call_soon(signals.release)
        loop.call_soon(ready)
        loop.run_forever()

    def _serve_with_workers(self, supervisor: Supervisor, signals: Signals, settle: Step, ready: Step) -> None:
        """Workers are forked before there is any loop, and out of what every one of them is to be: locked in, unprivileged."""
        settle()
        supervisor.start()
        loop = self._loop = asyncio.SelectorEventLoop()
        asyncio.set_event_loop(loop)
        loop.set_exception_handler(supervisor.callback_failed)
        supervisor.on_ready = ready
        signals.install(loop)
        self._take_commands(loop, supervisor)
        self._listen_to_master(loop, supervisor)
        loop.call_soon(signals.release)
        supervisor.run(loop)

    def _listen_to_master(self, loop: asyncio.AbstractEventLoop, running: Instance | Supervisor) -> None:
        if self._options.line is not None:
            self._options.line.answer = lambda command, level: answer_once(running.control.speaker(), command, level)
            self._options.line.start(loop, running.soft_stop)

    def _worker_loop(self) -> asyncio.AbstractEventLoop:
        """In a worker: a loop of its own. The terminal of a daemon is the master's, and so is the introduction."""
        self._teller.redirect(None)
        self._teller.copied_to = None
        self._teller.introduced = True
        self._teller.quiet = self._teller.quiet or self._options.daemon
        loop = new_loop(self._options.loop_kind)
        asyncio.set_event_loop(loop)
        return loop

    def _say(self, severity: str, text: str) -> None:
        """Lines about proxies and servers, which HAProxy shows while it is in the foreground."""
        self._teller.event(severity, text)

    def close(self) -> None:
        """Free everything that was reached."""
        for _, _, sock in self._stats_sockets:
            sock.close()
        if self._running is not None:
            self._end_commands(self._running)
            self._running.close()
        if self._pidfile is not None:
            self._pidfile.close()
        if self._notifier is not None:
            self._notifier.close()
        if self._options.line is not None:
            self._options.line.close()
        if self._loop is not None:
            if not self._loop.is_running():         # uvloop's still is when it had no descriptors to begin with
                self._loop.close()
            asyncio.set_event_loop(None)

    def _end_commands(self, running: Instance | Supervisor) -> None:
        """Let a command that had come when the process was told to end do its work: a successor is told what that was."""
        if running.commands is not None and self._loop is not None and not self._loop.is_running():
            running.commands.close()
            self._loop.run_until_complete(running.commands.ended())


def reaches_paths(configuration: Configuration) -> bool:
    """Whether a server is a socket in the file system, which may be somebody else's."""
    return any(server.address.family is Family.UNIX for proxy in configuration.proxies for server in proxy.servers)


def answer_once(speaker: Speaker, command: str, level: str) -> Answer:
    """Answer a command that a master passes on."""
    answer = speaker.answer(command, Caller(level, lambda lower: None))
    return "" if answer is None else answer


def workers_wanted(configured: int | None) -> int:
    """How many workers to start: `nbthread`, or one for each processor that this process may use.

    Source: HAProxy configuration manual, "nbthread".
    """
    return configured or min(WORKERS_MAX, len(os.sched_getaffinity(0)))


def new_loop(kind: str) -> asyncio.AbstractEventLoop:
    """An event loop: uvloop's, or asyncio's own where uvloop is not wanted or not there."""
    if kind == "uvloop":
        try:
            import uvloop
        except ImportError:
            return asyncio.new_event_loop()
        loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
        return loop
    return asyncio.new_event_loop()
