"""The parent: reads the configuration, keeps the children, passes signals on.

    TERM, INT    the children end, then the parent          HUP   read again, hand it to the children
    USR1, USR2, JSON, STATS_CLEAR   passed on               a child that ends by itself is started anew, unless it cannot begin
"""

from __future__ import annotations

import gc
import os
import signal
import socket
from dataclasses import dataclass, fields
from functools import partial

from proxy.base.systemd import Notifier
from proxy.ha.conf.model import Configuration
from proxy.ha.daemon.arguments import CLEAR_SIGNAL, JSON_SIGNAL, Arguments
from proxy.ha.daemon.channel import Receiving, Sending
from proxy.ha.daemon.children import KINDS, ChildKind, ChildSurroundings, status_path
from proxy.ha.daemon.once import run_once
from proxy.ha.daemon.pidfile import PidFile
from proxy.ha.daemon.reading import Reading, read_meanwhile
from proxy.ha.daemon.signals import Signals
from proxy.ha.log import ProcessLog, our_fault
from proxy.ha.loop import Loop, Timer

RESPAWN_AFTER_S = 1.0
FATAL = 2
"""The exit status of a child that cannot begin: starting it anew would not help."""


@dataclass
class _Child:
    """One child that runs, or is about to be started anew."""

    kind: ChildKind
    pid_file: PidFile
    pid: int = 0
    channel: Sending | None = None
    timer: Timer | None = None


class Parent:
    """The process that stays."""

    def __init__(self, arguments: Arguments, configuration: Configuration, log: ProcessLog) -> None:
        self._arguments, self._configuration, self._log = arguments, configuration, log
        self._loop = Loop()
        self._systemd = Notifier()
        self._children: dict[str, _Child] = {}
        self._ending = False
        self._status = 0
        self._reading = False
        self._again = False
        self._patience = self._loop.timer(self._kill)

    def run(self, pid_file: PidFile) -> int:
        """Serve until told to end; the exit status.

        Raises: StartError when a child's pid file is held by another process.
        """
        pid_file.write(os.getpid())
        signals = Signals(self._loop, {
            signal.SIGTERM: self._end, signal.SIGINT: self._end, signal.SIGHUP: self.reload,
            **{number: partial(self._pass_on, number) for number in (signal.SIGUSR1, signal.SIGUSR2, JSON_SIGNAL, CLEAR_SIGNAL)},
        })
        global_ = self._configuration.global_
        # What there is by now is shared with the children, and stays.
        gc.freeze()
        gc.enable()
        if self._arguments.dump:
            self._dump()
        try:
            run_once(global_.startup_script, global_.startup_script_timeout_s, global_, self._log)
            self._settle_children()
            self._systemd.tell(f"READY=1\nMAINPID={os.getpid()}")
            if self._children:
                self._loop.run()
            else:
                self._log.say("warning", "the configuration has nothing to do: no vrrp_instance and no virtual_server")
                self._loop.run()
        finally:
            signals.close()
            pid_file.remove()
            for child in self._children.values():
                child.pid_file.remove()
            global_ = self._configuration.global_
            run_once(global_.shutdown_script, global_.shutdown_script_timeout_s, global_, self._log)
            self._systemd.close()
            self._loop.close()
        return self._status

    def _dump(self) -> None:
        """`-d`: log what the configuration comes to, block by block."""
        for each in fields(self._configuration):
            value = getattr(self._configuration, each.name)
            for part in value if isinstance(value, tuple) else (value,):
                self._log.say("info", f"{each.name}: {part}")

    def reload(self) -> None:
        """Read the configuration again, meanwhile everything goes on."""
        if self._reading:
            self._again = True
            return
        self._reading = True
        self._log.say("info", "Reloading")
        try:
            read_meanwhile(self._loop, self._arguments.file, self._arguments.config_id, self._read)
        except OSError as error:                # no process, no descriptor: the machine is at its limits
            self._read(Reading(None, f"cannot read the configuration: {error.strerror}\n"))

    def _read(self, reading: Reading) -> None:
        self._reading = False
        for line in reading.messages.splitlines():
            self._log.say("warning", line)
        if reading.configuration is None:
            self._log.say("err", "not reloaded: the configuration stays as it was")
        elif reading.errors and reading.configuration.global_.reload_check_config:
            self._log.say("err", "not reloaded: the new configuration has errors (reload_check_config)")
        elif not self._ending:
            self._configuration = reading.configuration
            self._settle_children()
        if self._again:
            self._again = False
            self.reload()

    def _settle_children(self) -> None:
        """Start what is wanted, end what is not, hand the configuration to the others."""
        for kind in KINDS:
            wanted, child = kind.wanted(self._arguments, self._configuration), self._children.get(kind.name)
            if wanted and child is None:
                child = _Child(kind, PidFile(kind.pid_file(self._arguments)))
                self._children[kind.name] = child
                self._start(child)
            elif not wanted and child is not None:
                self._signal(child, signal.SIGTERM)
            elif child is not None and child.channel is not None:
                child.channel.send(self._configuration)

    def _start(self, child: _Child) -> None:
        try:
            ours, theirs = socket.socketpair()
        except OSError as error:
            self._start_later(child, error)
            return
        try:
            pid = os.fork()
        except OSError as error:
            ours.close()
            theirs.close()
            self._start_later(child, error)
            return
        if pid == 0:
            ours.close()
            self._be(child, theirs)
        theirs.close()
        child.pid, child.channel = pid, Sending(self._loop, ours)
        child.pid_file.write(pid)
        self._loop.watch_process(pid, lambda status: self._ended(child, status))

    def _start_later(self, child: _Child, error: OSError) -> None:
        self._log.say("err", f"cannot start the {child.kind.name} child: {error.strerror}; trying again")
        self._start_after(child)

    def _start_after(self, child: _Child) -> None:
        child.timer = child.timer or self._loop.timer(lambda: self._start(child))
        child.timer.set(self._loop.now() + RESPAWN_AFTER_S)

    def _be(self, child: _Child, channel: socket.socket) -> None:
        """In the child: leave the parent's things, run, exit."""
        status = 1
        try:
            self._loop.close()
            self._systemd.close()
            log = ProcessLog(child.kind.ident, self._arguments.log_options())
            around = ChildSurroundings(self._arguments, self._configuration, Receiving(channel), log,
                                       status_path(child.pid_file.path))
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, JSON_SIGNAL,
                           CLEAR_SIGNAL):
                signal.signal(number, signal.SIG_DFL)
            signal.set_wakeup_fd(-1)
            status = child.kind.run(around)
        except Exception as error:
            self._log.say("crit", f"internal error in the {child.kind.name} child: {our_fault(error)}")
        finally:
            os._exit(status)

    def _ended(self, child: _Child, status: int) -> None:
        code = os.waitstatus_to_exitcode(status)
        child.pid = 0
        if child.channel is not None:
            child.channel.close()
            child.channel = None
        wanted = child.kind.wanted(self._arguments, self._configuration)
        if self._ending or not wanted:
            self._gone(child)
            return
        how = f"exit status {code}" if code >= 0 else f"signal {-code}"
        if code == FATAL or not self._arguments.respawn:
            self._log.say("err", f"the {child.kind.name} child has ended with {how}: ending")
            self._status = code if code > 0 else 1
            self._gone(child)
            self._end()
            return
        self._log.say("err", f"the {child.kind.name} child has ended with {how}: starting it anew")
        self._start_after(child)

    def _gone(self, child: _Child) -> None:
        child.pid_file.remove()
        self._children.pop(child.kind.name, None)
        if self._ending and not self._children:
            self._loop.stop()

    def _end(self) -> None:
        if self._ending:
            return
        self._ending = True
        # The children first: clients wait for what they give up, nobody waits for what is said.
        for child in list(self._children.values()):
            if child.pid:
                self._signal(child, signal.SIGTERM)
            else:
                if child.timer is not None:
                    child.timer.cancel()
                self._gone(child)
        self._systemd.tell("STOPPING=1")
        self._log.say("info", "Stopping")
        if not self._children:
            self._loop.stop()
        self._patience.set(self._loop.now() + self._configuration.global_.child_wait_time_s)

    def _kill(self) -> None:
        for child in self._children.values():
            self._log.say("err", f"the {child.kind.name} child does not end: killed")
            self._signal(child, signal.SIGKILL)

    def _pass_on(self, number: int) -> None:
        for child in self._children.values():
            self._signal(child, number)

    @staticmethod
    def _signal(child: _Child, number: int) -> None:
        if child.pid:
            os.kill(child.pid, number)
