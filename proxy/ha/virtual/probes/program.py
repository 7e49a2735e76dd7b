"""`MISC_CHECK`: a program's exit status."""

from __future__ import annotations

from proxy.ha.conf.services import MiscCheck
from proxy.ha.speaker.spawn import TIMED_OUT, Programs, Running
from proxy.ha.virtual.probes.probe import Done

Offset = int | None


class ProgramProbe:
    """Runs the program once. `offset` is what its status says of the weight, None when it says nothing."""

    def __init__(self, programs: Programs, check: MiscCheck, weight: int, done: Done) -> None:
        self._programs, self._check, self._weight, self._done = programs, check, weight, done
        self._running: Running | None = None
        self._over = False
        self.offset: Offset = None

    def start(self) -> None:
        script = self._check.script
        if script is None:
            self._done(False, "no misc_path")
            return
        timeout_s = self._check.timeout_s or self._check.basics.delay_loop_s
        self._running = self._programs.run(script, (), timeout_s, self._ended)
        if self._running is None:
            self._done(False, f"{script.words[0]} cannot be run")

    def _ended(self, status: int) -> None:
        if self._over:
            return
        self._running = None
        if status == TIMED_OUT:
            self._done(False, "the program took too long")
        elif self._check.dynamic and 2 <= status <= 255:
            self.offset = status - 2 - self._weight
            self._done(True, f"exit status {status}")
        else:
            if status == 0 and self._check.dynamic:
                self.offset = 0
            self._done(status == 0, f"exit status {status}")

    def cancel(self) -> None:
        self._over = True
        if self._running is not None:
            self._running.terminate()
            self._running = None
