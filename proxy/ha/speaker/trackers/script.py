"""`vrrp_script`: run every `interval`, never twice at a time; its exit status counts, or that it took longer than `timeout`."""

from __future__ import annotations

from proxy.ha.conf.model import VrrpScript
from proxy.ha.log import Log
from proxy.ha.loop import Loop
from proxy.ha.speaker.spawn import TIMED_OUT, Programs, Running
from proxy.ha.speaker.trackers.tracker import Report, Value
from proxy.ha.vrrp.rise_fall import RiseFall


class ScriptTracker:
    """Runs one script."""

    def __init__(self, loop: Loop, log: Log, programs: Programs, script: VrrpScript, report: Report) -> None:
        self._loop, self._log, self._programs, self._script, self._report = loop, log, programs, script, report
        self._state = RiseFall(script.rise, script.fall, init_fail=script.init_fail)
        self._timer = loop.timer(self._due)
        self._running: Running | None = None
        self._next = 0.0
        self._last_code: int | None = None
        self._stopped = False
        self.value: Value = self._state.up

    def start(self) -> None:
        self._next = self._loop.now()
        self._timer.set(self._next)

    def stop(self) -> None:
        self._stopped = True
        self._timer.cancel()
        if self._running is not None:
            self._running.terminate()

    def _due(self) -> None:
        now = self._loop.now()
        self._next = max(self._next + self._script.interval_s, now)
        self._timer.set(self._next)
        if self._running is not None or self._script.script is None:
            return
        timeout_s = self._script.interval_s if self._script.timeout_s is None else self._script.timeout_s
        self._running = self._programs.run(self._script.script, (), timeout_s, self._ended)
        if self._running is None:
            self._result(False, "cannot be run")

    def _ended(self, code: int) -> None:
        self._running = None
        if self._stopped:
            return
        how = f"exited with status {code}" if code < 128 else f"ended by signal {code - 128}"
        if code == TIMED_OUT:
            how = "timed out"
        if code != self._last_code:
            self._log.detail(f"Script `{self._script.name}` {how}")
            self._last_code = code
        self._result(code == 0, how)

    def _result(self, good: bool, how: str) -> None:
        if self._state.result(good):
            self.value = self._state.up
            self._log.say("info", f"VRRP_Script({self._script.name}) {'succeeded' if good else f'failed ({how})'}")
            self._report(self.value, how)
