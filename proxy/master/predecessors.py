"""The processes that this one replaces: `-sf` lets them finish, `-st` ends them."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable

from proxy.base.errors import StartError

PATIENCE_S = 2.0
RETRY_S = 0.01


class Predecessors:
    """Old processes by pid. Those that are gone already are as good as told.

    Source: HAProxy management guide, section 4 "Stopping and restarting HAProxy".
    """

    def __init__(
        self, finish: Iterable[int] = (), terminate: Iterable[int] = (), warn: Callable[[str], None] | None = None
    ) -> None:
        own = os.getpid()
        self._signals = {pid: signal.SIGUSR1 for pid in finish if pid != own}
        self._signals |= {pid: signal.SIGTERM for pid in terminate if pid != own}
        self._paused = False
        self._warn = warn

    def __bool__(self) -> bool:
        return bool(self._signals)

    @property
    def pids(self) -> tuple[int, ...]:
        """Who they are."""
        return tuple(self._signals)

    def pause(self) -> None:
        """Ask them to stop listening for a moment, and to keep everything else."""
        self._paused = True
        for pid in self._signals:
            self._tell(pid, signal.SIGTTOU)

    def resume(self) -> None:
        """Give them back what `pause` took: the new process does not start."""
        if self._paused:
            self._paused = False
            for pid in self._signals:
                self._tell(pid, signal.SIGTTIN)

    def dismiss(self) -> None:
        """The new process serves: let them finish or end."""
        self._paused = False
        for pid, number in self._signals.items():
            self._tell(pid, number)

    def _tell(self, pid: int, number: signal.Signals) -> None:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return
        except OSError as error:
            if self._warn is not None:
                self._warn(f"cannot send {number.name} to the old process {pid}: {error.strerror}")


def bind_beside(
    bind: Callable[[], None], old: Predecessors, sleep: Callable[[float], None] = time.sleep,
    now_s: Callable[[], float] = time.monotonic,
) -> None:
    """Bind; when an address is in use, ask the old processes to let go of it and try again for two seconds.

    Raises: StartError, after the old processes have their addresses back.
    """
    deadline_s = 0.0
    while True:
        try:
            bind()
        except StartError as error:
            if not old or not error.address_in_use or (deadline_s and now_s() >= deadline_s):
                old.resume()
                raise
            if not deadline_s:
                old.pause()
                deadline_s = now_s() + PATIENCE_S
            sleep(RETRY_S)
        else:
            return

