"""Signals of a process that serves.

    USR1        soft stop                      TTOU, TTIN  pause and resume the listeners
    TERM, INT   hard stop, dies by the signal  HUP         dump every server's state
    QUIT        dump memory                    USR2        nothing: only a master process reloads (-W)

Source: HAProxy management guide, section 4 "Stopping and restarting HAProxy".
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from typing import Protocol

from proxy.master.state_dump import dump_states
from proxy.runtime.process import Process

Say = Callable[[str, str], None]
HANDLED = ("SIGUSR1", "SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGTTOU", "SIGTTIN", "SIGUSR2")
MAY_BE_IGNORED = ("SIGTERM", "SIGINT")


def _is_ignored(name: str) -> bool:
    """A shell without job control starts what is to run in the background with SIGINT ignored, as nohup does with SIGHUP."""
    return signal.getsignal(getattr(signal, name)) is signal.SIG_IGN


class Obeys(Protocol):
    """What signals act on: one process, or the master of several workers."""

    process: Process

    def soft_stop(self) -> None: ...

    def hard_stop(self) -> None: ...

    def pause(self) -> None: ...

    def resume(self) -> None: ...

    def dump_memory(self) -> None: ...


class Signals:
    """Lets signals act on an instance; `killed_by` is the one that asked for a hard stop."""

    def __init__(self, instance: Obeys, say: Say) -> None:
        self._instance = instance
        self._loop: asyncio.AbstractEventLoop | None = None
        self._say = say
        self._heard: list[str] = []
        self.no_master = True
        self.killed_by: signal.Signals | None = None

    def hold(self) -> None:
        """Keep back until `release` what has a meaning here: an event loop that does not run yet would lose it.

        TERM and INT have none where whoever started us has them ignored.
        """
        self._heard = [name for name in HANDLED if name not in MAY_BE_IGNORED or not _is_ignored(name)]
        signal.pthread_sigmask(signal.SIG_BLOCK, [getattr(signal, name) for name in self._heard])

    def install(self, loop: asyncio.AbstractEventLoop) -> None:
        """Listen to what is held."""
        self._loop = loop
        actions: dict[str, Callable[[], None]] = {
            "SIGUSR1": self._instance.soft_stop,
            "SIGTERM": lambda: self._hard_stop(signal.SIGTERM),
            "SIGINT": lambda: self._hard_stop(signal.SIGINT),
            "SIGHUP": lambda: dump_states(self._instance.process, self._say),
            "SIGQUIT": self._instance.dump_memory,
            "SIGTTOU": self._instance.pause,
            "SIGTTIN": self._instance.resume,
            "SIGUSR2": self._no_master,
        }
        for name in self._heard:
            loop.add_signal_handler(getattr(signal, name), actions[name])

    def release(self) -> None:
        """Let signals in: the loop runs."""
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [getattr(signal, name) for name in self._heard])

    def remove(self) -> None:
        """Leave every signal as the system has it."""
        if self._loop is not None:
            for name in self._heard:
                self._loop.remove_signal_handler(getattr(signal, name))

    def _hard_stop(self, number: signal.Signals) -> None:
        self.killed_by = number
        self._instance.hard_stop()

    def _no_master(self) -> None:
        if self.no_master:
            self._say("WARNING", "SIGUSR2 ignored: there is no master process; to reload, start a new one with -sf <this pid>.")
        else:
            self._say("WARNING", "SIGUSR2 ignored: it is the master process that reloads.")
