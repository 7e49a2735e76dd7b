"""One checker at work: its timing decides when, its probe finds out, its pool is told."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Protocol

from proxy.ha.conf.model import TrackFile
from proxy.ha.conf.services import Check, FileCheck, RealServer, TlsFiles
from proxy.ha.log import Log
from proxy.ha.loop import Loop
from proxy.ha.speaker.spawn import Programs
from proxy.ha.speaker.trackers.file import FileTracker
from proxy.ha.virtual.probes.make import basics_of, make_probe, steps_count
from proxy.ha.virtual.probes.probe import Probe
from proxy.ha.virtual.timing import NEVER, CheckTiming

FAULT = -254
"""A weighted file value at or below this takes the server down, as it does a VRRP instance."""

Verdict = Callable[[bool, str], None]
Offset = Callable[[int], None]


class Checker(Protocol):
    """What a director can do with a checker."""

    @property
    def check(self) -> Check:
        """What is configured."""

    @property
    def up(self) -> bool:
        """Its verdict."""

    @property
    def last_why(self) -> str:
        """What the last attempt said."""

    def start(self) -> None:
        """Begin."""

    def stop(self) -> None:
        """End, and tell nobody."""

    def suspend(self, suspended: bool) -> None:
        """Do not check for now, or check again."""


class ProbingChecker:
    """A checker that probes again and again."""

    def __init__(self, loop: Loop, log: Log, programs: Programs, check: Check, server: RealServer, port: int, tls: TlsFiles,
                 name: str, verdict: Verdict, offset: Offset) -> None:
        self._loop, self._log, self._programs, self._tls = loop, log, programs, tls
        self._check, self._server, self._port, self._name = check, server, port, name
        self._verdict, self._offset = verdict, offset
        self.timing = CheckTiming(basics_of(check), steps_count(check), getattr(check, "fast_recovery", False))
        self._timer = loop.timer(self._due)
        self._probe: Probe | None = None

    @property
    def check(self) -> Check:
        return self._check

    @property
    def up(self) -> bool:
        return self.timing.up

    @property
    def last_why(self) -> str:
        return self.timing.last_why

    def start(self) -> None:
        self.timing.start(self._loop.now(), random.random())
        self._timer.set(self.timing.next_at)

    def stop(self) -> None:
        self._timer.cancel()
        if self._probe is not None:
            self._probe.cancel()
            self._probe = None

    def suspend(self, suspended: bool) -> None:
        if suspended:
            self.timing.suspend()
            self._timer.cancel()
        elif self.timing.suspended:
            self.timing.resume(self._loop.now())
            if self.timing.next_at != NEVER:
                self._timer.set(self.timing.next_at)

    def _due(self) -> None:
        if not self.timing.due(self._loop.now()):
            return
        probe = self._probe = make_probe(self._loop, self._programs, self.check, self.timing.step, self._server, self._port,
                                         self._tls, self._done)
        probe.start()

    def _done(self, ok: bool, why: str) -> None:
        probe, self._probe = self._probe, None
        change = self.timing.result(self._loop.now(), ok, why)
        if not self.timing.suspended:
            self._timer.set(self.timing.next_at)
        if not ok and (change is not None or basics_of(self.check).log_all_failures):
            self._log.say("info", f"{self._name} failed: {why}")
        elif change is not None:
            self._log.say("info", f"{self._name} succeeded: {why}")
        offset = getattr(probe, "offset", None)
        if offset is not None:
            self._offset(offset)
        if change is not None:
            self._verdict(change.up, change.why)


class FileChecker:
    """`FILE_CHECK`: the number in a file, times a weight. With weight 0 the server is up while the number is 0."""

    def __init__(self, loop: Loop, log: Log, check: FileCheck, file: TrackFile, verdict: Verdict, offset: Offset) -> None:
        self._file_check, self._verdict, self._offset = check, verdict, offset
        self._factor = file.weight if check.weight is None else check.weight
        self._reverse = check.reverse if check.weight is not None else file.reverse
        self._tracker = FileTracker(loop, log, file, self._changed)
        self.up = True
        self.last_why = ""

    @property
    def check(self) -> Check:
        return self._file_check

    def start(self) -> None:
        self._tracker.start()

    def stop(self) -> None:
        self._tracker.stop()

    def suspend(self, suspended: bool) -> None:
        """A file is read whether or not the address is here."""

    def _changed(self, value: object, why: str) -> None:
        number = value if isinstance(value, int) else 0
        up, offset = file_verdict(number, self._factor, self._reverse)
        self.last_why = why
        if self._file_check.dynamic:
            self._offset(offset)
        if up != self.up:
            self.up = up
            self._verdict(up, why)


def file_verdict(number: int, factor: int, reverse: bool) -> tuple[bool, int]:
    """Whether the server is up, and what is added to its weight."""
    if factor == 0:
        return (number == 0) is not reverse, 0
    weighted = number * factor * (-1 if reverse else 1)
    return weighted > FAULT, weighted
