"""The master: starts workers, passes signals on, reloads, ends with the last of them. The package has the table of its states."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from proxy.base.systemd import Notifier
from proxy.engine.handover import MasterOffer
from proxy.master.mworker.generation import Generation, exit_status, exit_text, spawn
from proxy.master.workers.channel import LineBroken

Say = Callable[[str, str], None]
Told = Callable[[bool, str], None]          # whether a reload succeeded, and what the new worker has told
ENDS_WELL = (0, 128 + signal.SIGTERM)       # what whoever ended the worker itself has asked for
PASSED_ON = (signal.SIGTTOU, signal.SIGTTIN, signal.SIGQUIT)


@dataclass(frozen=True, slots=True)
class NextWorker:
    """How the next worker is started: `words(old pids, line)` follow the executable; `folder` is where the master was started."""

    executable: str
    words: Callable[[Sequence[int], int], Sequence[str]]
    folder: str


class Master:
    """Life: first (the worker that was forked), run.

    `on_ready` is called once, when the first worker serves.
    """

    def __init__(self, next_worker: NextWorker, say: Say, notifier: Notifier | None) -> None:
        self._next_worker = next_worker
        self._say = say
        self._notifier = notifier
        self._loop: asyncio.AbstractEventLoop | None = None
        self._offer: MasterOffer | None = None
        self.on_ready: Callable[[], None] | None = None
        self.on_stopping: Callable[[], None] | None = None
        self._told: list[Told] = []             # who waits for the end of this reload
        self._told_next: list[Told] = []        # and of the one after it
        self.started_s = time.monotonic()
        self.current: Generation | None = None
        self.loading: Generation | None = None
        self.leaving: list[Generation] = []
        self.reloads = 0
        self.failed = 0
        self._again = False
        self._stopping = False
        self._status = 0
        self._has_served = False

    @property
    def all(self) -> list[Generation]:
        """Every worker there is."""
        return [each for each in (self.current, self.loading, *self.leaving) if each is not None]

    def first(self, pid: int, end: socket.socket) -> None:
        """This worker was forked and will be ready."""
        self.loading = Generation(pid, end, 0)

    def run(self, loop: asyncio.AbstractEventLoop) -> int:
        """Be the master until the last worker is gone; gives the exit status."""
        self._loop = loop
        self._offer = MasterOffer(lambda: [self.current.pid] if self.current is not None else [])
        self._offer.start(loop)
        for each in self.all:
            self._listen_to(each)
        actions: dict[signal.Signals, Callable[[], None]] = {
            signal.SIGCHLD: self._reap, signal.SIGUSR2: self.reload, signal.SIGHUP: self.reload,
            signal.SIGTERM: lambda: self.stop(signal.SIGTERM, 0), signal.SIGINT: lambda: self.stop(signal.SIGINT, 130),
            signal.SIGUSR1: lambda: self.stop(signal.SIGUSR1, 0),
        }
        for number in PASSED_ON:
            actions[number] = lambda number=number: self._pass_on(number)   # type: ignore[misc]
        for number, action in actions.items():
            loop.add_signal_handler(number, action)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, actions)
        self._reap()
        if self.all:
            loop.run_forever()
        for number in actions:
            loop.remove_signal_handler(number)
        self._offer.end()
        return self._status

    # what signals and the master socket ask for

    def reload(self, told: Told | None = None) -> None:
        """Load the configuration into a new worker, which takes over when it serves; `told` hears how that went."""
        waiting = [told] if told is not None else []
        if self._stopping:
            for tell in waiting:
                tell(False, "")
            return
        if self.loading is not None:
            self._again = True
            self._told_next += waiting
            return
        self._told += waiting
        self._say("NOTICE", "Reloading HAProxy")
        self._notify(f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")
        self.reloads += 1
        old = [self.current.pid] if self.current is not None else []
        try:
            how = self._next_worker
            pid, end = spawn(how.executable, lambda line: how.words(old, line), how.folder)
        except OSError as error:
            self._say("ALERT", f"cannot start a worker: {error.strerror}")
            self._load_failed("")
            return
        self.loading = Generation(pid, end, self.reloads)
        self._listen_to(self.loading)

    def stop(self, number: signal.Signals, status: int) -> None:
        """Pass the signal on and end with the last worker, with this status."""
        if not self._stopping:
            self._stopping = True
            self._status = status
            self._say("WARNING", "Exiting Master process...")
            self._notify("STOPPING=1")
            if self._offer is not None:
                self._offer.close()
            if self.on_stopping is not None:
                self.on_stopping()
        self._pass_on(number)
        self._check_over()

    def _pass_on(self, number: signal.Signals) -> None:
        for each in self.all:
            each.signal(number)

    # workers

    def _listen_to(self, generation: Generation) -> None:
        assert self._loop is not None
        self._loop.add_reader(generation.channel.fileno(), self._heard, generation)

    def _deaf_to(self, generation: Generation) -> None:
        assert self._loop is not None
        if generation.channel.fileno() >= 0:
            self._loop.remove_reader(generation.channel.fileno())

    def _heard(self, generation: Generation) -> None:
        try:
            if generation.heard():
                self._ready(generation)
            if generation.channel.is_broken:
                raise LineBroken
        except LineBroken:
            self._deaf_to(generation)       # SIGCHLD tells the rest

    def _ready(self, generation: Generation) -> None:
        """A new worker serves: the old one may finish."""
        is_first, self._has_served = not self._has_served, True
        old, self.current, self.loading = self.current, generation, None
        self._say("NOTICE", f"New worker ({generation.pid}) forked")
        self._say("NOTICE", "Loading success.")
        self.failed = 0
        if old is not None:
            old.signal(signal.SIGUSR1)
            self.leaving.append(old)
        if generation.max_reloads is not None:
            for each in self.leaving:
                if self.reloads - each.reloads > generation.max_reloads:
                    each.signal(signal.SIGTERM)
        if is_first and self.on_ready is not None:
            self.on_ready()
        self._notify(f"READY=1\nMAINPID={os.getpid()}")
        if self._stopping:                  # the signal came before it could act on it
            generation.signal(signal.SIGTERM)
        self._reload_over(True, generation.told)

    def _reap(self) -> None:
        for generation in self.all:
            pid, status = os.waitpid(generation.pid, os.WNOHANG)
            if pid:
                self._heard(generation)     # its last words
                self._deaf_to(generation)
                generation.gone()
                generation.channel.close()
                self._gone(generation, exit_status(os.waitstatus_to_exitcode(status)))

    def _gone(self, generation: Generation, status: int) -> None:
        if generation is self.loading:
            self.loading = None
            if not self._has_served:
                self._status = self._status or status or 1          # a start that failed has said why
            else:
                self._load_failed(generation.told)
        elif generation is self.current:
            self.current = None
            severity = "ALERT" if status else "WARNING"
            self._say(severity, f"Current worker {exit_text(generation.pid, status)}")
            if not self._stopping:
                self._failed(generation, status)
        else:
            self.leaving.remove(generation)
            self._say("WARNING", f"Former worker {exit_text(generation.pid, status)}")
        self._check_over()

    def _failed(self, generation: Generation, status: int) -> None:
        """The worker that should serve does not."""
        if generation.no_exit_on_failure:
            self._say("WARNING", "no worker serves; the master waits for a reload (no-exit-on-failure).")
            return
        if status not in ENDS_WELL:
            self._say("ALERT", "exit-on-failure: killing every processes with SIGTERM")
        self._stopping = True
        self._status = 0 if status in ENDS_WELL else status
        self._notify("STOPPING=1")
        self._pass_on(signal.SIGTERM)

    def _load_failed(self, told: str) -> None:
        self.failed += 1
        self._say("WARNING", "Loading failure!")
        self._notify(f"READY=1\nMAINPID={os.getpid()}")
        self._reload_over(False, told)

    def _reload_over(self, success: bool, told: str) -> None:
        waiting, self._told, self._told_next = self._told, self._told_next, []
        for tell in waiting:
            tell(success, told)
        again, self._again = self._again, False
        if again:
            self.reload()

    def _check_over(self) -> None:
        if self.all:
            return
        if self._has_served and not self._stopping:
            return                          # no-exit-on-failure: a reload will start one
        if self._stopping:
            self._say("WARNING", f"All workers exited. Exiting... ({self._status})")
        assert self._loop is not None
        self._loop.stop()

    def _notify(self, state: str) -> None:
        if self._notifier is not None:
            self._notifier.tell(state)
