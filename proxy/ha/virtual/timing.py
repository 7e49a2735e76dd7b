"""When a real server is checked, and what a result means: keepalived's clock of one checker.

    warm-up ──due──> CHECKING ──good, last step─────────────────────> up,   next after delay_loop
                        ├──good, down, steps left──> next step after delay_loop, at once with fast_recovery
                        ├──bad, up, retries left───> the same step after delay_before_retry
                        └──bad, otherwise───────────────────────────> down, first step after delay_loop

A server is up until shown otherwise, unless `alpha`. A checker has one step, or one for each URL: an up server's steps take
turns, a down server is up when all have succeeded one after the other. Units: seconds. Source: keepalived.conf(5), "real_server".
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from proxy.ha.conf.services import CheckBasics

NEVER = math.inf


@dataclass(frozen=True, slots=True)
class Change:
    """A checker has changed its mind."""

    up: bool
    why: str


class CheckTiming:
    """One checker. Ask `due` when `next_at` has come, start a probe of `step` when it says so, and give the result back."""

    def __init__(self, basics: CheckBasics, steps_count: int = 1, fast_recovery: bool = False) -> None:
        self.basics, self.steps_count, self.fast_recovery = basics, steps_count, fast_recovery
        self.up = not basics.alpha
        self.failures = 0
        self.step = 0
        self.checking = False
        self.suspended = False
        self.next_at = NEVER
        self.last_why = ""

    def start(self, now: float, chance: float) -> None:
        """Begin; `chance` in [0, 1) chooses the time within the warm-up."""
        self.next_at = now + self.basics.warmup_s * chance

    def due(self, now: float) -> bool:
        """Whether a probe is to be started now; it is then under way."""
        if self.checking or self.suspended or now < self.next_at:
            return False
        self.checking = True
        self.next_at = NEVER
        return True

    def result(self, now: float, ok: bool, why: str) -> Change | None:
        """A probe has ended; the change, if it brought one."""
        self.checking = False
        self.last_why = why
        if ok:
            return self._good(now, why)
        if self.up and self.failures < self.basics.retry:
            self.failures += 1
            self.next_at = now + self.basics.delay_before_retry_s
            return None
        self.next_at = now + self.basics.delay_loop_s
        self.failures = self.step = 0
        was_up, self.up = self.up, False
        return Change(False, why) if was_up else None

    def _good(self, now: float, why: str) -> Change | None:
        self.failures = 0
        self.step = (self.step + 1) % self.steps_count
        recovering = not self.up and self.step > 0
        self.next_at = now if recovering and self.fast_recovery else now + self.basics.delay_loop_s
        if self.up or recovering:
            return None
        self.up = True
        return Change(True, why)

    def suspend(self) -> None:
        """Check no more for now; a probe under way still gives its result."""
        self.suspended = True

    def resume(self, now: float) -> None:
        """Check again, at once."""
        if self.suspended:
            self.suspended = False
            if not self.checking:
                self.next_at = now
