"""The start of a master: its own socket and pid file, into the background, the first worker forked, then `Master`."""

from __future__ import annotations

import asyncio
import os
import socket

from proxy.admin.sockets import CommandSocket, CommandSockets
from proxy.base.errors import StartError
from proxy.base.systemd import Notifier
from proxy.config.model import Configuration
from proxy.master.daemon import Readiness, daemonise
from proxy.master.descriptors import open_descriptors
from proxy.master.lifecycle import Outcome, StartOptions, Teller
from proxy.master.lifecycle import run as run_worker
from proxy.master.mworker.commands import MasterSpeaker
from proxy.master.mworker.line import MasterLine
from proxy.master.mworker.master import Master, NextWorker
from proxy.master.pidfile import PidFile
from proxy.master.predecessors import Predecessors
from proxy.master.stats_sockets import Opened, master_socket, open_stats_sockets

COMMANDS_TIMEOUT_S = 60.0      # a reload may take its time


def run_master(configuration: Configuration, options: StartOptions, teller: Teller, next_worker: NextWorker) -> Outcome:
    """Be the master, or, in the process that is forked for it, the first worker. Every failure to start has been told."""
    start = _Start(options, teller)
    try:
        return start.run(configuration, next_worker)
    except StartError as error:
        teller.start_failed(error)
        return Outcome(1)
    finally:
        start.close()


class _Start:
    """What is open between the command line and the master's end."""

    def __init__(self, options: StartOptions, teller: Teller) -> None:
        self._options = options
        self._teller = teller
        self._inherited = open_descriptors()
        self._pidfile: PidFile | None = None
        self._readiness: Readiness | None = None
        self._notifier: Notifier | None = None
        self._commands: Opened = []

    def run(self, configuration: Configuration, next_worker: NextWorker) -> Outcome:
        """Raises: StartError."""
        options = self._options
        path = options.pidfile or (configuration.global_.pidfile if options.daemon else "")
        if path:
            self._pidfile = PidFile(path)
        if options.daemon:
            answer = daemonise()
            if isinstance(answer, int):
                return Outcome(answer)
            self._readiness = answer
            self._teller.redirect(answer.terminal)
        if options.master_socket:
            self._commands = open_stats_sockets([master_socket(options.master_socket)])
        ours, theirs = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            ours.close()
            return self._first_worker(configuration, theirs)
        theirs.close()
        self._notifier = Notifier() if options.notify_systemd else None
        master = Master(next_worker, self._teller.event, self._notifier)
        master.first(pid, ours)
        master.on_ready = self._ready
        loop = asyncio.SelectorEventLoop()
        asyncio.set_event_loop(loop)
        sockets = [CommandSocket(sock, line.level) for line, _, sock in self._commands]
        commands = CommandSockets(sockets, lambda: MasterSpeaker(master), COMMANDS_TIMEOUT_S)
        commands.start(loop)
        master.on_stopping = commands.close
        try:
            return Outcome(master.run(loop))
        finally:
            commands.close()
            loop.run_until_complete(commands.ended())
            loop.close()
            asyncio.set_event_loop(None)

    def _first_worker(self, configuration: Configuration, end: socket.socket) -> Outcome:
        """In the child: what `pyproxy` without a master does, with a line to this one."""
        readiness, self._readiness = self._readiness, None
        if readiness is not None:
            readiness.resign()
        if self._pidfile is not None:
            self._pidfile.close()
            self._pidfile = None
        for _, _, sock in self._commands:
            sock.close()
        return run_worker(configuration, self._options._replace(
            daemon=False, pidfile="", notify_systemd=False, line=MasterLine(end), inherited=self._inherited,
            terminal=readiness.terminal if readiness is not None else None,
        ), self._teller)

    def _ready(self) -> None:
        """The first worker serves: those before this master may finish."""
        Predecessors(self._options.finish_pids, self._options.terminate_pids, self._teller.warning).dismiss()
        if self._pidfile is not None:
            self._pidfile.write(os.getpid())
        self._teller.introduced = True
        if self._readiness is not None:
            self._teller.quiet = True
            self._readiness.ready()

    def close(self) -> None:
        """Free what is left."""
        if self._pidfile is not None:
            self._pidfile.close()
        if self._notifier is not None:
            self._notifier.close()
        for _, _, sock in self._commands:
            sock.close()
